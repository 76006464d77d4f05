//! Actions in their order.

use leptos::prelude::*;

use super::parts::{Pick, Shelf, place_of, place_value};
use super::words::{ACTS, act_word};
use crate::api::automation::{AutomationAction, AutomationActionKind as Kind};
use crate::i18n::text;
use crate::pages::agents::deals::inputs::{AddFrom, Number, Words, bound};
use crate::ui::{Choice, Glyph, IconButton, Notice, Switch, TextInput};

const LIMIT: usize = 20;
/// The stage that every pipeline has for lost deals.
const LOST: i64 = 143;

/// An action that is edited, with a key of its own.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Row {
    key: usize,
    action: RwSignal<AutomationAction>,
}

/// A list of actions that is edited.
#[derive(Clone, Copy)]
pub(super) struct Acts {
    rows: RwSignal<Vec<Row>>,
    made: StoredValue<usize>,
}

impl Acts {
    pub(super) fn new(before: Vec<AutomationAction>) -> Self {
        let made = before.len();
        let rows = before.into_iter().enumerate().map(|(key, action)| Row {
            key,
            action: RwSignal::new(action),
        });
        Self {
            rows: RwSignal::new(rows.collect()),
            made: StoredValue::new(made),
        }
    }

    /// As they are now.
    pub(super) fn now(self) -> Vec<AutomationAction> {
        let rows = self.rows.get_untracked();
        rows.iter().map(|row| row.action.get_untracked()).collect()
    }

    fn add(self, kind: Kind) {
        let key = self.made.get_value();
        self.made.set_value(key + 1);
        let action = AutomationAction {
            kind: kind.into(),
            ..AutomationAction::default()
        };
        self.rows.update(|rows| {
            rows.push(Row {
                key,
                action: RwSignal::new(action),
            });
        });
    }

    fn remove(self, key: usize) {
        self.rows.update(|rows| rows.retain(|row| row.key != key));
    }

    /// One place up.
    fn raise(self, key: usize) {
        self.rows.update(|rows| {
            let at = rows.iter().position(|row| row.key == key);
            if let Some(at) = at.filter(|at| *at > 0) {
                rows.swap(at, at - 1);
            }
        });
    }
}

/// The editor of a list of actions.
#[component]
pub(super) fn ActsEditor(acts: Acts, shelf: Shelf) -> impl IntoView {
    let t = text::automation();
    let choices = Signal::derive(|| {
        let kinds = ACTS.into_iter();
        kinds
            .map(|kind| Choice::new(i32::from(kind).to_string(), act_word(kind)))
            .collect::<Vec<_>>()
    });
    let add = move |chosen: String| {
        let kind = chosen
            .parse::<i32>()
            .ok()
            .and_then(|number| Kind::try_from(number).ok());
        if let Some(kind) = kind {
            acts.add(kind);
        }
    };
    view! {
        <fieldset class="field stack-tight">
            <legend class="field-label">{t.actions}</legend>
            <Show when=move || acts.rows.with(Vec::is_empty)>
                <p class="soft">{t.no_actions}</p>
            </Show>
            <ol class="stack-tight">
                <For each=move || acts.rows.get() key=|row| row.key let:row>
                    <ActRow row acts shelf />
                </For>
            </ol>
            // Hidden and not taken away: what is made in it lives as long as it does.
            <div hidden=move || { acts.rows.with(Vec::len) >= LIMIT }>
                <AddFrom label=t.add_action choices on_add=add />
            </div>
            <p class="field-hint">{t.actions_hint}</p>
        </fieldset>
    }
    .into_any()
}

#[component]
fn ActRow(row: Row, acts: Acts, shelf: Shelf) -> impl IntoView {
    let t = text::automation();
    let kind = row.action.with_untracked(AutomationAction::kind);
    let key = row.key;
    view! {
        <li class="card card-body stack-tight">
            <div class="row between">
                <strong>{act_word(kind)}</strong>
                <span class="row">
                    <IconButton
                        glyph=Glyph::Arrow
                        class="turned-up"
                        label=t.order_up
                        on_press=move || acts.raise(key)
                    />
                    <IconButton
                        glyph=Glyph::Close
                        label=text::deals().remove
                        on_press=move || acts.remove(key)
                    />
                </span>
            </div>
            {fields(kind, row.action, shelf)}
        </li>
    }
    .into_any()
}

fn fields(kind: Kind, action: RwSignal<AutomationAction>, shelf: Shelf) -> AnyView {
    match kind {
        Kind::Unspecified => ().into_any(),
        Kind::HandOff => silent(action),
        Kind::StartSequence | Kind::StopSequence => sequence(action, shelf),
        Kind::MoveStage => stage(action, shelf),
        Kind::CreateTask => task(action),
        Kind::AddNote => view! {
            {words(action)}
            {on_contact(action)}
        }
        .into_any(),
        Kind::AddTag | Kind::RemoveTag => view! {
            {line(action, text::automation().tag, |action| &mut action.text)}
            {on_contact(action)}
        }
        .into_any(),
        Kind::Assign => user(action, shelf),
        Kind::RunSalesbot => bot(action, shelf),
        Kind::SendWebhook => {
            let t = text::automation();
            view! {
                {line(action, t.url, |action| &mut action.url)}
                <p class="field-hint">{t.url_hint}</p>
            }
            .into_any()
        }
    }
}

fn silent(action: RwSignal<AutomationAction>) -> AnyView {
    let value = Signal::derive(move || action.with(|action| action.silent));
    view! {
        <Switch
            label=text::automation().silent
            value
            on_change=move |on| action.update(|action| action.silent = on)
        />
    }
    .into_any()
}

fn on_contact(action: RwSignal<AutomationAction>) -> AnyView {
    let value = Signal::derive(move || action.with(|action| action.on_contact));
    view! {
        <Switch
            label=text::automation().on_contact
            value
            on_change=move |on| action.update(|action| action.on_contact = on)
        />
    }
    .into_any()
}

fn words(action: RwSignal<AutomationAction>) -> AnyView {
    let before = action.with_untracked(|action| action.text.clone());
    view! {
        <Words
            label=text::automation().text
            before
            write=move |words| action.update(|action| action.text = words)
        />
    }
    .into_any()
}

fn line(
    action: RwSignal<AutomationAction>,
    label: &'static str,
    place: fn(&mut AutomationAction) -> &mut String,
) -> AnyView {
    let before = place(&mut action.get_untracked()).clone();
    let value = bound(before, move |words| {
        action.update(|action| *place(action) = words);
    });
    view! { <TextInput label name="" value /> }.into_any()
}

fn task(action: RwSignal<AutomationAction>) -> AnyView {
    let t = text::automation();
    let before = action.with_untracked(|action| action.due_hours);
    view! {
        {words(action)}
        <Number
            label=t.due_hours
            before
            min=0
            max=720
            hint=t.due_hint
            write=move |hours| action.update(|action| action.due_hours = hours)
        />
    }
    .into_any()
}

fn stage(action: RwSignal<AutomationAction>, shelf: Shelf) -> AnyView {
    let t = text::automation();
    let value = Signal::derive(move || action.with(|it| place_value(it.pipeline_id, it.stage_id)));
    let is_lost = move || action.with(|action| action.stage_id == LOST);
    view! {
        <Pick
            label=t.stage
            first=t.choose_stage
            value
            choices=move || shelf.stages()
            on_choose=move |chosen| {
                action
                    .update(|action| {
                        (action.pipeline_id, action.stage_id) = place_of(&chosen);
                    });
            }
        />
        <Show when=is_lost>{reason(action, shelf)}</Show>
    }
    .into_any()
}

fn reason(action: RwSignal<AutomationAction>, shelf: Shelf) -> AnyView {
    let t = text::automation();
    let value = Signal::derive(move || action.with(|action| number(action.loss_reason_id)));
    let choices = move || {
        let known = shelf.reasons.data.get().unwrap_or_default().into_iter();
        known
            .map(|one| Choice::new(one.loss_reason_id.to_string(), one.display_name))
            .collect()
    };
    view! {
        <Pick
            label=t.loss_reason
            first=t.choose_reason
            value
            choices
            on_choose=move |chosen| {
                action.update(|action| action.loss_reason_id = chosen.parse().unwrap_or_default());
            }
        />
    }
    .into_any()
}

fn user(action: RwSignal<AutomationAction>, shelf: Shelf) -> AnyView {
    let t = text::automation();
    let value = Signal::derive(move || action.with(|action| number(action.user_id)));
    let choices = move || {
        let known = shelf.users.data.get().unwrap_or_default().into_iter();
        known
            .filter(|user| !user.gone)
            .map(|user| Choice::new(user.user_id.to_string(), user.display_name))
            .collect()
    };
    view! {
        <Pick
            label=t.user
            first=t.choose_user
            value
            choices
            on_choose=move |chosen| {
                action.update(|action| action.user_id = chosen.parse().unwrap_or_default());
            }
        />
    }
    .into_any()
}

fn bot(action: RwSignal<AutomationAction>, shelf: Shelf) -> AnyView {
    let t = text::automation();
    let value = Signal::derive(move || action.with(|action| number(action.bot_id)));
    let choices = move || {
        let allowed = shelf.crm.salesbots().into_iter();
        allowed
            .map(|id| Choice::new(id.to_string(), format!("{} {id}", t.bot)))
            .collect()
    };
    view! {
        <Pick
            label=t.bot
            first=t.choose_bot
            value
            choices
            on_choose=move |chosen| {
                action.update(|action| action.bot_id = chosen.parse().unwrap_or_default());
            }
        />
        <Show when=move || shelf.crm.salesbots().is_empty()>
            <Notice>{t.no_bots}</Notice>
        </Show>
    }
    .into_any()
}

fn sequence(action: RwSignal<AutomationAction>, shelf: Shelf) -> AnyView {
    let t = text::automation();
    let value = Signal::derive(move || action.with(|action| action.sequence.clone()));
    let choices = move || {
        let known = shelf.sequences.data.get().unwrap_or_default().into_iter();
        known
            .map(|one| Choice::new(one.name, one.display_name))
            .collect()
    };
    view! {
        <Pick
            label=t.sequence
            first=t.choose_sequence
            value
            choices
            on_choose=move |chosen| action.update(|action| action.sequence = chosen)
        />
    }
    .into_any()
}

/// Empty for none.
fn number(id: i64) -> String {
    if id == 0 {
        String::new()
    } else {
        id.to_string()
    }
}
