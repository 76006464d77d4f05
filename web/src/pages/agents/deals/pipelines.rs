use leptos::prelude::*;

use super::account::{AccountSection, GoneNotice, Refused, no_account, not_synced};
use super::channels::{Channels, People};
use super::form::CrmForm;
use super::inputs::Gone;
use super::stage::StageRow;
use crate::api::crm::{Account, Pipeline, Stage};
use crate::i18n::text;
use crate::ui::{Glyph, IconButton, Screen, Section, Switch};

/// The tab «Pipelines & channels»: where the agent answers, and how on each stage.
#[component]
pub(crate) fn Pipelines() -> impl IntoView {
    let form = expect_context::<CrmForm>();
    let draw = move |accounts: Vec<Account>| {
        if accounts.is_empty() {
            return no_account();
        }
        view! { <Screen query=form.settings count=4 children=move |_| sections(form) /> }.into_any()
    };
    view! { <Screen query=form.accounts count=4 children=draw /> }
}

fn sections(form: CrmForm) -> AnyView {
    let connection = Memo::new(move |_| form.edited.with(|edited| edited.connection.clone()));
    view! {
        <Refused />
        <GoneNotice form />
        <AccountSection form />
        {move || {
            (!connection.with(String::is_empty))
                .then(|| {
                    let account = untrack(|| form.account());
                    view! {
                        <PipelineSection account=account.clone() form />
                        <Channels account form />
                        <People form />
                    }
                })
        }}
    }
    .into_any()
}

#[component]
fn PipelineSection(account: Option<Account>, form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let pipelines = with_missing(
        account.map(|account| account.pipelines).unwrap_or_default(),
        form,
    );
    let body = if pipelines.is_empty() {
        not_synced()
    } else {
        pipelines
            .into_iter()
            .map(|pipeline| view! { <PipelineCard pipeline form /> })
            .collect_view()
            .into_any()
    };
    view! {
        <Section title=t.pipelines lead=t.pipelines_lead>
            {body}
        </Section>
    }
    .into_any()
}

/// Those of the account, without what is gone and not named by the settings.
fn with_missing(mut pipelines: Vec<Pipeline>, form: CrmForm) -> Vec<Pipeline> {
    let named = form.edited.get_untracked().pipelines;
    pipelines.retain(|pipeline| {
        !pipeline.gone
            || named
                .iter()
                .any(|one| one.pipeline_id == pipeline.pipeline_id)
    });
    for one in named {
        if !pipelines
            .iter()
            .any(|pipeline| pipeline.pipeline_id == one.pipeline_id)
        {
            pipelines.push(Pipeline {
                pipeline_id: one.pipeline_id,
                display_name: one.pipeline_id.to_string(),
                gone: true,
                ..Pipeline::default()
            });
        }
    }
    pipelines
}

#[component]
fn PipelineCard(pipeline: Pipeline, form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let id = pipeline.pipeline_id;
    let is_on = Memo::new(move |_| form.has_pipeline(id));
    let has_all = Memo::new(move |_| form.has_all_stages(id));
    let stages = StoredValue::new(open_stages(&pipeline, form));
    let is_gone = pipeline.gone;
    let rows = move || {
        stages
            .get_value()
            .into_iter()
            .map(|stage| view! { <StageRow pipeline_id=id stage has_all form /> })
            .collect_view()
    };
    let switch = move || {
        if is_gone {
            return is_on.get().then(|| {
                view! {
                    <IconButton
                        glyph=Glyph::Trash
                        label=t.remove
                        on_press=move || form.set_pipeline(id, false)
                    />
                }
                .into_any()
            });
        }
        let turn = move |on| form.set_pipeline(id, on);
        Some(view! { <Switch label=t.pipeline_on value=is_on on_change=turn /> }.into_any())
    };
    view! {
        <section class="card">
            <header class="card-head">
                <h3 class="row row-wrap">
                    {pipeline.display_name}
                    {is_gone.then(|| view! { <Gone /> })}
                </h3>
                {switch}
            </header>
            <Show when=move || is_on.get() && !is_gone>
                <div class="card-body stack">
                    <Switch
                        label=t.all_stages
                        value=has_all
                        on_change=move |on| {
                            form.change_pipeline(id, |pipeline| pipeline.all_stages = on);
                        }
                    />
                    <ul class="stage-list">{rows()}</ul>
                </div>
            </Show>
        </section>
    }
    .into_any()
}

/// Stages where an agent can answer, and those the settings name though they are gone.
fn open_stages(pipeline: &Pipeline, form: CrmForm) -> Vec<Stage> {
    let named = untrack(|| {
        form.edited.with(|edited| {
            let settings = edited
                .pipelines
                .iter()
                .find(|one| one.pipeline_id == pipeline.pipeline_id);
            settings.map_or_else(Vec::new, |one| {
                one.stages.iter().map(|stage| stage.stage_id).collect()
            })
        })
    });
    let mut stages: Vec<Stage> = pipeline
        .stages
        .iter()
        .filter(|stage| {
            let is_open = matches!(stage.kind.as_str(), "open" | "incoming");
            let is_named = named.contains(&stage.stage_id);
            (is_open && !stage.gone) || is_named
        })
        .cloned()
        .collect();
    for stage_id in named {
        if !stages.iter().any(|stage| stage.stage_id == stage_id) {
            stages.push(Stage {
                stage_id,
                display_name: stage_id.to_string(),
                gone: true,
                ..Stage::default()
            });
        }
    }
    stages
}
