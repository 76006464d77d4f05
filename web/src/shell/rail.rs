use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;

use super::places;
use crate::i18n::text;
use crate::session::Session;
use crate::ui::{Avatar, CopyId, Glyph, Icon, Menu, MenuItem};

/// The screens, at the left; pictures only where there is little room.
#[component]
pub(super) fn Rail() -> impl IntoView {
    let links = places::all()
        .into_iter()
        .map(|place| {
            view! {
                {place.group.map(|group| view! { <div class="rail-group">{group}</div> })}
                <A
                    href=place.href
                    exact=place.href == "/"
                    attr:class="rail-link"
                    attr:title=place.label
                >
                    <Icon glyph=place.glyph />
                    <span class="rail-text">{place.label}</span>
                </A>
            }
        })
        .collect_view();
    view! {
        <nav class="rail" aria-label=text::shell().navigation>
            <OrganizationMenu />
            {links}
        </nav>
    }
    .into_any()
}

#[component]
fn OrganizationMenu() -> impl IntoView {
    let t = text::shell();
    let session = Session::get();
    let navigate = Callback::new({
        let navigate = use_navigate();
        move |()| navigate("/settings/organization", Default::default())
    });
    let trigger = move || {
        let name = session.organization_name();
        view! {
            <Avatar name=name.clone() square=true />
            <span class="organization-name clip">{name}</span>
            <Icon glyph=Glyph::ChevronDown small=true />
        }
    };
    view! {
        <Menu label=t.organization_menu class="organization" start=true trigger>
            <div class="menu-label">
                {move || {
                    let organization = session.me().organization.unwrap_or_default();
                    view! { <CopyId id=organization.name /> }
                }}
            </div>
            <div class="menu-line"></div>
            <MenuItem
                label=t.organization_settings
                glyph=Glyph::Settings
                on_choose=navigate
            />
        </Menu>
    }
}
