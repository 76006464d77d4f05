use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement};

use super::words::{address, look, words};
use crate::api::live::LiveNotifications;
use crate::api::notifications::{self, Notification};
use crate::i18n::text;
use crate::query::{Page as Portion, Paged, Query};
use crate::task;
use crate::ui::{
    Badge, Button, Chip, Empty, Glyph, Icon, IconButton, NextPage, Page, RelativeTime, Steady,
    Toasts, Tone,
};
use crate::url_state::url_state;

/// What the person was told, newest first.
#[component]
pub(crate) fn NotificationList() -> impl IntoView {
    let t = text::notifications();
    let live = expect_context::<LiveNotifications>();
    live.subscribe();
    let (show, set_show) = url_state("show");
    let unread_only = move || show.get() == "unread";
    let paged = Paged::keyed(
        move || (unread_only(), live.newest.get(), live.epoch.get()),
        |(unread, ..), token| notifications::list(unread, token),
    );
    let toasts = Toasts::get();
    let read_all = Callback::new(move |()| {
        task::spawn(async move {
            match notifications::mark_all_read().await {
                Ok(()) => paged.query.reload(),
                Err(problem) => toasts.problem(&problem),
            }
        });
    });
    let chips = [("", text::common().all), ("unread", t.unread)]
        .into_iter()
        .map(|(word, label)| {
            let pressed = Signal::derive(move || show.get() == word);
            view! { <Chip label pressed on_press=move || set_show(word.to_owned()) /> }
        })
        .collect_view();
    let none_unread = Signal::derive(move || live.unread.get() == 0);
    let actions = move || {
        view! {
            <Button glyph=Glyph::Check disabled=none_unread on_press=read_all>
                {t.read_all}
            </Button>
        }
    };
    let query = paged.query;
    view! {
        <Page title=t.title narrow=true actions>
            <div class="filters">{chips}</div>
            <Steady query>{list(query, Signal::derive(unread_only))}</Steady>
            <NextPage more=paged.more />
        </Page>
    }
    .into_any()
}

/// Only the rows that change are drawn anew: the focus stays where it is.
fn list(query: Query<Portion<Notification>>, unread_only: Signal<bool>) -> AnyView {
    let t = text::notifications();
    let items = move || query.data.get().unwrap_or_default().items;
    let is_empty = Memo::new(move |_| items().is_empty());
    let nothing = move || {
        let (title, words) = if unread_only.get() {
            (t.all_read_title, t.all_read_text)
        } else {
            (t.empty_title, t.empty_text)
        };
        view! { <Empty glyph=Glyph::Bell title words /> }
    };
    view! {
        {move || is_empty.get().then(nothing)}
        <ul class="notices" aria-label=t.caption hidden=is_empty>
            <For
                each=items
                key=|notification| (notification.name.clone(), notification.read_time)
                let:notification
            >
                <Row notification query />
            </For>
        </ul>
    }
    .into_any()
}

#[component]
fn Row(notification: Notification, query: Query<Portion<Notification>>) -> impl IntoView {
    let t = text::notifications();
    let toasts = Toasts::get();
    let (title, detail) = words(&notification);
    let (glyph, tone) = look(notification.r#type());
    let is_new = notification.read_time.is_none();
    let href = address(&notification);
    let name = StoredValue::new(notification.name);
    let read = move |next: Option<Next>| {
        if !is_new {
            return;
        }
        task::spawn(async move {
            match notifications::mark_read(name.get_value()).await {
                Ok(read) => query.patch(|page| replace(&mut page.items, read)),
                Err(problem) => return toasts.problem(&problem),
            }
            if let Some(next) = next {
                // The row that was read is drawn anew.
                request_animation_frame(move || next.focus());
            }
        });
    };
    view! {
        <li class="told" class:is-new=is_new>
            <a class="told-link" href=href on:click=move |_| read(None)>
                <span class="told-glyph" class:is-danger=tone == Tone::Danger>
                    <Icon glyph />
                </span>
                <span class="grow">
                    <strong>{title}</strong>
                    {(!detail.is_empty()).then(|| view! { <span class="small soft">{detail}</span> })}
                    <span class="small muted">
                        <RelativeTime time=notification.create_time />
                    </span>
                </span>
                {is_new.then(|| view! { <Badge label=t.new tone /> })}
            </a>
            {is_new
                .then(|| {
                    view! {
                        <IconButton
                            glyph=Glyph::Check
                            label=t.mark_read
                            on_press=move || read(Next::of_focused())
                        />
                    }
                })}
        </li>
    }
    .into_any()
}

/// Where the focus goes when the row that has it is read: to the next one, or to the last.
struct Next {
    list: Element,
    row: Option<Element>,
}

impl Next {
    fn of_focused() -> Option<Self> {
        let row = document().active_element()?.closest("li").ok()??;
        Some(Self {
            list: row.parent_element()?,
            row: row.next_element_sibling(),
        })
    }

    fn focus(self) {
        let row = self.row.or_else(|| self.list.last_element_child());
        let control = row.and_then(|row| {
            let button = row.query_selector("button").ok().flatten();
            button.or_else(|| row.query_selector("a").ok().flatten())
        });
        if let Some(control) = control.and_then(|control| control.dyn_into::<HtmlElement>().ok()) {
            let _ = control.focus();
        }
    }
}

fn replace(notifications: &mut [Notification], newer: Notification) {
    let mut shown = notifications.iter_mut();
    if let Some(known) = shown.find(|known| known.name == newer.name) {
        *known = newer;
    }
}
