use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;

use super::places;
use crate::i18n::text;

/// Where the reader is: the screen and, below it, the thing.
#[component]
pub(super) fn Crumbs() -> impl IntoView {
    let location = use_location();
    let trail = move || {
        let path = location.pathname.get();
        let first = path.split('/').nth(1).unwrap_or_default().to_owned();
        let place = places::all()
            .into_iter()
            .find(|place| place.href.trim_start_matches('/') == first)?;
        let is_deeper = path.trim_end_matches('/').len() > place.href.len() && place.href != "/";
        Some((place, is_deeper.then(|| deeper(&path)).flatten()))
    };
    view! {
        <nav class="grow" aria-label=text::shell().breadcrumbs>
            <ol class="crumbs">
                {move || {
                    trail()
                        .map(|(place, deeper)| match deeper {
                            None => {
                                view! { <li aria-current="page">{place.label}</li> }.into_any()
                            }
                            Some(deeper) => {
                                view! {
                                    <li>
                                        <A href=place.href>{place.label}</A>
                                    </li>
                                    <li class="clip" aria-current="page">
                                        {deeper}
                                    </li>
                                }
                                    .into_any()
                            }
                        })
                }}
            </ol>
        </nav>
    }
    .into_any()
}

/// A word for the part below a screen, where it has one.
fn deeper(path: &str) -> Option<&'static str> {
    let (t, models) = (text::shell(), text::gateway());
    match path.rsplit('/').next()? {
        "general" => Some(t.crumb_general),
        "pipelines" => Some(t.crumb_pipelines),
        "leads-contacts" => Some(t.crumb_deals),
        "triggers" => Some(t.crumb_triggers),
        "sequences" => Some(t.crumb_sequences),
        "tests" => Some(t.crumb_tests),
        "versions" => Some(t.crumb_versions),
        "events" => Some(t.events),
        "drafts" => Some(t.drafts),
        "advanced" => Some(t.crumb_advanced),
        "search" => Some(t.crumb_search),
        "usage" => Some(models.usage),
        "budgets" => Some(models.budgets),
        "keys" => Some(models.keys),
        "routes" => Some(models.routes),
        "catalog" => Some(models.catalog),
        "privacy" => Some(models.privacy),
        "playground" => Some(models.playground),
        "profile" => Some(t.crumb_profile),
        "security" => Some(t.crumb_security),
        "organization" => Some(t.crumb_organization),
        "notifications" => Some(text::notifications().title),
        _ => None,
    }
}
