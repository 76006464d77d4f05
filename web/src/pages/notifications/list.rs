use leptos::prelude::*;

use super::words::{address, look, words};
use crate::api::live::LiveNotifications;
use crate::api::notifications::{self, Notification};
use crate::i18n::text;
use crate::query::{Page as Portion, Paged, Query};
use crate::task;
use crate::ui::{
    Badge, Button, Chip, Empty, Glyph, Icon, IconButton, NextPage, Page, RelativeTime, Screen,
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
            <Screen query children=move |page| list(page, query, show.get_untracked() == "unread") />
            <NextPage more=paged.more />
        </Page>
    }
    .into_any()
}

fn list(
    page: Portion<Notification>,
    query: Query<Portion<Notification>>,
    unread_only: bool,
) -> AnyView {
    let t = text::notifications();
    if page.items.is_empty() {
        let (title, words) = if unread_only {
            (t.all_read_title, t.all_read_text)
        } else {
            (t.empty_title, t.empty_text)
        };
        return view! { <Empty glyph=Glyph::Bell title words /> }.into_any();
    }
    let rows = page.items.into_iter();
    let rows = rows
        .map(|notification| view! { <Row notification query /> })
        .collect_view();
    view! {
        <ul class="notices" aria-label=t.caption>
            {rows}
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
    let read = move || {
        if !is_new {
            return;
        }
        task::spawn(async move {
            match notifications::mark_read(name.get_value()).await {
                Ok(read) => query.patch(|page| replace(&mut page.items, read)),
                Err(problem) => toasts.problem(&problem),
            }
        });
    };
    view! {
        <li class="notice" class:is-new=is_new>
            <a class="notice-link" href=href on:click=move |_| read()>
                <span class="notice-glyph" class:is-danger=tone == Tone::Danger>
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
                    view! { <IconButton glyph=Glyph::Check label=t.mark_read on_press=read /> }
                })}
        </li>
    }
    .into_any()
}

fn replace(notifications: &mut [Notification], newer: Notification) {
    let mut shown = notifications.iter_mut();
    if let Some(known) = shown.find(|known| known.name == newer.name) {
        *known = newer;
    }
}
