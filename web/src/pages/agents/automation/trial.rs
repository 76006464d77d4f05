use leptos::prelude::*;

use super::triggers::Board;
use super::words::{done_words, reason_word};
use crate::api::Problem;
use crate::api::automation::{self, TriggerTrial};
use crate::i18n::text;
use crate::task;
use crate::ui::{Badge, Button, Failure, Section, TextArea, Tone};

/// Tries the triggers on a client's message.
#[component]
pub(super) fn TrialSection(board: Board) -> impl IntoView {
    let t = text::automation();
    let words = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let answer = RwSignal::new(None::<Result<Vec<TriggerTrial>, Problem>>);
    let is_empty = Signal::derive(move || words.with(|words| words.trim().is_empty()));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        busy.set(true);
        let asked = automation::try_triggers(board.agent.get_value(), words.get_untracked());
        task::spawn(async move {
            let tried = asked.await;
            busy.set(false);
            answer.set(Some(tried));
        });
    };
    view! {
        <Section title=t.try_title lead=t.try_lead>
            <form class="stack-tight" on:submit=submit>
                <TextArea label=t.try_text name="text" value=words rows=3 />
                <div class="row">
                    <Button
                        submit=true
                        busy
                        disabled=Signal::derive(move || is_empty.get() || !board.may_write)
                    >
                        {t.try_run}
                    </Button>
                </div>
            </form>
            <div aria-live="polite">
                {move || {
                    answer
                        .get()
                        .map(|answer| match answer {
                            Ok(trials) => trials.into_iter().map(trial).collect_view().into_any(),
                            Err(problem) => view! { <Failure problem /> }.into_any(),
                        })
                }}
            </div>
        </Section>
    }
    .into_any()
}

fn trial(trial: TriggerTrial) -> AnyView {
    let t = text::automation();
    let (label, tone) = if trial.fires {
        (t.fires, Tone::Success)
    } else {
        (t.fires_not, Tone::Neutral)
    };
    let done = trial
        .actions
        .iter()
        .map(|action| view! { <li class="small">{done_words(action)}</li> })
        .collect_view();
    let reply = (!trial.reply.is_empty()).then(|| view! { <q>{trial.reply.clone()}</q> });
    let evidence = (!trial.evidence.is_empty())
        .then(|| view! { <q class="soft">{trial.evidence.clone()}</q> });
    view! {
        <div class="card card-body stack-tight">
            <div class="row between row-wrap">
                <strong>{trial.display_name}</strong>
                <Badge label tone />
            </div>
            <span class="small">{reason_word(&trial.reason)} " " {evidence}</span>
            <ul>{done}</ul>
            {reply}
        </div>
    }
    .into_any()
}
