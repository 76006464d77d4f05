use leptos::prelude::*;

use super::form::CrmForm;
use super::inputs::{Gone, Words};
use crate::api::agents::AnswerMode;
use crate::api::crm::Stage;
use crate::api::crm_settings::StageSettings;
use crate::i18n::text;
use crate::ui::{Choice, FilterSelect, Glyph, IconButton, Switch};

/// One stage: whether the agent works there, and how.
#[component]
pub(super) fn StageRow(
    pipeline_id: i64,
    stage: Stage,
    has_all: Memo<bool>,
    form: CrmForm,
) -> impl IntoView {
    let t = text::deals();
    let id = stage.stage_id;
    let is_on = Memo::new(move |_| form.stage(pipeline_id, id).is_some());
    let works = Memo::new(move |_| has_all.get() || is_on.get());
    let label = stage.display_name.clone();
    let is_gone = stage.gone;
    let name = move || {
        if is_gone {
            return view! {
                <div class="row between">
                    <span class="row row-wrap">{label.clone()} <Gone /></span>
                    <IconButton
                        glyph=Glyph::Trash
                        label=t.remove
                        on_press=move || form.set_stage(pipeline_id, id, false)
                    />
                </div>
            }
            .into_any();
        }
        if has_all.get() {
            return view! { <strong>{label.clone()}</strong> }.into_any();
        }
        let turn = move |on| form.set_stage(pipeline_id, id, on);
        view! { <Switch label=label.clone() value=is_on on_change=turn /> }.into_any()
    };
    view! {
        <li class="stage-row" style:border-inline-start-color=stage.color>
            {name}
            <Show when=move || works.get() && !is_gone>
                <details>
                    <summary class="small soft">{t.stage_settings} <Present pipeline_id id form /></summary>
                    <StageFields pipeline_id id form />
                </details>
            </Show>
        </li>
    }
    .into_any()
}

/// What is set already, beside the folded settings.
#[component]
fn Present(pipeline_id: i64, id: i64, form: CrmForm) -> impl IntoView {
    let words = Memo::new(move |_| {
        let settings = form.stage(pipeline_id, id).unwrap_or_default();
        let mode = match settings.answer_mode() {
            AnswerMode::Unspecified => None,
            mode => Some(mode_word(mode).to_owned()),
        };
        let goal = Some(settings.goal).filter(|goal| !goal.is_empty());
        let parts: Vec<String> = mode.into_iter().chain(goal).collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!(": {}", parts.join(" · "))
        }
    });
    view! { <span class="muted">{words}</span> }
}

fn mode_word(mode: AnswerMode) -> &'static str {
    let t = text::editor();
    match mode {
        AnswerMode::Unspecified => text::deals().mode_agent,
        AnswerMode::Off => t.mode_off,
        AnswerMode::Draft => t.mode_draft,
        AnswerMode::Auto => t.mode_auto,
    }
}

#[component]
fn StageFields(pipeline_id: i64, id: i64, form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let before = untrack(|| form.stage(pipeline_id, id)).unwrap_or_default();
    let mode = Signal::derive(move || {
        let settings = form.stage(pipeline_id, id).unwrap_or_default();
        settings.answer_mode.to_string()
    });
    let modes: Vec<Choice> = [
        AnswerMode::Unspecified,
        AnswerMode::Off,
        AnswerMode::Draft,
        AnswerMode::Auto,
    ]
    .into_iter()
    .map(|mode| Choice::new(i32::from(mode).to_string(), mode_word(mode)))
    .collect();
    let change = move |change: fn(&mut StageSettings, String), words: String| {
        form.change_stage(pipeline_id, id, |stage| change(stage, words));
    };
    let choose = move |mode: String| {
        change(
            |stage, mode| stage.answer_mode = mode.parse().unwrap_or_default(),
            mode,
        );
    };
    view! {
        <div class="stack fold">
            <div class="field">
                <span class="field-label">{t.stage_mode}</span>
                <FilterSelect label=t.stage_mode value=mode choices=modes on_choose=choose />
            </div>
            <Words
                label=t.stage_goal
                before=before.goal
                hint=t.stage_goal_hint
                write=move |words| change(|stage, words| stage.goal = words, words)
            />
            <Words
                label=t.stage_exit
                before=before.exit_criteria
                write=move |words| change(|stage, words| stage.exit_criteria = words, words)
            />
            <Words
                label=t.stage_instructions
                before=before.instructions
                rows=4
                write=move |words| change(|stage, words| stage.instructions = words, words)
            />
        </div>
    }
    .into_any()
}
