use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, KeyboardEvent};

use super::form::CrmForm;
use crate::api::crm::{Pipeline, Stage};
use crate::api::crm_settings::StageMoveMode;
use crate::i18n::text;

/// Which moves between the stages of a pipeline are allowed. One cell is in the order of tabbing;
/// the arrows move among the others, Space and Enter change the one that has the focus.
#[component]
pub(super) fn MoveMatrix(pipeline: Pipeline, form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let id = pipeline.pipeline_id;
    let is_there = |stage: &&Stage| !stage.gone;
    let from: Vec<Stage> = pipeline
        .stages
        .iter()
        .filter(is_there)
        .filter(|stage| matches!(stage.kind.as_str(), "open" | "incoming"))
        .cloned()
        .collect();
    let to: Vec<Stage> = pipeline
        .stages
        .iter()
        .filter(is_there)
        .filter(|stage| stage.kind != "incoming")
        .cloned()
        .collect();
    let (rows, columns) = (from.len(), to.len());
    let active = RwSignal::new((0_usize, usize::from(columns > 1)));
    let table = NodeRef::<html::Table>::new();
    let on_key = move |event: KeyboardEvent| {
        let (row, column) = active.get_untracked();
        let next = match event.key().as_str() {
            "ArrowUp" => (row.saturating_sub(1), column),
            "ArrowDown" => ((row + 1).min(rows.saturating_sub(1)), column),
            "ArrowLeft" => (row, column.saturating_sub(1)),
            "ArrowRight" => (row, (column + 1).min(columns.saturating_sub(1))),
            "Home" => (row, 0),
            "End" => (row, columns.saturating_sub(1)),
            _ => return,
        };
        event.prevent_default();
        active.set(next);
        focus_cell(table, next);
    };
    let heads = to
        .iter()
        .map(|stage| view! { <th scope="col">{head(stage)}</th> })
        .collect_view();
    let body = from
        .into_iter()
        .enumerate()
        .map(|(row, origin)| {
            let cells = to
                .iter()
                .enumerate()
                .map(|(column, target)| {
                    let (origin, target) = (origin.clone(), target.clone());
                    view! { <Cell id origin target place=(row, column) active form /> }
                })
                .collect_view();
            view! {
                <tr>
                    <th scope="row">{head(&origin)}</th>
                    {cells}
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="matrix-wrap">
            <table class="matrix" role="grid" node_ref=table on:keydown=on_key>
                <caption class="small soft">{pipeline.display_name}</caption>
                <thead>
                    <tr>
                        <th scope="col" class="small muted">
                            {t.from_to}
                        </th>
                        {heads}
                    </tr>
                </thead>
                <tbody>{body}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn head(stage: &Stage) -> AnyView {
    view! {
        <span class="stage-dot" style:background=stage.color.clone() aria-hidden="true"></span>
        {stage.display_name.clone()}
    }
    .into_any()
}

fn focus_cell(table: NodeRef<html::Table>, (row, column): (usize, usize)) {
    let Some(table) = table.get_untracked() else {
        return;
    };
    let selector = format!("[data-cell='{row}-{column}']");
    let cell = table.query_selector(&selector).ok().flatten();
    if let Some(cell) = cell.and_then(|cell| cell.dyn_into::<HtmlElement>().ok()) {
        let _ = cell.focus();
    }
}

/// The word for what becomes of a move.
pub(super) fn mode_word(mode: StageMoveMode) -> &'static str {
    let t = text::deals();
    match mode {
        StageMoveMode::Unspecified | StageMoveMode::Never => t.never,
        StageMoveMode::Suggest => t.suggest,
        StageMoveMode::Auto => t.auto,
    }
}

const fn after(mode: StageMoveMode) -> StageMoveMode {
    match mode {
        StageMoveMode::Unspecified | StageMoveMode::Never => StageMoveMode::Suggest,
        StageMoveMode::Suggest => StageMoveMode::Auto,
        StageMoveMode::Auto => StageMoveMode::Never,
    }
}

#[component]
fn Cell(
    id: i64,
    origin: Stage,
    target: Stage,
    place: (usize, usize),
    active: RwSignal<(usize, usize)>,
    form: CrmForm,
) -> impl IntoView {
    let t = text::deals();
    let name = format!("{}-{}", place.0, place.1);
    if origin.stage_id == target.stage_id {
        // Focus passes over it like over any other cell: the grid has no holes.
        return view! {
            <td>
                <span
                    class="cell cell-same"
                    data-cell=name
                    tabindex=move || if active.get() == place { "0" } else { "-1" }
                    aria-label=origin.display_name
                >
                    "·"
                </span>
            </td>
        }
        .into_any();
    }
    let key = (id, origin.stage_id, target.stage_id);
    let mode = Memo::new(move |_| form.move_mode(key));
    let label = move || {
        let words = mode_word(mode.get()).to_owned();
        (t.move_label)(
            origin.display_name.clone(),
            target.display_name.clone(),
            words,
        )
    };
    let short = move || match mode.get() {
        StageMoveMode::Unspecified | StageMoveMode::Never => t.never_short,
        StageMoveMode::Suggest => t.suggest_short,
        StageMoveMode::Auto => t.auto_short,
    };
    view! {
        <td>
            <button
                type="button"
                class="cell"
                class:cell-suggest=move || mode.get() == StageMoveMode::Suggest
                class:cell-auto=move || mode.get() == StageMoveMode::Auto
                data-cell=name
                tabindex=move || if active.get() == place { "0" } else { "-1" }
                aria-label=label
                on:focus=move |_| active.set(place)
                on:click=move |_| form.set_move(key, after(mode.get_untracked()))
            >
                {short}
            </button>
        </td>
    }
    .into_any()
}
