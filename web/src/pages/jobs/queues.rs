use leptos::prelude::*;

use crate::api::jobs::{self, Queue};
use crate::i18n::text;
use crate::query::Query;
use crate::task;
use crate::ui::{Badge, Button, Screen, Toasts, Tone};

/// The queues: how much waits, and a switch to hold it.
#[component]
pub(super) fn Queues(may_write: bool) -> impl IntoView {
    let query = Query::once(jobs::queues);
    let draw =
        move |queues: Vec<Queue>| (!queues.is_empty()).then(|| section(queues, query, may_write));
    view! { <Screen query count=2 children=draw /> }
}

fn section(queues: Vec<Queue>, query: Query<Vec<Queue>>, may_write: bool) -> AnyView {
    let rows = queues
        .into_iter()
        .map(|queue| view! { <QueueRow queue query may_write /> })
        .collect_view();
    view! {
        <section class="stack-tight">
            <h2>{text::jobs().queues}</h2>
            <div class="card">{rows}</div>
        </section>
    }
    .into_any()
}

#[component]
fn QueueRow(queue: Queue, query: Query<Vec<Queue>>, may_write: bool) -> impl IntoView {
    let t = text::jobs();
    let toasts = Toasts::get();
    let paused = queue.paused;
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    let counts = [
        (t.waiting)(count(queue.ready + queue.scheduled)),
        (t.running)(count(queue.running)),
        (t.dead)(count(queue.dead)),
    ]
    .join(" · ");
    let label = queue.name.trim_start_matches("queues/").to_owned();
    let turn = Callback::new(move |()| {
        let name = queue.name.clone();
        task::spawn(async move {
            let answer = if paused {
                jobs::resume_queue(name).await
            } else {
                jobs::pause_queue(name).await
            };
            if let Err(problem) = answer {
                toasts.problem(&problem);
            }
            query.reload();
        });
    });
    let (word, tone) = if paused {
        (t.queue_paused, Tone::Warn)
    } else {
        (t.queue_working, Tone::Success)
    };
    view! {
        <div class="card-head">
            <span class="row row-wrap">
                <strong class="mono">{label}</strong>
                <Badge label=word tone />
                <span class="small muted numeric">{counts}</span>
            </span>
            <Button disabled=!may_write on_press=turn>
                {if paused { t.resume } else { t.pause }}
            </Button>
        </div>
    }
}
