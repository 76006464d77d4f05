use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::create::CreateAgent;
use super::state::{StateBadge, state_word};
use crate::api::agents::{self, Agent, AgentFilter, AgentState, AnswerMode, ListAgentsResponse};
use crate::api::{Problem, models};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::session::Session;
use crate::task;
use crate::ui::{
    Button, Choice, ConfirmDelete, Empty, FilterSelect, Glyph, Icon, LoadMore, Look, Menu,
    MenuItem, Page, RelativeTime, Screen, SearchInput, Table, TableRow, Toasts,
};
use crate::url_state::url_state;

const STATES: [AgentState; 4] = [
    AgentState::Draft,
    AgentState::Active,
    AgentState::Paused,
    AgentState::Archived,
];

/// What can be done with the rows.
#[derive(Clone, Copy)]
struct Actions {
    query: Query<ListAgentsResponse>,
    toasts: Toasts,
    deleting: RwSignal<Option<Agent>>,
}

impl Actions {
    /// Runs one change, says that it was made, and loads the list again.
    fn run<T>(
        self,
        change: impl Future<Output = Result<T, Problem>> + 'static,
        done: &'static str,
    ) {
        task::spawn(async move {
            match change.await {
                Ok(_) => self.toasts.say(done),
                Err(problem) => self.toasts.problem(&problem),
            }
            self.query.reload();
        });
    }

    fn pause(self, name: String) {
        let toasts = self.toasts;
        let undo = name.clone();
        task::spawn(async move {
            match agents::pause(name).await {
                Ok(_) => toasts.say_with_undo(
                    text::agents().paused,
                    Callback::new(move |()| {
                        self.run(agents::activate(undo.clone()), text::agents().activated);
                    }),
                ),
                Err(problem) => toasts.problem(&problem),
            }
            self.query.reload();
        });
    }
}

#[component]
pub(crate) fn AgentList() -> impl IntoView {
    let t = text::agents();
    let (words, set_words) = url_state("q");
    let (state, set_state) = url_state("state");
    let (model, set_model) = url_state("model");
    let (order, set_order) = url_state("order");
    let (new, set_new) = url_state("new");
    let filter = move || AgentFilter {
        query: words.get(),
        state: state_of(&state.get()),
        model: model.get(),
        order_by: order.get(),
    };
    let query = Query::keyed(filter, |filter| agents::list(filter, String::new()));
    let actions = Actions {
        query,
        toasts: Toasts::get(),
        deleting: RwSignal::new(None),
    };
    let is_filtered =
        move || !(words.get().is_empty() && state.get().is_empty() && model.get().is_empty());
    let reset = Callback::new(move |()| {
        set_words(String::new());
        set_state(String::new());
        set_model(String::new());
    });
    let may_write = Session::get().may("agents.write");
    let open_form = Callback::new(move |()| set_new("1".to_owned()));
    view! {
        <Page
            title=t.title
            actions=move || {
                view! {
                    <Button
                        look=Look::Primary
                        glyph=Glyph::Plus
                        disabled=!may_write
                        on_press=open_form
                    >
                        {t.create}
                    </Button>
                }
            }
        >
            <div class="filters">
                <SearchInput label=t.search value=words on_search=set_words />
                <FilterSelect
                    label=t.filter_state
                    value=state
                    choices=state_choices()
                    on_choose=set_state
                />
                <ModelFilter value=model on_choose=set_model />
                <FilterSelect
                    label=t.sort
                    value=order
                    choices=order_choices()
                    on_choose=set_order
                />
                <Show when=is_filtered>
                    <Button look=Look::Ghost on_press=reset>
                        {text::common().reset}
                    </Button>
                </Show>
            </div>
            <Screen
                query
                children=move |page: ListAgentsResponse| {
                    if page.agents.is_empty() {
                        no_agents(is_filtered(), open_form)
                    } else {
                        agent_table(page, actions)
                    }
                }
            />
            <MoreAgents query filter />
            <DeleteDialog actions />
            <Show when=move || !new.get().is_empty()>
                <CreateAgent on_close=move |()| set_new(String::new()) />
            </Show>
        </Page>
    }
}

fn state_of(word: &str) -> Option<AgentState> {
    STATES.into_iter().find(|state| state_slug(*state) == word)
}

const fn state_slug(state: AgentState) -> &'static str {
    match state {
        AgentState::Unspecified => "",
        AgentState::Draft => "draft",
        AgentState::Active => "active",
        AgentState::Paused => "paused",
        AgentState::Archived => "archived",
    }
}

fn state_choices() -> Vec<Choice> {
    let all = Choice::new(
        "",
        format!("{}: {}", text::agents().filter_state, text::common().all),
    );
    let states = STATES
        .into_iter()
        .map(|state| Choice::new(state_slug(state), state_word(state)));
    std::iter::once(all).chain(states).collect()
}

fn order_choices() -> Vec<Choice> {
    let t = text::agents();
    vec![
        Choice::new("", t.sort_updated),
        Choice::new("create_time desc", t.sort_created),
        Choice::new("display_name", t.sort_name),
        Choice::new("last_activity_time desc", t.sort_activity),
    ]
}

#[component]
fn ModelFilter(
    value: Signal<String>,
    on_choose: impl Fn(String) + Copy + 'static,
) -> impl IntoView {
    let models = Query::once(|| models::list(String::new(), String::new()));
    let choices = Signal::derive(move || {
        let all = Choice::new(
            "",
            format!("{}: {}", text::agents().filter_model, text::common().any),
        );
        let known = models.data.get().unwrap_or_default().models.into_iter();
        let known = known
            .map(|model| Choice::new(model.name.trim_start_matches("models/"), model.display_name));
        std::iter::once(all).chain(known).collect::<Vec<_>>()
    });
    view! { <FilterSelect label=text::agents().filter_model value choices on_choose /> }
}

fn no_agents(is_filtered: bool, open_form: Callback<()>) -> AnyView {
    if is_filtered {
        return view! {
            <Empty
                glyph=Glyph::Search
                title=text::common().nothing_found
                words=text::common().change_filters
            />
        }
        .into_any();
    }
    view! {
        <Empty glyph=Glyph::Agent title=text::agents().empty_title words=text::agents().empty_text>
            <Button look=Look::Primary glyph=Glyph::Plus on_press=open_form>
                {text::agents().create}
            </Button>
        </Empty>
    }
    .into_any()
}

fn agent_table(page: ListAgentsResponse, actions: Actions) -> AnyView {
    let columns = vec![
        text::common().name,
        text::common().status,
        text::agents().model,
        text::agents().messages,
        text::agents().last_activity,
        text::common().updated,
        "",
    ];
    let total = u64::try_from(page.total_size).unwrap_or_default();
    let rows = page
        .agents
        .into_iter()
        .map(|agent| view! { <AgentRow agent actions /> })
        .collect_view();
    view! {
        <p class="small muted" aria-live="polite">
            {(text::agents().count)(total)}
        </p>
        <Table caption=text::agents().caption columns>
            {rows}
        </Table>
    }
    .into_any()
}

#[component]
fn AgentRow(agent: Agent, actions: Actions) -> impl IntoView {
    let t = text::agents();
    let navigate = use_navigate();
    let path = format!("/{}/general", agent.name);
    let open = Callback::new(move |()| navigate(&path, Default::default()));
    let model = if agent.model.is_empty() {
        t.default_model.to_owned()
    } else {
        agent.model.clone()
    };
    view! {
        <TableRow on_open=open>
            <td>
                <strong>{agent.display_name.clone()}</strong>
            </td>
            <td>
                <span class="row">
                    <StateBadge state=agent.state() />
                    <span class="small muted">{mode_word(agent.answer_mode())}</span>
                </span>
            </td>
            <td data-label=t.model class="soft">
                {model}
            </td>
            <td data-label=t.messages class="numeric">
                {format::integer(agent.messages_total)}
            </td>
            <td data-label=t.last_activity>
                <RelativeTime time=agent.last_activity_time />
            </td>
            <td data-label=text::common().updated>
                <RelativeTime time=agent.update_time />
            </td>
            <td class="actions">
                <RowMenu agent actions />
            </td>
        </TableRow>
    }
}

fn mode_word(mode: AnswerMode) -> &'static str {
    let t = text::editor();
    match mode {
        AnswerMode::Off => t.mode_off,
        AnswerMode::Unspecified | AnswerMode::Draft => t.mode_draft,
        AnswerMode::Auto => t.mode_auto,
    }
}

#[component]
fn RowMenu(agent: Agent, actions: Actions) -> impl IntoView {
    let t = text::agents();
    let navigate = use_navigate();
    let chat = format!("/chat?agent={}", agent.name);
    let test = Callback::new(move |()| navigate(&chat, Default::default()));
    let name = StoredValue::new(agent.name.clone());
    let state = agent.state();
    let doomed = StoredValue::new(agent);
    let may_write = Session::get().may("agents.write");
    let activate = move |()| actions.run(agents::activate(name.get_value()), t.activated);
    let pause = move |()| actions.pause(name.get_value());
    let copy = move |()| actions.run(agents::copy(name.get_value()), t.copied);
    let archive = move |()| actions.run(agents::archive(name.get_value()), t.archived);
    let delete = move |()| actions.deleting.set(Some(doomed.get_value()));
    view! {
        <Menu label=text::common().more trigger=view! { <Icon glyph=Glyph::Dots /> }>
            <MenuItem label=t.test glyph=Glyph::Chat on_choose=test />
            {may_write
                .then(|| {
                    view! {
                        {if state == AgentState::Active {
                            view! { <MenuItem label=t.pause glyph=Glyph::Pause on_choose=pause /> }
                                .into_any()
                        } else {
                            view! {
                                <MenuItem label=t.activate glyph=Glyph::Play on_choose=activate />
                            }
                                .into_any()
                        }}
                        <MenuItem label=t.copy glyph=Glyph::Copy on_choose=copy />
                        <MenuItem label=t.archive glyph=Glyph::Archive on_choose=archive />
                        <div class="menu-line"></div>
                        <MenuItem
                            label=text::common().delete
                            glyph=Glyph::Trash
                            danger=true
                            on_choose=delete
                        />
                    }
                })}
        </Menu>
    }
}

#[component]
fn DeleteDialog(actions: Actions) -> impl IntoView {
    let t = text::agents();
    let delete = Callback::new(move |agent: Agent| {
        actions.run(agents::delete(agent.name, agent.etag), t.deleted);
    });
    view! {
        <ConfirmDelete
            doomed=actions.deleting
            title=t.delete_title
            words=t.delete_text
            on_confirm=delete
        />
    }
}

/// Adds the next page to the list shown.
#[component]
fn MoreAgents(
    query: Query<ListAgentsResponse>,
    filter: impl Fn() -> AgentFilter + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let busy = RwSignal::new(false);
    let toasts = Toasts::get();
    let token = move || {
        query
            .data
            .with(|page| page.as_ref().map(|page| page.next_page_token.clone()))
            .unwrap_or_default()
    };
    let more = Callback::new(move |()| {
        let (filter, token) = (untrack(filter), untrack(token));
        busy.set(true);
        task::spawn(async move {
            match agents::list(filter, token).await {
                Ok(next) => query.patch(|page| {
                    page.agents.extend(next.agents);
                    page.next_page_token = next.next_page_token;
                }),
                Err(problem) => toasts.problem(&problem),
            }
            busy.set(false);
        });
    });
    let available = Signal::derive(move || !token().is_empty());
    view! { <LoadMore available busy on_more=more /> }
}
