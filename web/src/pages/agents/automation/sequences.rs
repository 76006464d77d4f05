use leptos::prelude::*;

use super::executions::ExecutionsSheet;
use super::parts::Shelf;
use super::sequence_form::SequenceForm;
use super::words::start_word;
use crate::api::automation::{self, Sequence};
use crate::i18n::text;
use crate::pages::agents::deals::form::CrmForm;
use crate::pages::agents::form::AgentForm;
use crate::query::Query;
use crate::session::Session;
use crate::task;
use crate::ui::{
    Button, DeleteDialog, Empty, Glyph, IconButton, Look, Screen, Sheet, Switch, Toasts,
};

/// What can be done with the sequences.
#[derive(Clone, Copy)]
pub(super) struct Board {
    pub(super) agent: StoredValue<String>,
    pub(super) shelf: Shelf,
    pub(super) may_write: bool,
    editing: RwSignal<Option<Sequence>>,
    deleting: RwSignal<Option<Sequence>>,
    watching: RwSignal<Option<Sequence>>,
    toasts: Toasts,
}

impl Board {
    fn new() -> Self {
        let form = expect_context::<AgentForm>();
        let agent = form.base.with_untracked(|agent| agent.name.clone());
        let of_sequences = agent.clone();
        let sequences = Query::once(move || automation::sequences(of_sequences.clone()));
        Self {
            agent: StoredValue::new(agent),
            shelf: Shelf::new(expect_context::<CrmForm>(), sequences),
            may_write: Session::get().may("agents.write"),
            editing: RwSignal::new(None),
            deleting: RwSignal::new(None),
            watching: RwSignal::new(None),
            toasts: Toasts::get(),
        }
    }

    fn list(self) -> Query<Vec<Sequence>> {
        self.shelf.sequences
    }
}

/// The tab «Sequences».
#[component]
pub(crate) fn Sequences() -> impl IntoView {
    let t = text::automation();
    let board = Board::new();
    let create = Callback::new(move |()| board.editing.set(Some(Sequence::default())));
    view! {
        <div class="row between row-wrap">
            <p class="soft grow">{t.sequences_lead}</p>
            <Button
                look=Look::Primary
                glyph=Glyph::Plus
                disabled=!board.may_write
                on_press=create
            >
                {t.new_sequence}
            </Button>
        </div>
        <Screen query=board.list() count=4 children=move |all| cards(all, board) />
        <Editor board />
        <DeleteDialog
            doomed=board.deleting
            title=t.delete_sequence
            words=t.delete_sequence_text
            gone=t.deleted
            delete=|sequence: Sequence| automation::delete_sequence(sequence.name, sequence.etag)
            on_gone=move |()| board.list().reload()
        />
        <Executions board />
    }
    .into_any()
}

fn cards(all: Vec<Sequence>, board: Board) -> AnyView {
    let t = text::automation();
    if all.is_empty() {
        return view! {
            <Empty glyph=Glyph::Send title=t.sequences_empty words=t.sequences_empty_text />
        }
        .into_any();
    }
    let rows = all
        .into_iter()
        .map(|sequence| view! { <Card sequence board /> })
        .collect_view();
    view! { <div class="stack-tight">{rows}</div> }.into_any()
}

#[component]
fn Card(sequence: Sequence, board: Board) -> impl IntoView {
    let t = text::automation();
    let (opened, watched) = (sequence.clone(), sequence.clone());
    let (turned, doomed) = (sequence.clone(), sequence.clone());
    let turn = move |on: bool| {
        let sequence = Sequence {
            enabled: on,
            ..turned.clone()
        };
        let saving = automation::save_sequence(board.agent.get_value(), sequence);
        task::spawn(async move {
            if let Err(problem) = saving.await {
                board.toasts.problem(&problem);
            }
            board.list().reload();
        });
    };
    let enabled = sequence.enabled;
    view! {
        <section class="card card-body row between row-wrap">
            <div class="grow">
                <button
                    type="button"
                    class="link"
                    on:click=move |_| board.editing.set(Some(opened.clone()))
                >
                    <strong>{sequence.display_name.clone()}</strong>
                </button>
                <div class="small muted">
                    {start_word(sequence.start())} " · " {(t.steps_count)(sequence.steps.len())}
                    " · " {(t.running_count)(sequence.running_count)}
                </div>
            </div>
            <div class="row row-wrap">
                <Switch label=t.enabled value=enabled disabled=!board.may_write on_change=turn />
                <IconButton
                    glyph=Glyph::Eye
                    label=t.executions
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
        board.editing.get().map(|sequence| {
            let title = if sequence.name.is_empty() {
                t.new_sequence
            } else {
                t.edit_sequence
            };
            let saved = Callback::new(move |()| {
                board.editing.set(None);
                board.toasts.say(text::common().saved);
                board.list().reload();
            });
            view! {
                <Sheet title on_close=move |()| board.editing.set(None)>
                    <SequenceForm before=sequence board on_saved=saved />
                </Sheet>
            }
        })
    }
}

#[component]
fn Executions(board: Board) -> impl IntoView {
    move || {
        board.watching.get().map(|sequence| {
            let close = Callback::new(move |()| {
                board.watching.set(None);
                board.list().reload();
            });
            view! { <ExecutionsSheet sequence on_close=close /> }
        })
    }
}
