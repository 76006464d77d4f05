use leptos::prelude::*;

use super::steps::Steps;
use crate::api::Problem;
use crate::api::automation::{self, PreviewSequenceResponse};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Notice, Screen, Tone};

/// When the steps would run that started now.
#[component]
pub(super) fn Preview(
    agent: StoredValue<String>,
    steps: Steps,
    quiet: Signal<(i32, i32)>,
) -> impl IntoView {
    let t = text::automation();
    let asked = Memo::new(move |_| (steps.delays(), quiet.get()));
    let dates = Query::keyed(
        move || asked.get(),
        move |(delays, quiet)| dates_of(agent.get_value(), delays, quiet),
    );
    let wanted = Signal::derive(move || asked.with(|(delays, _)| delays.len()));
    view! {
        <fieldset class="field">
            <legend class="field-label">{t.preview}</legend>
            <Screen query=dates count=2 children=move |dates| list(dates, wanted.get_untracked()) />
        </fieldset>
    }
    .into_any()
}

async fn dates_of(
    agent: String,
    delays: Vec<i32>,
    quiet: (i32, i32),
) -> Result<PreviewSequenceResponse, Problem> {
    automation::preview(agent, delays, quiet).await
}

fn list(dates: PreviewSequenceResponse, wanted: usize) -> AnyView {
    let t = text::automation();
    let is_short = dates.step_times.len() < wanted;
    let rows = dates.step_times.iter().enumerate();
    let rows = rows
        .map(|(index, time)| {
            view! {
                <li class="row between">
                    <span>{(t.step_number)(index + 1)}</span>
                    <time>{format::exact_time(time)}</time>
                </li>
            }
        })
        .collect_view();
    view! {
        <ol class="stack-tight">{rows}</ol>
        {is_short
            .then(|| {
                view! { <Notice tone=Tone::Warn>{t.preview_never}</Notice> }
            })}
        <p class="field-hint">{dates.time_zone}</p>
    }
    .into_any()
}
