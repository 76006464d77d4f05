use leptos::prelude::*;

use crate::api::Problem;
use crate::api::prices::{self, CheckSentenceResponse};
use crate::i18n::text;
use crate::task;
use crate::ui::{Badge, Button, Failure, Notice, TextArea, Tone};

/// Whether an agent might say a sentence: the same rule as the one that guards answers.
#[component]
pub(super) fn CheckSentence() -> impl IntoView {
    let t = text::prices();
    let words = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let answer = RwSignal::new(None::<Result<CheckSentenceResponse, Problem>>);
    let check = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let sentence = words.get_untracked();
        if sentence.trim().is_empty() {
            return;
        }
        busy.set(true);
        task::spawn(async move {
            answer.set(Some(prices::check_sentence(sentence).await));
            busy.set(false);
        });
    };
    view! {
        <section class="stack-tight">
            <h2>{t.check}</h2>
            <form class="card card-body stack" on:submit=check>
                <TextArea
                    label=t.check
                    name="text"
                    value=words
                    placeholder=t.check_placeholder
                    hint=t.check_hint
                    rows=2
                />
                <div class="row">
                    <Button submit=true busy>
                        {t.check_run}
                    </Button>
                </div>
                <div aria-live="polite">
                    {move || {
                        answer
                            .get()
                            .map(|answer| match answer {
                                Ok(answer) => view! { <Verdict answer /> }.into_any(),
                                Err(problem) => view! { <Failure problem /> }.into_any(),
                            })
                    }}
                </div>
            </form>
        </section>
    }
    .into_any()
}

#[component]
fn Verdict(answer: CheckSentenceResponse) -> impl IntoView {
    let t = text::prices();
    let (words, tone) = match (answer.numbers.is_empty(), answer.allowed) {
        (true, _) => (t.check_no_numbers, Tone::Info),
        (false, true) => (t.check_allowed, Tone::Success),
        (false, false) => (t.check_refused, Tone::Danger),
    };
    let numbers = answer
        .numbers
        .into_iter()
        .map(|number| {
            let (word, tone) = if number.allowed {
                (t.has_source, Tone::Success)
            } else {
                (t.no_source, Tone::Danger)
            };
            view! {
                <li class="row row-wrap">
                    <strong class="numeric">{number.text}</strong>
                    <Badge label=word tone />
                    <span class="small muted">{number.source}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <Notice tone>{words}</Notice>
        <ul class="stack-tight">{numbers}</ul>
    }
}
