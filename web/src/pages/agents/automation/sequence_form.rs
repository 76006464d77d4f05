use leptos::prelude::*;

use super::parts::{Pick, RefusedRows, Shelf, Span, place_of, place_value};
use super::preview::Preview;
use super::sequences::Board;
use super::steps::{Steps, StepsEditor};
use super::words::{STARTS, start_word};
use crate::api::automation::{self, PipelineStage, Sequence, SequenceStart};
use crate::i18n::text;
use crate::pages::agents::hours::ClockInput;
use crate::task;
use crate::ui::{
    Button, Checkbox, Choice, FormErrors, FormFailure, Look, Notice, RadioChoice, RadioOption,
    Switch, TextArea, TextInput,
};

/// Fields of rows, which have no places of their own for what is wrong.
const ROWS: &[&str] = &[
    "sequence.steps",
    "sequence.stages",
    "sequence.silence_minutes",
    "sequence.start_",
    "sequence.quiet_",
];

/// What is typed into the form.
#[derive(Clone, Copy)]
struct Typed {
    name: RwSignal<String>,
    enabled: RwSignal<bool>,
    start: RwSignal<i32>,
    silence: RwSignal<i32>,
    place: RwSignal<String>,
    skip: RwSignal<String>,
    stages: RwSignal<Vec<String>>,
    quiet: RwSignal<(i32, i32)>,
    steps: Steps,
}

impl Typed {
    fn new(before: &Sequence) -> Self {
        let is_new = before.name.is_empty();
        let start = match (is_new, before.start()) {
            (true, _) => SequenceStart::Silence,
            (false, SequenceStart::Unspecified) => SequenceStart::Manual,
            (false, start) => start,
        };
        let place = place_value(before.start_pipeline_id, before.start_stage_id);
        let stages = before.stages.iter();
        let stages = stages.map(|stage| place_value(stage.pipeline_id, stage.stage_id));
        // Nobody is written to at night, unless it is wanted.
        let quiet = if is_new {
            (21 * 60, 9 * 60)
        } else {
            (before.quiet_start_minute, before.quiet_end_minute)
        };
        Self {
            name: RwSignal::new(before.display_name.clone()),
            enabled: RwSignal::new(before.enabled || is_new),
            start: RwSignal::new(start.into()),
            silence: RwSignal::new(match before.silence_minutes {
                0 => 1_440,
                minutes => minutes,
            }),
            place: RwSignal::new(place),
            skip: RwSignal::new(before.skip_condition.clone()),
            stages: RwSignal::new(stages.collect()),
            quiet: RwSignal::new(quiet),
            steps: Steps::new(before.steps.clone()),
        }
    }

    fn sequence(self, before: Sequence) -> Sequence {
        let (start_pipeline_id, start_stage_id) = place_of(&self.place.get_untracked());
        let (quiet_start_minute, quiet_end_minute) = self.quiet.get_untracked();
        let stages = self.stages.get_untracked();
        let stages = stages.iter().map(|stage| {
            let (pipeline_id, stage_id) = place_of(stage);
            PipelineStage {
                pipeline_id,
                stage_id,
            }
        });
        Sequence {
            display_name: self.name.get_untracked(),
            enabled: self.enabled.get_untracked(),
            start: self.start.get_untracked(),
            silence_minutes: self.silence.get_untracked(),
            start_pipeline_id,
            start_stage_id,
            skip_condition: self.skip.get_untracked(),
            stages: stages.collect(),
            steps: self.steps.now(),
            quiet_start_minute,
            quiet_end_minute,
            ..before
        }
    }
}

/// One sequence.
#[component]
pub(super) fn SequenceForm(
    before: Sequence,
    board: Board,
    on_saved: Callback<()>,
) -> impl IntoView {
    let t = text::automation();
    let errors = FormErrors::provide();
    let typed = Typed::new(&before);
    let is_new = before.name.is_empty();
    let before = StoredValue::new(before);
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        if !errors.require("sequence.display_name", &typed.name.get_untracked()) {
            return;
        }
        let sequence = typed.sequence(before.get_value());
        busy.set(true);
        task::spawn(async move {
            let answer = automation::save_sequence(board.agent.get_value(), sequence).await;
            busy.set(false);
            match answer {
                Ok(_) => on_saved.run(()),
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <RefusedRows prefixes=ROWS />
            <TextInput
                label=t.name
                name="sequence.display_name"
                value=typed.name
                autofocus=is_new
            />
            <Switch
                label=t.enabled
                value=typed.enabled
                on_change=move |on| typed.enabled.set(on)
            />
            <RadioChoice label=t.start options=starts() value=typed.start />
            {move || of_start(typed, board.shelf)}
            <StepsEditor steps=typed.steps shelf=board.shelf />
            <QuietHours value=typed.quiet />
            <Preview agent=board.agent steps=typed.steps quiet=typed.quiet.into() />
            <TextArea
                label=t.skip_condition
                name="sequence.skip_condition"
                value=typed.skip
                hint=t.skip_hint
                rows=2
            />
            <StageBoxes value=typed.stages shelf=board.shelf />
            <div class="row">
                <Button look=Look::Primary submit=true busy disabled=!board.may_write>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

fn starts() -> Vec<RadioOption> {
    let starts = STARTS.into_iter();
    starts
        .map(|start| RadioOption {
            value: start.into(),
            label: start_word(start),
            text: "",
        })
        .collect()
}

fn of_start(typed: Typed, shelf: Shelf) -> AnyView {
    let t = text::automation();
    match SequenceStart::try_from(typed.start.get()).unwrap_or_default() {
        SequenceStart::Unspecified | SequenceStart::Manual => ().into_any(),
        SequenceStart::Silence => view! {
            <Span
                label=t.silence_for
                before=typed.silence.get_untracked()
                write=move |minutes| typed.silence.set(minutes)
            />
        }
        .into_any(),
        SequenceStart::Stage => view! {
            <Show when=move || shelf.stages().is_empty()>
                <Notice>{t.choose_account}</Notice>
            </Show>
            <Pick
                label=t.stage
                first=t.choose_stage
                value=typed.place
                choices=move || shelf.stages()
                on_choose=move |chosen| typed.place.set(chosen)
            />
        }
        .into_any(),
    }
}

#[component]
fn QuietHours(value: RwSignal<(i32, i32)>) -> impl IntoView {
    let t = text::automation();
    let (start, end) = value.get_untracked();
    view! {
        <fieldset class="field">
            <legend class="field-label">{t.quiet}</legend>
            <span class="row">
                <ClockInput
                    label=t.quiet_from
                    minute=start
                    on_change=move |minute| value.update(|quiet| quiet.0 = minute)
                />
                "–"
                <ClockInput
                    label=t.quiet_to
                    minute=end
                    on_change=move |minute| value.update(|quiet| quiet.1 = minute)
                />
            </span>
            <p class="field-hint">{t.quiet_hint}</p>
        </fieldset>
    }
    .into_any()
}

/// Where it may run.
#[component]
fn StageBoxes(value: RwSignal<Vec<String>>, shelf: Shelf) -> impl IntoView {
    let t = text::automation();
    let boxes = move || {
        let known = shelf.stages().into_iter();
        known
            .map(|stage| view! { <StageBox stage value /> })
            .collect_view()
    };
    let chosen = move || value.with(Vec::len);
    view! {
        <fieldset class="field">
            <legend class="field-label">{t.stages}</legend>
            <details>
                <summary class="soft">{chosen}</summary>
                <div class="stack-tight fold">{boxes}</div>
            </details>
            <p class="field-hint">{t.stages_hint}</p>
        </fieldset>
    }
    .into_any()
}

#[component]
fn StageBox(stage: Choice, value: RwSignal<Vec<String>>) -> impl IntoView {
    let place = stage.value;
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
    view! { <Checkbox label=stage.label value=is_chosen on_change=choose /> }
}
