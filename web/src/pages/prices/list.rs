use leptos::prelude::*;

use super::check::CheckSentence;
use super::import::ImportPrices;
use super::versions::Versions;
use crate::api::prices::{self, ListPriceItemsResponse, PriceItem};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::session::Session;
use crate::task;
use crate::ui::{Button, Empty, Glyph, LoadMore, Look, Page, Screen, SearchInput, Table, Toasts};
use crate::url_state::url_state;

/// The price book: its live items, its versions, a check of a sentence.
#[component]
pub(crate) fn PriceList() -> impl IntoView {
    let t = text::prices();
    let (words, set_words) = url_state("q");
    let (version, set_version) = url_state("version");
    let (import, set_import) = url_state("import");
    let items = Query::keyed(
        move || (version.get(), words.get()),
        |(version, words)| prices::items(version, words, String::new()),
    );
    let versions = Query::once(prices::versions);
    let reload = Callback::new(move |()| {
        items.reload();
        versions.reload();
    });
    let may_write = Session::get().may("prices.write");
    let open_import = Callback::new(move |()| set_import("1".to_owned()));
    view! {
        <Page
            title=t.title
            actions=move || {
                view! {
                    <Button
                        look=Look::Primary
                        glyph=Glyph::Upload
                        disabled=!may_write
                        on_press=open_import
                    >
                        {t.import}
                    </Button>
                }
            }
        >
            <div class="filters">
                <SearchInput label=t.search value=words on_search=set_words />
            </div>
            <Screen
                query=items
                children=move |page| {
                    let is_filtered = !words.get_untracked().is_empty();
                    item_table(page, is_filtered, open_import)
                }
            />
            <MoreItems query=items version words />
            <Versions versions on_change=reload selected=version on_select=set_version may_write />
            <CheckSentence />
            <Show when=move || !import.get().is_empty()>
                <ImportPrices on_done=reload on_close=move |()| set_import(String::new()) />
            </Show>
        </Page>
    }
}

fn item_table(
    page: ListPriceItemsResponse,
    is_filtered: bool,
    open_import: Callback<()>,
) -> AnyView {
    if page.items.is_empty() && is_filtered {
        let (title, words) = (text::common().nothing_found, text::common().change_filters);
        return view! { <Empty glyph=Glyph::Search title words /> }.into_any();
    }
    if page.items.is_empty() {
        return view! {
            <Empty glyph=Glyph::Price title=text::prices().empty_title words=text::prices().empty_text>
                <Button look=Look::Primary glyph=Glyph::Upload on_press=open_import>
                    {text::prices().import}
                </Button>
            </Empty>
        }
        .into_any();
    }
    let columns = vec![
        text::prices().item,
        text::prices().sku,
        text::prices().price,
        text::prices().unit,
        text::prices().discount,
        text::prices().valid,
    ];
    let total = u64::try_from(page.total_size).unwrap_or_default();
    let rows = page.items.into_iter().map(item_row).collect_view();
    view! {
        <p class="small muted" aria-live="polite">
            {(text::prices().items)(total)}
        </p>
        <Table caption=text::prices().caption columns>
            {rows}
        </Table>
    }
    .into_any()
}

fn item_row(item: PriceItem) -> impl IntoView {
    let t = text::prices();
    let price = format::price_minor(item.price_minor, &item.currency);
    let price = if item.price_from {
        format!("{} {price}", t.from)
    } else {
        price
    };
    let discount = if item.max_discount_percent > 0 {
        format::percent(f64::from(item.max_discount_percent) / 100.0)
    } else {
        String::new()
    };
    let valid = match (
        item.valid_from_date.as_str(),
        item.valid_until_date.as_str(),
    ) {
        ("", "") => String::new(),
        (from, "") => format!("{from} –"),
        (from, until) => format!("{from} – {until}"),
    };
    let aliases = item.aliases.join(", ");
    view! {
        <tr>
            <td>
                <strong>{item.display_name}</strong>
                {(!aliases.is_empty()).then(|| view! { <div class="small muted">{aliases}</div> })}
            </td>
            <td class="mono" data-label=t.sku>
                {item.sku}
            </td>
            <td class="numeric nowrap" data-label=t.price>
                {price}
            </td>
            <td data-label=t.unit>{item.unit}</td>
            <td class="numeric" data-label=t.discount>
                {discount}
            </td>
            <td class="numeric nowrap" data-label=t.valid>
                {valid}
            </td>
        </tr>
    }
}

#[component]
fn MoreItems(
    query: Query<ListPriceItemsResponse>,
    version: Signal<String>,
    words: Signal<String>,
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
        let (version, words) = (version.get_untracked(), words.get_untracked());
        let token = untrack(token);
        busy.set(true);
        task::spawn(async move {
            match prices::items(version, words, token).await {
                Ok(next) => query.patch(|page| {
                    page.items.extend(next.items);
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
