use leptos::prelude::*;

use super::acts::{Acts, ActsEditor};
use super::parts::{Pick, RefusedRows, Shelf, Span, place_of, place_value};
use super::triggers::Board;
use super::words::{KINDS, kind_word};
use crate::api::automation::{self, Trigger, TriggerKind};
use crate::i18n::text;
use crate::pages::agents::deals::inputs::Number;
use crate::task;
use crate::ui::{
    Button, FormErrors, FormFailure, Look, Notice, RadioChoice, RadioOption, Switch, TextArea,
    TextInput, Toasts,
};

/// Fields of rows, which have no places of their own for what is wrong.
const ROWS: &[&str] = &[
    "trigger.actions",
    "trigger.keywords[",
    "trigger.pipeline_id",
    "trigger.stage_id",
    "trigger.after_minutes",
    "trigger.max_",
];

/// What is typed into the form.
#[derive(Clone, Copy)]
struct Typed {
    name: RwSignal<String>,
    enabled: RwSignal<bool>,
    kind: RwSignal<i32>,
    keywords: RwSignal<String>,
    condition: RwSignal<String>,
    place: RwSignal<String>,
    after: RwSignal<i32>,
    reply: RwSignal<String>,
    per_chat: RwSignal<i32>,
    per_day: RwSignal<i32>,
    acts: Acts,
}

impl Typed {
    fn new(before: &Trigger) -> Self {
        let is_new = before.name.is_empty();
        let kind = match before.kind() {
            TriggerKind::Unspecified => TriggerKind::Condition,
            kind => kind,
        };
        Self {
            name: RwSignal::new(before.display_name.clone()),
            enabled: RwSignal::new(before.enabled || is_new),
            kind: RwSignal::new(kind.into()),
            keywords: RwSignal::new(before.keywords.join("\n")),
            condition: RwSignal::new(before.condition.clone()),
            place: RwSignal::new(place_value(before.pipeline_id, before.stage_id)),
            after: RwSignal::new(if is_new { 60 } else { before.after_minutes }),
            reply: RwSignal::new(before.reply.clone()),
            per_chat: RwSignal::new(if is_new { 1 } else { before.max_per_chat }),
            per_day: RwSignal::new(before.max_per_day),
            acts: Acts::new(before.actions.clone()),
        }
    }

    fn trigger(self, before: Trigger) -> Trigger {
        let (pipeline_id, stage_id) = place_of(&self.place.get_untracked());
        let keywords = self.keywords.get_untracked();
        let keywords = keywords
            .lines()
            .map(str::trim)
            .filter(|word| !word.is_empty());
        Trigger {
            display_name: self.name.get_untracked(),
            enabled: self.enabled.get_untracked(),
            kind: self.kind.get_untracked(),
            keywords: keywords.map(str::to_owned).collect(),
            condition: self.condition.get_untracked(),
            pipeline_id,
            stage_id,
            after_minutes: self.after.get_untracked(),
            actions: self.acts.now(),
            reply: self.reply.get_untracked(),
            max_per_chat: self.per_chat.get_untracked(),
            max_per_day: self.per_day.get_untracked(),
            ..before
        }
    }
}

/// One trigger.
#[component]
pub(super) fn TriggerForm(before: Trigger, board: Board, on_saved: Callback<()>) -> impl IntoView {
    let t = text::automation();
    let errors = FormErrors::provide();
    let typed = Typed::new(&before);
    let is_new = before.name.is_empty();
    let before = StoredValue::new(before);
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        if !errors.require("trigger.display_name", &typed.name.get_untracked()) {
            return;
        }
        let trigger = typed.trigger(before.get_value());
        busy.set(true);
        task::spawn(async move {
            let answer = automation::save_trigger(board.agent.get_value(), trigger).await;
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
            <TextInput label=t.name name="trigger.display_name" value=typed.name autofocus=is_new />
            <Switch
                label=t.enabled
                value=typed.enabled
                on_change=move |on| typed.enabled.set(on)
            />
            <RadioChoice label=t.kind options=kinds() value=typed.kind />
            {move || of_kind(typed, board.shelf)}
            <ActsEditor acts=typed.acts shelf=board.shelf />
            <Secret board />
            <TextArea
                label=t.reply
                name="trigger.reply"
                value=typed.reply
                hint=t.reply_hint
                rows=3
            />
            <div class="grid-2">
                <Number
                    label=t.max_per_chat
                    before=typed.per_chat.get_untracked()
                    min=0
                    max=1_000
                    hint=t.no_limit
                    write=move |number| typed.per_chat.set(number)
                />
                <Number
                    label=t.max_per_day
                    before=typed.per_day.get_untracked()
                    min=0
                    max=100_000
                    hint=t.no_limit
                    write=move |number| typed.per_day.set(number)
                />
            </div>
            <div class="row">
                <Button look=Look::Primary submit=true busy disabled=!board.may_write>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

fn kinds() -> Vec<RadioOption> {
    let kinds = KINDS.into_iter();
    kinds
        .map(|kind| RadioOption {
            value: kind.into(),
            label: kind_word(kind),
            text: "",
        })
        .collect()
}

fn of_kind(typed: Typed, shelf: Shelf) -> AnyView {
    let t = text::automation();
    let kind = TriggerKind::try_from(typed.kind.get()).unwrap_or_default();
    match kind {
        TriggerKind::Keyword => view! {
            <TextArea
                label=t.keywords
                name="trigger.keywords"
                value=typed.keywords
                hint=t.keywords_hint
                rows=3
            />
        }
        .into_any(),
        TriggerKind::Unspecified | TriggerKind::Condition => view! {
            <TextArea
                label=t.condition
                name="trigger.condition"
                value=typed.condition
                hint=t.condition_hint
                rows=2
            />
        }
        .into_any(),
        TriggerKind::Stage => view! {
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
            <Span
                label=t.after
                before=typed.after.get_untracked()
                hint=t.at_once
                write=move |minutes| typed.after.set(minutes)
            />
        }
        .into_any(),
        TriggerKind::Silence => view! {
            <Span
                label=t.after
                before=typed.after.get_untracked()
                write=move |minutes| typed.after.set(minutes)
            />
        }
        .into_any(),
    }
}

/// The secret by which the company's address knows our webhooks.
#[component]
fn Secret(board: Board) -> impl IntoView {
    let t = text::automation();
    let shown = RwSignal::new(None::<String>);
    let toasts = Toasts::get();
    let show = Callback::new(move |()| {
        task::spawn(async move {
            match automation::webhook_secret().await {
                Ok(secret) => shown.set(Some(secret)),
                Err(problem) => toasts.problem(&problem),
            }
        });
    });
    view! {
        <details>
            <summary class="soft">{t.webhook_secret}</summary>
            {move || match shown.get() {
                Some(secret) => view! { <code class="mono small">{secret}</code> }.into_any(),
                None => {
                    view! {
                        <Button disabled=!board.may_write on_press=show>
                            {t.show_secret}
                        </Button>
                    }
                        .into_any()
                }
            }}
        </details>
    }
    .into_any()
}
