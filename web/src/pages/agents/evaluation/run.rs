use leptos::prelude::*;
use leptos_router::components::A;

use super::words::{RunBadge, assert_words, value_word};
use crate::api::Problem;
use crate::api::evaluation::{self, EvalAssertResult, EvalReply, EvalResult, EvalRun};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Badge, Notice, Screen, Sheet, Tone};

/// A run and the one before it.
type Both = (EvalRun, Option<EvalRun>);

/// How the cases of a run fared, and what differs from the run before.
#[component]
pub(super) fn RunSheet(
    run: String,
    before: Option<String>,
    on_close: Callback<()>,
) -> impl IntoView {
    let query = Query::once(move || both(run.clone(), before.clone()));
    view! {
        <Sheet title=text::evaluation().runs on_close>
            <Screen query count=4 children=results />
        </Sheet>
    }
    .into_any()
}

async fn both(run: String, before: Option<String>) -> Result<Both, Problem> {
    let run = evaluation::get_run(run).await?;
    let before = match before {
        Some(before) => Some(evaluation::get_run(before).await?),
        None => None,
    };
    Ok((run, before))
}

fn results((run, before): Both) -> AnyView {
    let t = text::evaluation();
    let why = match run.error_reason.as_str() {
        "DRAFT_CHANGED" => Some(t.draft_changed),
        "BUDGET_EXCEEDED" => Some(t.budget_exceeded),
        _ => None,
    };
    let passed = (t.passed_of)(run.passed_count, run.case_count);
    let (state, cost) = (run.state(), format::micro_usd(run.cost_micro_usd));
    let rows = run
        .results
        .into_iter()
        .map(|result| {
            let was = before.as_ref().and_then(|before| {
                let mut results = before.results.iter();
                results.find(|one| one.case == result.case)
            });
            let was = was.map(|one| one.passed);
            view! { <CaseResult result was /> }
        })
        .collect_view();
    view! {
        <div class="row row-wrap">
            <RunBadge state />
            <span>{passed}</span>
            <span class="small muted">{cost}</span>
        </div>
        {why.map(|why| view! { <Notice tone=Tone::Warn>{why}</Notice> })}
        <ul class="stack-tight" aria-label=t.cases>
            {rows}
        </ul>
    }
    .into_any()
}

#[component]
fn CaseResult(result: EvalResult, was: Option<bool>) -> impl IntoView {
    let t = text::evaluation();
    let (label, tone) = if result.passed {
        (t.state_passed, Tone::Success)
    } else {
        (t.state_failed, Tone::Danger)
    };
    let changed = match (was, result.passed) {
        (Some(true), false) => Some(t.newly_failed),
        (Some(false), true) => Some(t.newly_passed),
        _ => None,
    };
    let asserts = result.asserts.into_iter().filter(|one| !one.passed);
    let asserts = asserts
        .map(|assert| view! { <Missed assert /> })
        .collect_view();
    let replies = result
        .replies
        .into_iter()
        .map(|reply| view! { <Reply reply /> })
        .collect_view();
    view! {
        <li class="card card-body stack-tight">
            <div class="row between row-wrap">
                <strong>{result.display_name}</strong>
                <div class="row row-wrap">
                    {changed.map(|label| view! { <Badge label tone=Tone::Warn /> })}
                    <Badge label tone />
                </div>
            </div>
            {(!result.error_reason.is_empty())
                .then(|| view! { <span class="mono small">{result.error_reason.clone()}</span> })}
            {asserts}
            {replies}
        </li>
    }
    .into_any()
}

#[component]
fn Missed(assert: EvalAssertResult) -> impl IntoView {
    let t = text::evaluation();
    let asked = assert.assert.unwrap_or_default();
    let (expected, found) = (assert_words(&asked), value_word(asked.kind(), assert.found));
    view! {
        <div class="small">
            <div>
                <span class="muted">{t.expected} ": "</span>
                {expected}
            </div>
            <div>
                <span class="muted">{t.found} ": "</span>
                {found}
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Reply(reply: EvalReply) -> impl IntoView {
    let t = text::evaluation();
    // `conversations/{conversation}/turns/{turn}`: the test chat shows the whole of it.
    let conversation = reply.turn.split('/').nth(1).unwrap_or_default();
    let said = if reply.text.is_empty() {
        t.nothing_said.to_owned()
    } else {
        reply.text
    };
    view! {
        <div class="small">
            <div class="muted">{reply.client_text}</div>
            <div>{said}</div>
            <A href=format!("/chat/{conversation}")>{t.trace}</A>
        </div>
    }
    .into_any()
}
