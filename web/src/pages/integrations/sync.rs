use leptos::prelude::*;

use super::office::Office;
use crate::api::crm::{self, Connection, SyncChange};
use crate::api::jobs::JobState;
use crate::i18n::text;
use crate::ingestion;
use crate::query::{Page, Paged};
use crate::ui::{Badge, Button, Glyph, NextPage, Notice, Progress, RelativeTime, Screen, Tone};

/// Synchronising: the button, the job as it runs, and what it found changed.
#[component]
pub(super) fn Sync(connection: Connection, office: Office) -> impl IntoView {
    let t = text::integrations();
    let name = StoredValue::new(connection.name.clone());
    let job = RwSignal::new(connection.sync_job.clone());
    let changes = Paged::keyed(
        || (),
        move |(), token| crm::sync_changes(name.get_value(), token),
    );
    let live_job = Memo::new(move |_| {
        office
            .live
            .jobs
            .with(|jobs| jobs.get(&job.get()).cloned())
            .map(|job| (job.state(), job.progress, job.error))
    });
    let is_running = Memo::new(move |_| {
        live_job.with(|job| job.as_ref().is_some_and(|(state, ..)| !is_over(*state)))
    });
    Effect::new(move |was: Option<bool>| {
        let runs = is_running.get();
        if was == Some(true) && !runs {
            office.connections.reload();
            changes.query.reload();
        }
        runs
    });
    let start = Callback::new(move |()| {
        let asked = crm::sync(name.get_value());
        office.toasts.attempt(office.busy, asked, move |started| {
            // The card may have been drawn anew meanwhile.
            let _ = job.try_set(started);
        });
    });
    let last = connection.last_sync_time;
    view! {
        <section class="stack-tight">
            <div class="row row-wrap">
                <Button
                    glyph=Glyph::Refresh
                    busy=office.busy
                    disabled=Signal::derive(move || !office.may_write || is_running.get())
                    on_press=start
                >
                    {t.sync}
                </Button>
                <span class="small muted">
                    {t.last_sync} ": " <RelativeTime time=last />
                </span>
            </div>
            {move || {
                live_job
                    .get()
                    .map(|(state, progress, error)| match state {
                        JobState::Dead => {
                            let reason = error.unwrap_or_default().message;
                            view! {
                                <Notice tone=Tone::Danger>{t.sync_failed} " " {reason}</Notice>
                            }
                                .into_any()
                        }
                        state if is_over(state) => ().into_any(),
                        _ => {
                            let percent = progress.as_ref().map(|progress| progress.percent);
                            let step = progress.map(|progress| progress.step).unwrap_or_default();
                            let label = match ingestion::sync_step(&step) {
                                "" => t.syncing.to_owned(),
                                what => format!("{}: {what}", t.syncing),
                            };
                            view! { <Progress percent label /> }
                                .into_any()
                        }
                    })
            }}
            <details>
                <summary class="soft">{t.changes}</summary>
                <div class="stack-tight fold">
                    <Screen
                        query=changes.query
                        count=2
                        children=diff
                    />
                    <NextPage more=changes.more />
                </div>
            </details>
        </section>
    }
    .into_any()
}

fn is_over(state: JobState) -> bool {
    matches!(
        state,
        JobState::Succeeded | JobState::Dead | JobState::Cancelled
    )
}

/// What changed at Kommo, as sentences.
fn diff(page: Page<SyncChange>) -> AnyView {
    let t = text::integrations();
    let changes = page.items;
    if changes.is_empty() {
        return view! { <p class="small muted">{t.no_changes}</p> }.into_any();
    }
    let rows = changes.into_iter().map(change_row).collect_view();
    view! { <ul class="stack-tight">{rows}</ul> }.into_any()
}

fn change_row(change: SyncChange) -> AnyView {
    let t = text::integrations();
    let (label, tone) = match change.kind.as_str() {
        "added" => (t.change_added, Tone::Success),
        "gone" => (t.change_gone, Tone::Danger),
        "back" => (t.change_back, Tone::Info),
        _ => (t.change_changed, Tone::Warn),
    };
    let entity = match change.entity.as_str() {
        "pipeline" => t.entity_pipeline,
        "stage" => t.entity_stage,
        "user" => t.entity_user,
        "custom_field" => t.entity_custom_field,
        "task_type" => t.entity_task_type,
        "loss_reason" => t.entity_loss_reason,
        _ => t.entity_source,
    };
    let was_renamed = !change.previous_display_name.is_empty()
        && change.previous_display_name != change.display_name;
    let before = was_renamed.then(|| (t.changed_from)(change.previous_display_name));
    view! {
        <li class="row row-wrap small">
            <Badge label tone />
            <span class="grow">
                {entity} " «" {change.display_name} "» " <span class="muted">{before}</span>
            </span>
            <span class="muted">
                <RelativeTime time=change.create_time />
            </span>
        </li>
    }
    .into_any()
}
