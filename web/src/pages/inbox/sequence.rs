use leptos::prelude::*;
use leptos_router::components::A;

use super::state::Inbox;
use crate::api::Problem;
use crate::api::automation::{self, Sequence, SequenceExecution};
use crate::i18n::{format, text};
use crate::pages::agents::automation::words::stop_word;
use crate::query::Query;
use crate::task;
use crate::ui::{Button, Dialog, Glyph, Notice, Screen, Tone};

/// The way to start a sequence of messages by hand.
#[component]
pub(super) fn SequencePart(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let choosing = RwSignal::new(false);
    let agent = Memo::new(move |_| inbox.open.data.get().flatten().map(|open| open.agent));
    view! {
        <section class="stack-tight">
            <h2>{t.sequences}</h2>
            <div class="row">
                <Button
                    glyph=Glyph::Send
                    disabled=!inbox.may_write
                    on_press=move |()| choosing.set(true)
                >
                    {t.start_sequence}
                </Button>
            </div>
            {move || {
                let agent = agent.get().filter(|_| choosing.get())?;
                Some(view! { <StartDialog agent inbox choosing /> })
            }}
        </section>
    }
    .into_any()
}

#[component]
fn StartDialog(agent: String, inbox: Inbox, choosing: RwSignal<bool>) -> impl IntoView {
    let t = text::inbox();
    let of_sequences = agent.clone();
    let query = Query::once(move || automation::sequences(of_sequences.clone()));
    let refused = RwSignal::new(None::<Problem>);
    let started = move |answer: Result<SequenceExecution, Problem>| match answer {
        Ok(execution) => {
            choosing.set(false);
            inbox.toasts.say(started_words(&execution));
        }
        Err(problem) => refused.set(Some(problem)),
    };
    let start = Callback::new(move |sequence: String| {
        let asked = automation::start_sequence(sequence, inbox.name.get_untracked());
        inbox.busy.set(true);
        task::spawn(async move {
            let answer = asked.await;
            inbox.busy.set(false);
            started(answer);
        });
    });
    view! {
        <Dialog title=t.start_sequence on_close=move |()| choosing.set(false)>
            <p class="soft">{t.start_sequence_text}</p>
            {move || refused.get().map(refusal)}
            <Screen
                query
                count=2
                children=move |all| choices(all, &agent, inbox.busy, start)
            />
        </Dialog>
    }
    .into_any()
}

fn refusal(problem: Problem) -> AnyView {
    let words = if problem.why.is_empty() {
        format!("{} {}", problem.text, problem.next)
    } else {
        let what = problem.text.trim_end_matches('.');
        format!("{what}: {}.", stop_word(&problem.why))
    };
    view! { <Notice tone=Tone::Danger>{words}</Notice> }.into_any()
}

fn started_words(execution: &SequenceExecution) -> String {
    let t = text::inbox();
    match &execution.next_time {
        Some(time) => (t.sequence_started)(format::relative_time(time)),
        None => t.sequence_ended.to_owned(),
    }
}

fn choices(
    all: Vec<Sequence>,
    agent: &str,
    busy: RwSignal<bool>,
    start: Callback<String>,
) -> AnyView {
    let t = text::inbox();
    let enabled: Vec<_> = all.into_iter().filter(|one| one.enabled).collect();
    if enabled.is_empty() {
        let href = format!("/{agent}/sequences");
        return view! {
            <p class="soft">{t.no_sequences}</p>
            <div class="row">
                <A href attr:class="button">
                    {t.make_sequence}
                </A>
            </div>
        }
        .into_any();
    }
    let rows = enabled
        .into_iter()
        .map(|sequence| row(sequence, busy, start));
    view! { <ul class="stack-tight">{rows.collect_view()}</ul> }.into_any()
}

fn row(sequence: Sequence, busy: RwSignal<bool>, start: Callback<String>) -> AnyView {
    let steps = (text::automation().steps_count)(sequence.steps.len());
    view! {
        <li class="card card-body row between">
            <div class="grow">
                <strong>{sequence.display_name}</strong>
                <div class="small muted">{steps}</div>
            </div>
            <Button busy on_press=move |()| start.run(sequence.name.clone())>
                {text::inbox().start}
            </Button>
        </li>
    }
    .into_any()
}
