use leptos::prelude::*;

use crate::api::crm::{self, Account};
use crate::api::playbook::StageRef;
use crate::i18n::text;
use crate::query::Query;
use crate::ui::{Badge, Checkbox, Glyph, IconButton, Tone};

/// Stages of the CRM where something applies; nothing chosen means everywhere.
#[component]
pub(super) fn StagePicker(value: RwSignal<Vec<StageRef>>) -> impl IntoView {
    let t = text::plays();
    let accounts = Query::once(crm::accounts);
    let summary = move || match u64::try_from(value.with(Vec::len)).unwrap_or_default() {
        0 => t.every_stage.to_owned(),
        count => (t.stage_count)(count),
    };
    let boxes = move || {
        let accounts = accounts.data.get()?;
        let named = value.get_untracked();
        let gone: Vec<StageRef> = named
            .into_iter()
            .filter(|stage| !is_known(&accounts, stage))
            .collect();
        let gone = gone
            .into_iter()
            .map(|stage| view! { <GoneStage stage value /> })
            .collect_view();
        let several = accounts.len() > 1;
        let groups = accounts
            .into_iter()
            .map(|account| view! { <AccountStages account several value /> })
            .collect_view();
        Some(view! {
            {gone}
            {groups}
        })
    };
    view! {
        <fieldset class="field">
            <legend class="field-label">{t.stages}</legend>
            <details>
                <summary class="soft">{summary}</summary>
                <div class="stack-tight fold">{boxes}</div>
            </details>
            <p class="field-hint">{t.stages_hint}</p>
        </fieldset>
    }
    .into_any()
}

fn is_known(accounts: &[Account], stage: &StageRef) -> bool {
    let account = accounts
        .iter()
        .find(|account| account.connection.name == stage.connection);
    account.is_some_and(|account| {
        account.pipelines.iter().any(|pipeline| {
            let has_stage = pipeline
                .stages
                .iter()
                .any(|one| one.stage_id == stage.stage_id && !one.gone);
            pipeline.pipeline_id == stage.pipeline_id && has_stage
        })
    })
}

#[component]
fn AccountStages(account: Account, several: bool, value: RwSignal<Vec<StageRef>>) -> impl IntoView {
    let connection = account.connection.name;
    let host = several.then(|| view! { <p class="small muted">{account.connection.host}</p> });
    let pipelines = account
        .pipelines
        .into_iter()
        .filter(|pipeline| !pipeline.gone)
        .map(|pipeline| {
            let stages = pipeline
                .stages
                .into_iter()
                .filter(|stage| !stage.gone)
                .map(|stage| {
                    let place = StageRef {
                        connection: connection.clone(),
                        pipeline_id: pipeline.pipeline_id,
                        stage_id: stage.stage_id,
                    };
                    view! { <StageBox place label=stage.display_name value /> }
                })
                .collect_view();
            view! {
                <div>
                    <strong class="small">{pipeline.display_name}</strong>
                    {stages}
                </div>
            }
        })
        .collect_view();
    view! {
        {host}
        {pipelines}
    }
    .into_any()
}

#[component]
fn StageBox(place: StageRef, label: String, value: RwSignal<Vec<StageRef>>) -> impl IntoView {
    let is_chosen = Signal::derive({
        let place = place.clone();
        move || value.with(|chosen| chosen.contains(&place))
    });
    let choose = move |on: bool| {
        value.update(|chosen| {
            chosen.retain(|other| *other != place);
            if on {
                chosen.push(place.clone());
            }
        });
    };
    view! { <Checkbox label value=is_chosen on_change=choose /> }
}

/// A stage that Kommo no longer has.
#[component]
fn GoneStage(stage: StageRef, value: RwSignal<Vec<StageRef>>) -> impl IntoView {
    let t = text::deals();
    let label = format!("{} / {}", stage.pipeline_id, stage.stage_id);
    let (one, other) = (stage.clone(), stage);
    view! {
        <Show when=move || value.with(|chosen| chosen.contains(&one))>
            <div class="row between">
                <span class="row row-wrap">{label.clone()} <Badge label=t.gone tone=Tone::Danger /></span>
                <IconButton
                    glyph=Glyph::Close
                    label=t.remove
                    on_press={
                        let other = other.clone();
                        move || value.update(|chosen| chosen.retain(|stage| *stage != other))
                    }
                />
            </div>
        </Show>
    }
}
