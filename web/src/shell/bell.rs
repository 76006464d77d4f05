use leptos::prelude::*;

use crate::api::live::LiveNotifications;
use crate::i18n::text;
use crate::ui::{Glyph, Icon};

/// More are not counted.
const MOST: i32 = 99;

/// How many notifications are not read, and the way to them.
#[component]
pub(super) fn Bell() -> impl IntoView {
    let t = text::notifications();
    let live = expect_context::<LiveNotifications>();
    live.subscribe();
    let label = move || match live.unread.get() {
        0 => t.title.to_owned(),
        unread => (t.bell)(unread),
    };
    let count = move || match live.unread.get() {
        0 => None,
        unread if unread > MOST => Some(format!("{MOST}+")),
        unread => Some(unread.to_string()),
    };
    view! {
        <a
            class="button button-ghost button-icon bell"
            href="/notifications"
            aria-label=label
            title=label
        >
            <Icon glyph=Glyph::Bell />
            {move || {
                count()
                    .map(|count| {
                        view! {
                            <span class="bell-count" aria-hidden="true">
                                {count}
                            </span>
                        }
                    })
            }}
        </a>
    }
    .into_any()
}
