use leptos::prelude::*;

use super::effect::Effect;
use super::objection_form::ObjectionForm;
use super::shared::{
    DeleteButton, OBJECTION_TYPES, StateBadge, agent_choices, all_agents, place_words, type_filter,
    type_word,
};
use crate::api::agents::Agent;
use crate::api::playbook::{self, ObjectionResponse, PlayFilter};
use crate::i18n::text;
use crate::query::{Page, Paged, Query};
use crate::session::Session;
use crate::ui::{
    Button, DeleteDialog, Empty, FilterSelect, Glyph, Look, NextPage, Page as Frame, Screen,
    SearchInput, Sheet, Table, TableRow, Toasts,
};
use crate::url_state::url_state;

/// What can be done with the responses.
#[derive(Clone, Copy)]
struct Book {
    list: Paged<ObjectionResponse>,
    agents: Query<Vec<Agent>>,
    editing: RwSignal<Option<ObjectionResponse>>,
    deleting: RwSignal<Option<ObjectionResponse>>,
    toasts: Toasts,
    may_write: bool,
}

/// How clients object, and what to answer.
#[component]
pub(crate) fn Objections() -> impl IntoView {
    let t = text::plays();
    let (words, set_words) = url_state("q");
    let (kind, set_kind) = url_state("type");
    let (agent, set_agent) = url_state("agent");
    let filter = move || PlayFilter {
        kind: kind.get(),
        query: words.get(),
        agent: agent.get(),
    };
    let book = Book {
        list: Paged::keyed(filter, playbook::objections),
        agents: all_agents(),
        editing: RwSignal::new(None),
        deleting: RwSignal::new(None),
        toasts: Toasts::get(),
        may_write: Session::get().may("agents.write"),
    };
    let create = Callback::new(move |()| book.editing.set(Some(ObjectionResponse::default())));
    let is_filtered = move || filter() != PlayFilter::default();
    let agents = agent_choices(book.agents, format!("{}: {}", t.agent, text::common().all));
    view! {
        <Frame
            title=t.objections
            actions=move || {
                view! {
                    <Button
                        look=Look::Primary
                        glyph=Glyph::Plus
                        disabled=!book.may_write
                        on_press=create
                    >
                        {t.new_objection}
                    </Button>
                }
            }
        >
            <div class="filters">
                <SearchInput label=t.search value=words on_search=set_words />
                <FilterSelect
                    label=t.kind
                    value=kind
                    choices=type_filter(&OBJECTION_TYPES)
                    on_choose=set_kind
                />
                <FilterSelect label=t.agent value=agent choices=agents on_choose=set_agent />
            </div>
            <Screen
                query=book.list.query
                children=move |page| table(page, is_filtered(), create, book)
            />
            <NextPage more=book.list.more />
            <Editor book />
            <DeleteDialog
                doomed=book.deleting
                title=t.delete_objection_title
                words=t.delete_text
                gone=t.deleted
                delete=|response: ObjectionResponse| {
                    playbook::delete_objection(response.name, response.etag)
                }
                on_gone=move |()| book.list.query.reload()
            />
        </Frame>
    }
}

fn table(
    page: Page<ObjectionResponse>,
    is_filtered: bool,
    create: Callback<()>,
    book: Book,
) -> AnyView {
    let t = text::plays();
    if page.items.is_empty() && is_filtered {
        let t = text::common();
        return view! {
            <Empty glyph=Glyph::Search title=t.nothing_found words=t.change_filters />
        }
        .into_any();
    }
    if page.items.is_empty() {
        return view! {
            <Empty glyph=Glyph::Objection title=t.objections_empty words=t.objections_empty_text>
                <Button
                    look=Look::Primary
                    glyph=Glyph::Plus
                    disabled=!book.may_write
                    on_press=create
                >
                    {t.new_objection}
                </Button>
            </Empty>
        }
        .into_any();
    }
    let columns = vec![t.kind, t.response, text::common().status, t.effect, ""];
    let rows = page
        .items
        .into_iter()
        .map(|response| view! { <Row response book /> })
        .collect_view();
    view! {
        <Table caption=t.objection_caption columns>
            {rows}
        </Table>
    }
    .into_any()
}

#[component]
fn Row(response: ObjectionResponse, book: Book) -> impl IntoView {
    let t = text::plays();
    let (opened, doomed) = (response.clone(), response.clone());
    let (agent, stages) = (response.agent.clone(), response.stages.clone());
    let place = move || {
        let agents = book.agents.data.get().unwrap_or_default();
        place_words(&agents, &agent, &stages)
    };
    let phrases = u64::try_from(response.phrases.len()).unwrap_or_default();
    let first = response.phrases.first().map(|phrase| format!("«{phrase}»"));
    view! {
        <TableRow on_open=move |()| book.editing.set(Some(opened.clone()))>
            <td>
                <strong>{type_word(&response.r#type)}</strong>
                <div class="small muted">{first} " " {(t.phrase_count)(phrases)}</div>
            </td>
            <td>
                <div class="two-lines">{response.response.clone()}</div>
                <div class="small muted">{place}</div>
            </td>
            <td>
                <StateBadge state=response.state() />
            </td>
            <td data-label=t.effect>
                <Effect share=response.effectiveness cases=response.usage_count />
            </td>
            <td class="actions">
                <DeleteButton
                    may_write=book.may_write
                    on_press=move || book.deleting.set(Some(doomed.clone()))
                />
            </td>
        </TableRow>
    }
}

#[component]
fn Editor(book: Book) -> impl IntoView {
    let t = text::plays();
    move || {
        book.editing.get().map(|response| {
            let title = if response.name.is_empty() {
                t.new_objection
            } else {
                t.edit_objection
            };
            let close = Callback::new(move |()| book.editing.set(None));
            let saved = Callback::new(move |()| {
                book.editing.set(None);
                book.toasts.say(text::common().saved);
                book.list.query.reload();
            });
            view! {
                <Sheet title on_close=close>
                    <ObjectionForm
                        before=response
                        agents=book.agents
                        may_write=book.may_write
                        on_saved=saved
                    />
                </Sheet>
            }
        })
    }
}
