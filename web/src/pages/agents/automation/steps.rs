//! The steps of a sequence, in their order.

use leptos::prelude::*;

use super::acts::{Acts, ActsEditor};
use super::parts::{Shelf, Span};
use crate::api::automation::SequenceStep;
use crate::i18n::text;
use crate::ui::{Button, Glyph, IconButton, RadioChoice, RadioOption, TextArea};

const LIMIT: usize = 20;
/// What a new step waits: a day.
const USUAL_DELAY: i32 = 1_440;

/// What a step says.
const TEXT: i32 = 0;
const MODEL: i32 = 1;
const NOTHING: i32 = 2;

/// A step that is edited.
#[derive(Clone, Copy, PartialEq)]
struct Row {
    key: usize,
    delay: RwSignal<i32>,
    says: RwSignal<i32>,
    text: RwSignal<String>,
    instruction: RwSignal<String>,
    acts: StoredValue<Acts>,
}

/// The steps that are edited.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    rows: RwSignal<Vec<Row>>,
    made: StoredValue<usize>,
}

impl Steps {
    /// At least one.
    pub(super) fn new(before: Vec<SequenceStep>) -> Self {
        let before = if before.is_empty() {
            vec![SequenceStep::default()]
        } else {
            before
        };
        let made = before.len();
        let rows = before.into_iter().enumerate();
        let rows = rows.map(|(key, step)| row(key, step));
        Self {
            rows: RwSignal::new(rows.collect()),
            made: StoredValue::new(made),
        }
    }

    /// As they are now.
    pub(super) fn now(self) -> Vec<SequenceStep> {
        let rows = self.rows.get_untracked();
        let steps = rows.iter().map(|row| {
            let says = row.says.get_untracked();
            let of = |kind: i32, words: RwSignal<String>| {
                if says == kind {
                    words.get_untracked()
                } else {
                    String::new()
                }
            };
            SequenceStep {
                delay_minutes: row.delay.get_untracked(),
                text: of(TEXT, row.text),
                instruction: of(MODEL, row.instruction),
                actions: row.acts.get_value().now(),
            }
        });
        steps.collect()
    }

    /// Of each step.
    pub(super) fn delays(self) -> Vec<i32> {
        self.rows
            .with(|rows| rows.iter().map(|row| row.delay.get()).collect())
    }

    fn add(self) {
        let key = self.made.get_value();
        self.made.set_value(key + 1);
        let step = SequenceStep {
            delay_minutes: USUAL_DELAY,
            ..SequenceStep::default()
        };
        self.rows.update(|rows| rows.push(row(key, step)));
    }

    fn remove(self, key: usize) {
        self.rows.update(|rows| rows.retain(|row| row.key != key));
    }
}

fn row(key: usize, step: SequenceStep) -> Row {
    let says = match (step.text.is_empty(), step.instruction.is_empty()) {
        (_, false) => MODEL,
        (true, true) if !step.actions.is_empty() => NOTHING,
        _ => TEXT,
    };
    Row {
        key,
        delay: RwSignal::new(step.delay_minutes),
        says: RwSignal::new(says),
        text: RwSignal::new(step.text),
        instruction: RwSignal::new(step.instruction),
        acts: StoredValue::new(Acts::new(step.actions)),
    }
}

/// The editor of the steps.
#[component]
pub(super) fn StepsEditor(steps: Steps, shelf: Shelf) -> impl IntoView {
    let t = text::automation();
    view! {
        <fieldset class="field stack-tight">
            <legend class="field-label">{t.steps}</legend>
            <ol class="stack-tight">
                <For each=move || steps.rows.get() key=|row| row.key let:row>
                    <StepCard row steps shelf />
                </For>
            </ol>
            // It stays: what is made in a press lives as long as the button.
            <Button
                glyph=Glyph::Plus
                disabled=Signal::derive(move || { steps.rows.with(Vec::len) >= LIMIT })
                on_press=move |()| steps.add()
            >
                {t.add_step}
            </Button>
        </fieldset>
    }
    .into_any()
}

#[component]
fn StepCard(row: Row, steps: Steps, shelf: Shelf) -> impl IntoView {
    let t = text::automation();
    let key = row.key;
    let number = move || {
        let at = steps
            .rows
            .with(|rows| rows.iter().position(|one| one.key == key));
        (t.step_number)(at.unwrap_or_default() + 1)
    };
    view! {
        <li class="card card-body stack-tight">
            <div class="row between">
                <strong>{number}</strong>
                <IconButton
                    glyph=Glyph::Close
                    label=t.remove_step
                    on_press=move || steps.remove(key)
                />
            </div>
            <Span
                label=t.delay
                before=row.delay.get_untracked()
                write=move |minutes| row.delay.set(minutes)
            />
            <RadioChoice label=t.says options=says() value=row.says row=true />
            {move || match row.says.get() {
                TEXT => {
                    view! { <TextArea label=t.step_text name="" value=row.text rows=3 /> }
                        .into_any()
                }
                MODEL => {
                    view! {
                        <TextArea
                            label=t.step_instruction
                            name=""
                            value=row.instruction
                            hint=t.instruction_hint
                            rows=3
                        />
                    }
                        .into_any()
                }
                _ => ().into_any(),
            }}
            <ActsEditor acts=row.acts.get_value() shelf />
        </li>
    }
    .into_any()
}

fn says() -> Vec<RadioOption> {
    let t = text::automation();
    let options = [
        (TEXT, t.says_text),
        (MODEL, t.says_model),
        (NOTHING, t.says_nothing),
    ];
    options
        .into_iter()
        .map(|(value, label)| RadioOption {
            value,
            label,
            text: "",
        })
        .collect()
}
