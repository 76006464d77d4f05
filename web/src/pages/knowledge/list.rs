use leptos::prelude::*;

use super::add::{AddDialog, AddMenu};
use super::categories::Categories;
use super::detail::SourceSheet;
use super::state::{kind_word, state_word};
use super::table::{MoreSources, SourceTable};
use super::upload::{UploadList, Uploads};
use crate::api::knowledge::{
    self, Category, ListSourcesResponse, SourceFilter, SourceKind, SourceState,
};
use crate::api::live::LiveJobs;
use crate::i18n::text;
use crate::query::Query;
use crate::session::Session;
use crate::ui::{
    Button, Choice, Empty, FilterSelect, Glyph, Look, Page, Screen, SearchInput, Tab, Tabs,
};
use crate::url_state::url_state;

const STATES: [(&str, SourceState); 4] = [
    ("pending", SourceState::Pending),
    ("processing", SourceState::Processing),
    ("ready", SourceState::Ready),
    ("failed", SourceState::Failed),
];

const KINDS: [(&str, SourceKind); 3] = [
    ("article", SourceKind::Article),
    ("file", SourceKind::File),
    ("page", SourceKind::WebPage),
];

/// What the parts of the screen share.
#[derive(Clone, Copy)]
pub(super) struct Library {
    pub(super) sources: Query<ListSourcesResponse>,
    pub(super) categories: Query<Vec<Category>>,
    /// `categories/{category}`; empty = all sources.
    pub(super) category: Signal<String>,
    pub(super) uploads: Uploads,
    pub(super) may_write: bool,
}

impl Library {
    pub(super) fn reload(self) {
        self.sources.reload();
        self.categories.reload();
    }
}

/// Categories, sources, and what is being read.
#[component]
pub(crate) fn KnowledgeList() -> impl IntoView {
    let t = text::knowledge();
    let live = expect_context::<LiveJobs>();
    live.subscribe();
    let (category, set_category) = url_state("category");
    let (words, set_words) = url_state("q");
    let (state, set_state) = url_state("state");
    let (kind, set_kind) = url_state("kind");
    let (add, set_add) = url_state("add");
    let (opened, set_opened) = url_state("source");
    let filter = Signal::derive(move || SourceFilter {
        category: category.get(),
        query: words.get(),
        state: by_word(&STATES, &state.get()),
        kind: by_word(&KINDS, &kind.get()),
    });
    let sources = Query::keyed(
        move || (filter.get(), live.epoch.get()),
        |(filter, _)| knowledge::list(filter, String::new()),
    );
    let library = Library {
        sources,
        categories: Query::once(knowledge::categories),
        category,
        uploads: Uploads::new(),
        may_write: Session::get().may("knowledge.write"),
    };
    follow(live, library);
    let is_filtered = Memo::new(move |_| filter.get() != SourceFilter::default());
    let open_files = Callback::new(move |()| set_add("files".to_owned()));
    view! {
        <Page
            title=t.title
            actions=move || view! { <AddMenu may_write=library.may_write on_add=set_add /> }
        >
            <KnowledgeTabs />
            <div class="library">
                <Categories library on_select=set_category />
                <div class="stack grow">
                    <div class="filters">
                        <SearchInput label=t.search_sources value=words on_search=set_words />
                        <FilterSelect
                            label=text::common().status
                            value=state
                            choices=choices(text::common().status, &STATES, state_word)
                            on_choose=set_state
                        />
                        <FilterSelect
                            label=t.kind
                            value=kind
                            choices=choices(t.kind, &KINDS, kind_word)
                            on_choose=set_kind
                        />
                    </div>
                    <UploadList library />
                    <Screen
                        query=sources
                        children=move |page: ListSourcesResponse| {
                            if page.sources.is_empty() {
                                nothing(is_filtered.get_untracked(), open_files)
                            } else {
                                view! { <SourceTable page library live on_open=set_opened /> }
                                    .into_any()
                            }
                        }
                    />
                    <MoreSources library filter />
                </div>
            </div>
            <AddDialog library kind=add on_close=move |()| set_add(String::new()) />
            <SourceSheet library name=opened on_close=move |()| set_opened(String::new()) />
        </Page>
    }
}

/// Sources and the search test.
#[component]
pub(super) fn KnowledgeTabs() -> impl IntoView {
    let t = text::knowledge();
    let tabs = vec![
        Tab {
            href: "/knowledge".to_owned(),
            label: t.tab_sources,
        },
        Tab {
            href: "/knowledge/search".to_owned(),
            label: t.tab_search,
        },
    ];
    view! { <Tabs label=t.title tabs /> }
}

fn by_word<T: Copy>(known: &[(&str, T)], word: &str) -> Option<T> {
    known
        .iter()
        .find(|(slug, _)| *slug == word)
        .map(|(_, value)| *value)
}

fn choices<T: Copy>(label: &str, known: &[(&str, T)], word: fn(T) -> &'static str) -> Vec<Choice> {
    let all = Choice::new("", format!("{label}: {}", text::common().all));
    let known = known
        .iter()
        .map(|(slug, value)| Choice::new(*slug, word(*value)));
    std::iter::once(all).chain(known).collect()
}

/// Reads the list again when a job of a source on it began or ended; in between, only the
/// progress in its row moves.
fn follow(live: LiveJobs, library: Library) {
    let seen = StoredValue::new(std::collections::HashMap::<String, i32>::new());
    Effect::new(move |_| {
        let Some(job) = live.last.get() else {
            return;
        };
        if !job.resource.starts_with("sources/") {
            return;
        }
        let before = seen.try_update_value(|seen| seen.insert(job.name.clone(), job.state));
        if before.flatten() != Some(job.state) {
            library.reload();
        }
    });
}

fn nothing(is_filtered: bool, open_files: Callback<()>) -> AnyView {
    if is_filtered {
        let (title, words) = (text::common().nothing_found, text::common().change_filters);
        return view! { <Empty glyph=Glyph::Search title words /> }.into_any();
    }
    let hints = [
        text::knowledge().hint_one,
        text::knowledge().hint_two,
        text::knowledge().hint_three,
    ];
    let hints = hints
        .into_iter()
        .map(|hint| view! { <li class="field-hint">{hint}</li> })
        .collect_view();
    view! {
        <Empty glyph=Glyph::Book title=text::knowledge().empty_title words=text::knowledge().empty_text>
            <Button look=Look::Primary glyph=Glyph::Upload on_press=open_files>
                {text::knowledge().files_title}
            </Button>
        </Empty>
        <ul class="stack-tight hints">{hints}</ul>
    }
    .into_any()
}
