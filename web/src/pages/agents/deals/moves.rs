use leptos::prelude::*;

use super::form::{CrmForm, MoveKey, key_of};
use super::inputs::{AddFrom, Gone, Number, Words};
use super::matrix::{MoveMatrix, mode_word};
use crate::api::crm::{Account, CustomField, Pipeline};
use crate::api::crm_settings::{StageMove, StageMoveMode};
use crate::i18n::text;
use crate::ui::{Badge, Choice, Glyph, IconButton, Notice, Section, Tone};

/// Which moves between stages the agent may make, and under what conditions.
#[component]
pub(super) fn Moves(form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let account = untrack(|| form.account());
    let pipelines = StoredValue::new(worked_in(account.as_ref(), form));
    let matrices = pipelines
        .get_value()
        .into_iter()
        .map(|pipeline| view! { <MoveMatrix pipeline form /> })
        .collect_view();
    let keys = Memo::new(move |_| {
        form.edited
            .with(|edited| edited.stage_moves.iter().map(key_of).collect::<Vec<_>>())
    });
    view! {
        <Section title=t.moves lead=t.moves_lead>
            <ul class="legend small muted">
                <li>
                    <span class="cell cell-suggest">{t.suggest_short}</span>
                    " — "
                    {t.suggest_text}
                </li>
                <li>
                    <span class="cell cell-auto">{t.auto_short}</span>
                    " — "
                    {t.auto_text}
                </li>
            </ul>
            {matrices}
        </Section>
        <Section title=t.move_rules>
            <Show when=move || keys.with(Vec::is_empty)>
                <Notice>{t.move_rules_empty}</Notice>
            </Show>
            <For each=move || keys.get() key=|key| *key let:key>
                <MoveRule key pipelines form />
            </For>
        </Section>
    }
    .into_any()
}

/// The pipelines where the agent works.
fn worked_in(account: Option<&Account>, form: CrmForm) -> Vec<Pipeline> {
    let Some(account) = account else {
        return Vec::new();
    };
    let is_on = |pipeline: &&Pipeline| {
        !pipeline.gone && untrack(|| form.has_pipeline(pipeline.pipeline_id))
    };
    account.pipelines.iter().filter(is_on).cloned().collect()
}

/// The name of a stage, and whether it is gone.
fn stage_name(pipelines: &[Pipeline], pipeline_id: i64, stage_id: i64) -> (String, bool) {
    let stage = pipelines
        .iter()
        .find(|pipeline| pipeline.pipeline_id == pipeline_id)
        .and_then(|pipeline| pipeline.stages.iter().find(|one| one.stage_id == stage_id));
    match stage {
        Some(stage) => (stage.display_name.clone(), stage.gone),
        None => (stage_id.to_string(), true),
    }
}

#[component]
fn MoveRule(key: MoveKey, pipelines: StoredValue<Vec<Pipeline>>, form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let before: StageMove = form.edited.with_untracked(|edited| {
        let found = edited.stage_moves.iter().find(|one| key_of(one) == key);
        found.cloned().unwrap_or_default()
    });
    let name = |stage_id| pipelines.with_value(|all| stage_name(all, key.0, stage_id));
    let ((from, from_gone), (to, to_gone)) = (name(key.1), name(key.2));
    #[expect(clippy::cast_possible_truncation, reason = "a share of one")]
    let percent = (before.min_confidence * 100.0).round() as i32;
    let mode = move || {
        let mode = form.move_mode(key);
        let tone = if mode == StageMoveMode::Auto {
            Tone::Success
        } else {
            Tone::Info
        };
        view! { <Badge label=mode_word(mode) tone /> }
    };
    view! {
        <section class="card card-body stack">
            <div class="row between">
                <span class="row row-wrap">
                    <strong>{from} " → " {to}</strong>
                    {mode}
                    {(from_gone || to_gone).then(|| view! { <Gone /> })}
                </span>
                <IconButton
                    glyph=Glyph::Close
                    label=t.remove
                    on_press=move || form.set_move(key, StageMoveMode::Never)
                />
            </div>
            <Words
                label=t.move_condition
                before=before.condition
                hint=t.move_condition_hint
                write=move |words| form.change_move(key, |one| one.condition = words)
            />
            <Number
                label=t.min_confidence
                before=percent
                min=0
                max=100
                write=move |percent| {
                    form.change_move(key, |one| one.min_confidence = f64::from(percent) / 100.0);
                }
            />
            <NeededFields key form />
        </section>
    }
    .into_any()
}

/// Fields of the deal without which the move is not made.
#[component]
fn NeededFields(key: MoveKey, form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let chosen = Memo::new(move |_| {
        form.edited.with(|edited| {
            let found = edited.stage_moves.iter().find(|one| key_of(one) == key);
            found.map_or_else(Vec::new, |one| one.needed_field_ids.clone())
        })
    });
    let available = Signal::derive(move || {
        let fields: Vec<CustomField> = form.fields.data.get().unwrap_or_default();
        fields
            .into_iter()
            .filter(|field| field.entity == "leads" && !field.gone)
            .filter(|field| !chosen.with(|chosen| chosen.contains(&field.field_id)))
            .map(|field| Choice::new(field.field_id.to_string(), field.display_name))
            .collect()
    });
    let add = move |id: String| {
        if let Ok(id) = id.parse() {
            form.change_move(key, |one| one.needed_field_ids.push(id));
        }
    };
    let name = move |id: i64| {
        form.fields.data.with(|fields| {
            let field = fields.as_ref()?.iter().find(|field| field.field_id == id)?;
            Some(field.display_name.clone())
        })
    };
    view! {
        <div class="field">
            <span class="field-label">{t.needed_fields}</span>
            <ul class="stack-tight">
                <For each=move || chosen.get() key=|id| *id let:id>
                    <li class="row between field-row">
                        <span>{move || name(id).unwrap_or_else(|| id.to_string())}</span>
                        <IconButton
                            glyph=Glyph::Close
                            label=t.remove
                            on_press=move || {
                                form.change_move(key, |one| {
                                    one.needed_field_ids.retain(|other| *other != id);
                                });
                            }
                        />
                    </li>
                </For>
            </ul>
            <AddFrom label=t.choose_field choices=available on_add=add />
        </div>
    }
    .into_any()
}
