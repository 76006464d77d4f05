use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;

use super::places::{self, Place};
use crate::i18n::text;
use crate::ui::{Glyph, Icon, Menu, MenuItem};

/// How many screens have a place of their own; the others are behind «More».
const DIRECT: usize = 4;

/// The screens on a phone: four and the rest.
#[component]
pub(super) fn BottomBar() -> impl IntoView {
    let t = text::shell();
    let places = places::all();
    let rest: Vec<Place> = places.iter().skip(DIRECT).copied().collect();
    let links = places
        .into_iter()
        .take(DIRECT)
        .map(|place| {
            view! {
                <A href=place.href exact=place.href == "/" attr:class="bottom-link">
                    <Icon glyph=place.glyph />
                    {place.short}
                </A>
            }
        })
        .collect_view();
    let trigger = view! {
        <Icon glyph=Glyph::Dots />
        {t.more}
    };
    let items = move || {
        rest.iter()
            .map(|&place| {
                let navigate = use_navigate();
                let go = Callback::new(move |()| navigate(place.href, Default::default()));
                view! { <MenuItem label=place.label glyph=place.glyph on_choose=go /> }
            })
            .collect_view()
    };
    view! {
        <nav class="bottom" aria-label=t.navigation>
            {links}
            <Menu label=t.more class="bottom-link" trigger>
                {items()}
            </Menu>
        </nav>
    }
    .into_any()
}
