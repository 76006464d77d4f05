use leptos::prelude::*;
use leptos_router::components::A;

use super::words::stop_word;
use crate::api::automation::{self, ExecutionState, Sequence, SequenceExecution};
use crate::i18n::text;
use crate::query::{Page, Paged, Query};
use crate::session::Session;
use crate::ui::{Badge, Button, NextPage, RelativeTime, Screen, Sheet, Toasts, Tone};

/// Where a sequence runs and ran.
#[component]
pub(super) fn ExecutionsSheet(sequence: Sequence, on_close: Callback<()>) -> impl IntoView {
    let t = text::automation();
    let name = sequence.name;
    let list = Paged::keyed(move || name.clone(), automation::executions);
    view! {
        <Sheet title=format!("{}: {}", t.executions, sequence.display_name) on_close>
            <Screen query=list.query count=4 children=move |page| rows(page, list.query) />
            <NextPage more=list.more />
        </Sheet>
    }
    .into_any()
}

fn rows(page: Page<SequenceExecution>, list: Query<Page<SequenceExecution>>) -> AnyView {
    let t = text::automation();
    if page.items.is_empty() {
        return view! { <p class="soft">{t.executions_empty}</p> }.into_any();
    }
    let rows = page
        .items
        .into_iter()
        .map(|execution| view! { <Row execution list /> })
        .collect_view();
    view! {
        <ul class="stack-tight" aria-label=t.executions_caption>
            {rows}
        </ul>
    }
    .into_any()
}

#[component]
fn Row(execution: SequenceExecution, list: Query<Page<SequenceExecution>>) -> impl IntoView {
    let t = text::automation();
    let (toasts, busy) = (Toasts::get(), RwSignal::new(false));
    let may_write = Session::get().may("conversations.write");
    let state = execution.state();
    let is_running = state == ExecutionState::Running;
    let (label, tone) = match state {
        ExecutionState::Unspecified | ExecutionState::Running => (t.state_running, Tone::Info),
        ExecutionState::Completed => (t.state_completed, Tone::Success),
        ExecutionState::Stopped => (t.state_stopped, Tone::Neutral),
        ExecutionState::Failed => (t.state_failed_run, Tone::Danger),
    };
    let name = execution.name.clone();
    let stop = Callback::new(move |()| {
        let asked = automation::stop_execution(name.clone());
        toasts.attempt(busy, asked, move |_| list.reload());
    });
    let why = (!execution.stop_reason.is_empty())
        .then(|| view! { <span class="soft">{stop_word(&execution.stop_reason)}</span> });
    let next = is_running.then(|| {
        let number = usize::try_from(execution.next_step).unwrap_or_default() + 1;
        view! {
            <span class="small">
                {(t.step_number)(number)} ": " <RelativeTime time=execution.next_time />
            </span>
        }
    });
    view! {
        <li class="card card-body stack-tight">
            <div class="row between row-wrap">
                <A href=format!("/{}", execution.conversation)>
                    {execution.conversation_display_name.clone()}
                </A>
                <Badge label tone />
            </div>
            {why}
            {next}
            <div class="row between">
                <span class="small muted">
                    <RelativeTime time=execution.create_time />
                </span>
                {is_running
                    .then(|| {
                        view! {
                            <Button busy disabled=!may_write on_press=stop>
                                {t.stop}
                            </Button>
                        }
                    })}
            </div>
        </li>
    }
    .into_any()
}
