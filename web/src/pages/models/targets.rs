//! The models of a route, in the order in which they are asked.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::picker::{ModelPicker, Shelf};
use crate::api::routes::RouteTarget;
use crate::browser;
use crate::i18n::text;
use crate::ui::{Button, FormErrors, Glyph, IconButton, NumberInput};

/// The server's limit.
const MOST: usize = 8;
/// The limits of one attempt, by the names of their fields.
const LIMITS: usize = 4;

/// A target that is edited. What it holds outlives the button that adds it.
#[derive(Clone, PartialEq)]
struct Row {
    key: usize,
    model: ArcRwSignal<String>,
    /// In milliseconds, as typed: headers, first content, idle, total.
    limits: [ArcRwSignal<String>; LIMITS],
}

impl Row {
    fn new(key: usize, target: &RouteTarget) -> Self {
        let limits = [
            target.headers_timeout_ms,
            target.first_content_timeout_ms,
            target.idle_timeout_ms,
            target.total_timeout_ms,
        ];
        Self {
            key,
            model: ArcRwSignal::new(target.model.clone()),
            limits: limits.map(|limit| ArcRwSignal::new(limit.to_string())),
        }
    }

    /// Nothing when a limit is no number.
    fn now(self) -> Option<RouteTarget> {
        let read = |typed: ArcRwSignal<String>| match typed.get_untracked().trim() {
            "" => Some(0),
            words => words.parse().ok(),
        };
        let [headers, first_content, idle, total] = self.limits;
        Some(RouteTarget {
            model: self.model.get_untracked(),
            headers_timeout_ms: read(headers)?,
            first_content_timeout_ms: read(first_content)?,
            idle_timeout_ms: read(idle)?,
            total_timeout_ms: read(total)?,
            health: None,
        })
    }
}

/// The targets that are edited.
#[derive(Clone, Copy)]
pub(super) struct Targets {
    rows: RwSignal<Vec<Row>>,
    made: StoredValue<usize>,
}

impl Targets {
    /// At least one.
    pub(super) fn new(before: &[RouteTarget]) -> Self {
        let rows: Vec<Row> = if before.is_empty() {
            vec![Row::new(0, &RouteTarget::default())]
        } else {
            let before = before.iter().enumerate();
            before.map(|(key, target)| Row::new(key, target)).collect()
        };
        let made = rows.len();
        Self {
            rows: RwSignal::new(rows),
            made: StoredValue::new(made),
        }
    }

    /// As they are now; what is wrong with them otherwise.
    pub(super) fn now(self) -> Result<Vec<RouteTarget>, &'static str> {
        let t = text::routes();
        let rows = self.rows.get_untracked();
        let targets: Option<Vec<RouteTarget>> = rows.into_iter().map(Row::now).collect();
        let targets = targets.ok_or(t.limit_number)?;
        for (place, target) in targets.iter().enumerate() {
            if target.model.is_empty() {
                return Err(t.model_missing);
            }
            let earlier = &targets[..place];
            if earlier.iter().any(|other| other.model == target.model) {
                return Err(t.model_twice);
            }
        }
        Ok(targets)
    }

    fn place(self, key: usize) -> usize {
        let place = |rows: &Vec<Row>| rows.iter().position(|row| row.key == key);
        self.rows.with(place).unwrap_or_default()
    }

    fn add(self) {
        let key = self.made.get_value();
        self.made.set_value(key + 1);
        let row = Row::new(key, &RouteTarget::default());
        self.rows.update(|rows| rows.push(row));
    }

    fn remove(self, key: usize) {
        self.rows.update(|rows| rows.retain(|row| row.key != key));
    }

    fn swap(self, one: usize, other: usize) {
        self.rows.update(|rows| {
            if one.max(other) < rows.len() {
                rows.swap(one, other);
            }
        });
    }
}

#[component]
pub(super) fn TargetsEditor(targets: Targets, shelf: Shelf) -> impl IntoView {
    let t = text::routes();
    let count = Memo::new(move |_| targets.rows.with(Vec::len));
    view! {
        <fieldset class="field stack-tight">
            <legend class="field-label">{t.targets}</legend>
            <p class="field-hint">{t.targets_hint}</p>
            <ol class="stack-tight">
                <For each=move || targets.rows.get() key=|row| row.key let:row>
                    <TargetRow row targets shelf count />
                </For>
            </ol>
            <Show when=move || { count.get() < MOST }>
                <div class="row">
                    <Button glyph=Glyph::Plus on_press=move |()| targets.add()>
                        {t.add_target}
                    </Button>
                </div>
            </Show>
        </fieldset>
    }
    .into_any()
}

#[component]
fn TargetRow(row: Row, targets: Targets, shelf: Shelf, count: Memo<usize>) -> impl IntoView {
    let t = text::routes();
    let errors = use_context::<FormErrors>();
    let key = row.key;
    let model = RwSignal::from(row.model);
    let limits = row.limits.map(RwSignal::from);
    let place = Memo::new(move |_| targets.place(key));
    // What the server refused of it.
    let error = Signal::derive(move || {
        let problem = errors.and_then(FormErrors::problem)?;
        let field = format!("targets[{}]", place.get());
        let mut refused = problem.violations.into_iter();
        let violation = refused.find(|violation| violation.field.starts_with(&field))?;
        Some(violation.text)
    });
    view! {
        <li class="card card-body stack-tight">
            <div class="row between">
                <strong>{move || (t.target_number)(place.get() + 1)}</strong>
                <div class="row">
                    <IconButton
                        glyph=Glyph::Arrow
                        class="turned-up"
                        label=t.move_up
                        disabled=Signal::derive(move || place.get() == 0)
                        on_press=move || {
                            let place = place.get_untracked();
                            targets.swap(place, place.saturating_sub(1));
                            keep_focus();
                        }
                    />
                    <IconButton
                        glyph=Glyph::Arrow
                        class="turned-down"
                        label=t.move_down
                        disabled=Signal::derive(move || place.get() + 1 >= count.get())
                        on_press=move || {
                            let place = place.get_untracked();
                            targets.swap(place, place + 1);
                            keep_focus();
                        }
                    />
                    <IconButton
                        glyph=Glyph::Close
                        label=t.remove_target
                        disabled=Signal::derive(move || count.get() == 1)
                        on_press=move || targets.remove(key)
                    />
                </div>
            </div>
            <ModelPicker label=t.model value=model shelf error />
            <Limits limits />
        </li>
    }
    .into_any()
}

/// A row that is moved loses the focus: its button gets it back, or, at an end of the list, the one
/// that leads the other way.
fn keep_focus() {
    let Some(pressed) = document().active_element() else {
        return;
    };
    request_animation_frame(move || {
        if !pressed.has_attribute("disabled") {
            if let Some(pressed) = pressed.dyn_ref::<HtmlElement>() {
                let _ = pressed.focus();
            }
        } else if let Ok(Some(row)) = pressed.closest("li") {
            browser::focus(&row, "[class*=turned-]:not([disabled])");
        }
    });
}

/// How long one attempt may take.
#[component]
fn Limits(limits: [RwSignal<String>; LIMITS]) -> impl IntoView {
    let t = text::routes();
    let labels = [t.headers, t.first_answer, t.idle, t.total];
    let inputs = labels
        .into_iter()
        .zip(limits)
        .map(|(label, value)| {
            view! { <NumberInput label name="" value min=0 max=120_000 /> }
        })
        .collect_view();
    view! {
        <details>
            <summary class="small soft">{t.limits}</summary>
            <p class="field-hint">{t.limits_hint}</p>
            <div class="grid-2 fold">{inputs}</div>
        </details>
    }
    .into_any()
}
