use leptos::prelude::*;

use super::hits::HitsSheet;
use super::parts::Shelf;
use super::trial::TrialSection;
use super::trigger_form::TriggerForm;
use super::words::kind_word;
use crate::api::Problem;
use crate::api::automation::{self, Trigger};
use crate::i18n::text;
use crate::pages::agents::deals::form::CrmForm;
use crate::pages::agents::form::AgentForm;
use crate::query::Query;
use crate::session::Session;
use crate::task;
use crate::ui::{
    Button, DeleteDialog, Empty, Glyph, IconButton, Look, Screen, SearchInput, Sheet, Switch,
    Toasts,
};

/// What can be done with the triggers.
#[derive(Clone, Copy)]
pub(super) struct Board {
    pub(super) agent: StoredValue<String>,
    pub(super) list: Query<Vec<Trigger>>,
    pub(super) shelf: Shelf,
    pub(super) may_write: bool,
    editing: RwSignal<Option<Trigger>>,
    deleting: RwSignal<Option<Trigger>>,
    watching: RwSignal<Option<Trigger>>,
    toasts: Toasts,
}

impl Board {
    fn new() -> Self {
        let form = expect_context::<AgentForm>();
        let agent = form.base.with_untracked(|agent| agent.name.clone());
        let (of_triggers, of_sequences) = (agent.clone(), agent.clone());
        let sequences = Query::once(move || automation::sequences(of_sequences.clone()));
        Self {
            agent: StoredValue::new(agent),
            list: Query::once(move || automation::triggers(of_triggers.clone())),
            shelf: Shelf::new(expect_context::<CrmForm>(), sequences),
            may_write: Session::get().may("agents.write"),
            editing: RwSignal::new(None),
            deleting: RwSignal::new(None),
            watching: RwSignal::new(None),
            toasts: Toasts::get(),
        }
    }

    /// Waits for a change, and shows what came of it.
    fn change<T: 'static>(self, change: impl Future<Output = Result<T, Problem>> + 'static) {
        task::spawn(async move {
            if let Err(problem) = change.await {
                self.toasts.problem(&problem);
            }
            self.list.reload();
        });
    }
}

/// The tab «Triggers».
#[component]
pub(crate) fn Triggers() -> impl IntoView {
    let t = text::automation();
    let board = Board::new();
    let words = RwSignal::new(String::new());
    let create = Callback::new(move |()| board.editing.set(Some(Trigger::default())));
    view! {
        <div class="row between row-wrap">
            <p class="soft grow">{t.triggers_lead}</p>
            <Button
                look=Look::Primary
                glyph=Glyph::Plus
                disabled=!board.may_write
                on_press=create
            >
                {t.new_trigger}
            </Button>
        </div>
        <SearchInput label=t.search value=words on_search=move |found| words.set(found) />
        <Screen query=board.list count=4 children=move |all| cards(all, words, board) />
        <TrialSection board />
        <Editor board />
        <DeleteDialog
            doomed=board.deleting
            title=t.delete_trigger
            words=t.delete_trigger_text
            gone=t.deleted
            delete=|trigger: Trigger| automation::delete_trigger(trigger.name, trigger.etag)
            on_gone=move |()| board.list.reload()
        />
        <History board />
    }
    .into_any()
}

fn cards(all: Vec<Trigger>, words: RwSignal<String>, board: Board) -> AnyView {
    let t = text::automation();
    if all.is_empty() {
        return view! {
            <Empty glyph=Glyph::Sparkle title=t.triggers_empty words=t.triggers_empty_text />
        }
        .into_any();
    }
    let last = all.len() - 1;
    let rows = all
        .into_iter()
        .enumerate()
        .map(|(place, trigger)| {
            let name = trigger.display_name.to_lowercase();
            let fits = move || name.contains(&words.get().trim().to_lowercase());
            view! {
                <div hidden=move || !fits()>
                    <Card trigger place last board />
                </div>
            }
        })
        .collect_view();
    view! { <div class="stack-tight">{rows}</div> }.into_any()
}

#[component]
fn Card(trigger: Trigger, place: usize, last: usize, board: Board) -> impl IntoView {
    let t = text::automation();
    let (opened, watched, doomed) = (trigger.clone(), trigger.clone(), trigger.clone());
    let (turned, up, down) = (trigger.clone(), trigger.name.clone(), trigger.name.clone());
    let enabled = trigger.enabled;
    let turn = move |on: bool| {
        let trigger = Trigger {
            enabled: on,
            ..turned.clone()
        };
        board.change(automation::save_trigger(board.agent.get_value(), trigger));
    };
    let shift = move |name: String, to: usize| {
        let to = i32::try_from(to).unwrap_or(i32::MAX);
        board.change(automation::move_trigger(name, to));
    };
    view! {
        <section class="card card-body row between row-wrap">
            <div class="grow">
                <button
                    type="button"
                    class="link"
                    on:click=move |_| board.editing.set(Some(opened.clone()))
                >
                    <strong>{trigger.display_name.clone()}</strong>
                </button>
                <div class="small muted">
                    {kind_word(trigger.kind())} " · " {(t.fired_times)(trigger.hit_count)}
                </div>
            </div>
            <div class="row row-wrap">
                <Switch label=t.enabled value=enabled disabled=!board.may_write on_change=turn />
                <IconButton
                    glyph=Glyph::Arrow
                    class="turned-up"
                    label=t.order_up
                    disabled=!board.may_write || place == 0
                    on_press=move || shift(up.clone(), place.saturating_sub(1))
                />
                <IconButton
                    glyph=Glyph::Arrow
                    class="turned-down"
                    label=t.order_down
                    disabled=!board.may_write || place == last
                    on_press=move || shift(down.clone(), place + 1)
                />
                <IconButton
                    glyph=Glyph::Eye
                    label=t.history
                    on_press=move || board.watching.set(Some(watched.clone()))
                />
                <IconButton
                    glyph=Glyph::Trash
                    label=text::common().delete
                    disabled=!board.may_write
                    on_press=move || board.deleting.set(Some(doomed.clone()))
                />
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Editor(board: Board) -> impl IntoView {
    let t = text::automation();
    move || {
        board.editing.get().map(|trigger| {
            let title = if trigger.name.is_empty() {
                t.new_trigger
            } else {
                t.edit_trigger
            };
            let saved = Callback::new(move |()| {
                board.editing.set(None);
                board.toasts.say(text::common().saved);
                board.list.reload();
            });
            view! {
                <Sheet title on_close=move |()| board.editing.set(None)>
                    <TriggerForm before=trigger board on_saved=saved />
                </Sheet>
            }
        })
    }
}

#[component]
fn History(board: Board) -> impl IntoView {
    move || {
        board.watching.get().map(|trigger| {
            let close = Callback::new(move |()| board.watching.set(None));
            view! { <HitsSheet trigger on_close=close /> }
        })
    }
}
