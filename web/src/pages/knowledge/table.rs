use leptos::prelude::*;

use super::list::Library;
use super::state::{Reading, kind_word};
use crate::api::knowledge::{self, ListSourcesResponse, Source, SourceFilter};
use crate::api::live::LiveJobs;
use crate::i18n::{format, text};
use crate::task;
use crate::ui::{Badge, LoadMore, RelativeTime, Table, TableRow, Toasts};

#[component]
pub(super) fn SourceTable(
    page: ListSourcesResponse,
    library: Library,
    live: LiveJobs,
    on_open: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let columns = vec![
        text::common().name,
        text::knowledge().kind,
        text::common().status,
        text::knowledge().chunks,
        text::common().updated,
    ];
    let total = u64::try_from(page.total_size).unwrap_or_default();
    let rows = page
        .sources
        .into_iter()
        .map(|source| view! { <SourceRow source library live on_open /> })
        .collect_view();
    view! {
        <p class="small muted" aria-live="polite">
            {(text::knowledge().sources)(total)}
        </p>
        <Table caption=text::knowledge().caption columns>
            {rows}
        </Table>
    }
    .into_any()
}

#[component]
fn SourceRow(
    source: Source,
    library: Library,
    live: LiveJobs,
    on_open: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let t = text::knowledge();
    let name = source.name.clone();
    let category = category_name(library, &source.category);
    let chunks = format::integer(source.chunk_count.into());
    let kind = kind_word(source.kind());
    let enabled = source.enabled;
    let title = source.display_name.clone();
    let time = source.update_time;
    // Only this cell follows the live progress: the row stays as it is.
    let reading = {
        let job = source.job.clone();
        let progress = Memo::new(move |_| {
            live.jobs
                .with(|jobs| jobs.get(&job).and_then(|job| job.progress.clone()))
        });
        move || {
            let mut source = source.clone();
            let progress = progress.get();
            if let Some(progress) = progress.as_ref().filter(|it| !it.step.is_empty()) {
                source.step.clone_from(&progress.step);
            }
            let percent = progress.map(|progress| progress.percent);
            view! { <Reading source percent /> }
        }
    };
    view! {
        <TableRow on_open=move |()| on_open(name.clone())>
            <td>
                <strong>{title}</strong>
                <div class="small muted">{category}</div>
            </td>
            <td class="soft" data-label=t.kind>
                {kind}
            </td>
            <td>
                {reading}
                {(!enabled).then(|| view! { <Badge label=t.disabled /> })}
            </td>
            <td class="numeric" data-label=t.chunks>
                {chunks}
            </td>
            <td>
                <RelativeTime time />
            </td>
        </TableRow>
    }
}

fn category_name(library: Library, name: &str) -> String {
    let found = library.categories.data.with_untracked(|categories| {
        categories
            .iter()
            .flatten()
            .find(|category| category.name == name)
            .map(|category| category.display_name.clone())
    });
    found.unwrap_or_default()
}

#[component]
pub(super) fn MoreSources(library: Library, filter: Signal<SourceFilter>) -> impl IntoView {
    let query = library.sources;
    let busy = RwSignal::new(false);
    let toasts = Toasts::get();
    let token = move || {
        query
            .data
            .with(|page| page.as_ref().map(|page| page.next_page_token.clone()))
            .unwrap_or_default()
    };
    let more = Callback::new(move |()| {
        let (filter, token) = (filter.get_untracked(), untrack(token));
        busy.set(true);
        task::spawn(async move {
            match knowledge::list(filter, token).await {
                Ok(next) => query.patch(|page| {
                    page.sources.extend(next.sources);
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
