use leptos::prelude::*;

use super::effect::Effect;
use super::script_form::ScriptForm;
use super::shared::{
    DeleteButton, SCRIPT_TYPES, StateBadge, agent_choices, all_agents, place_words, type_filter,
    type_word,
};
use crate::api::agents::Agent;
use crate::api::playbook::{self, PlayFilter, Script};
use crate::i18n::text;
use crate::query::{Page, Paged, Query};
use crate::session::Session;
use crate::ui::{
    Button, DeleteDialog, Empty, FilterSelect, Glyph, Look, NextPage, Page as Frame, RelativeTime,
    Screen, SearchInput, Sheet, Table, TableRow, Toasts,
};
use crate::url_state::url_state;

/// What can be done with the scripts.
#[derive(Clone, Copy)]
struct Book {
    list: Paged<Script>,
    agents: Query<Vec<Agent>>,
    editing: RwSignal<Option<Script>>,
    deleting: RwSignal<Option<Script>>,
    toasts: Toasts,
    may_write: bool,
}

/// What the agents should say, stage by stage.
#[component]
pub(crate) fn Scripts() -> impl IntoView {
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
        list: Paged::keyed(filter, playbook::scripts),
        agents: all_agents(),
        editing: RwSignal::new(None),
        deleting: RwSignal::new(None),
        toasts: Toasts::get(),
        may_write: Session::get().may("agents.write"),
    };
    let create = Callback::new(move |()| book.editing.set(Some(Script::default())));
    let is_filtered = move || filter() != PlayFilter::default();
    let agents = agent_choices(book.agents, format!("{}: {}", t.agent, text::common().all));
    view! {
        <Frame
            title=t.scripts
            actions=move || {
                view! {
                    <Button
                        look=Look::Primary
                        glyph=Glyph::Plus
                        disabled=!book.may_write
                        on_press=create
                    >
                        {t.new_script}
                    </Button>
                }
            }
        >
            <div class="filters">
                <SearchInput label=t.search value=words on_search=set_words />
                <FilterSelect
                    label=t.kind
                    value=kind
                    choices=type_filter(&SCRIPT_TYPES)
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
                title=t.delete_script_title
                words=t.delete_text
                gone=t.deleted
                delete=|script: Script| playbook::delete_script(script.name, script.etag)
                on_gone=move |()| book.list.query.reload()
            />
        </Frame>
    }
}

fn table(page: Page<Script>, is_filtered: bool, create: Callback<()>, book: Book) -> AnyView {
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
            <Empty glyph=Glyph::Script title=t.scripts_empty words=t.scripts_empty_text>
                <Button
                    look=Look::Primary
                    glyph=Glyph::Plus
                    disabled=!book.may_write
                    on_press=create
                >
                    {t.new_script}
                </Button>
            </Empty>
        }
        .into_any();
    }
    let columns = vec![
        t.name,
        text::common().status,
        t.agent,
        t.effect,
        text::common().updated,
        "",
    ];
    let rows = page
        .items
        .into_iter()
        .map(|script| view! { <Row script book /> })
        .collect_view();
    view! {
        <Table caption=t.script_caption columns>
            {rows}
        </Table>
    }
    .into_any()
}

#[component]
fn Row(script: Script, book: Book) -> impl IntoView {
    let t = text::plays();
    let (opened, doomed) = (script.clone(), script.clone());
    let (agent, stages) = (script.agent.clone(), script.stages.clone());
    let place = move || {
        let agents = book.agents.data.get().unwrap_or_default();
        place_words(&agents, &agent, &stages)
    };
    view! {
        <TableRow on_open=move |()| book.editing.set(Some(opened.clone()))>
            <td>
                <strong>{script.display_name.clone()}</strong>
                <div class="small muted">{type_word(&script.r#type)}</div>
            </td>
            <td>
                <StateBadge state=script.state() />
            </td>
            <td class="soft">{place}</td>
            <td data-label=t.effect>
                <Effect share=script.effectiveness cases=script.usage_count />
            </td>
            <td data-label=text::common().updated>
                <RelativeTime time=script.update_time />
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
        book.editing.get().map(|script| {
            let title = if script.name.is_empty() {
                t.new_script
            } else {
                t.edit_script
            };
            let close = Callback::new(move |()| book.editing.set(None));
            let saved = Callback::new(move |()| {
                book.editing.set(None);
                book.toasts.say(text::common().saved);
                book.list.query.reload();
            });
            view! {
                <Sheet title on_close=close>
                    <ScriptForm
                        before=script
                        agents=book.agents
                        may_write=book.may_write
                        on_saved=saved
                    />
                </Sheet>
            }
        })
    }
}
