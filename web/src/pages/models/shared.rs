//! Parts that several tabs have.

use leptos::prelude::*;

use crate::api::agents::Agent;
use crate::i18n::text;
use crate::session::Session;
use crate::ui::Notice;

/// The resource of budgets for everything.
pub(super) const ORGANIZATION: &str = "organization";

/// Says who may, to those who may not.
#[component]
pub(super) fn ReadOnly() -> impl IntoView {
    let may_write = Session::get().may("llm.write");
    (!may_write).then(|| view! { <Notice>{text::settings().read_only}</Notice> })
}

/// What people call `organization` or `agents/{agent}`.
pub(super) fn resource_words(agents: &[Agent], resource: &str) -> String {
    let t = text::gateway();
    match resource {
        "" => t.nobody.to_owned(),
        ORGANIZATION => t.whole_organization.to_owned(),
        agent => {
            let known = agents.iter().find(|one| one.name == agent);
            known.map_or_else(|| agent.to_owned(), |agent| agent.display_name.clone())
        }
    }
}

/// `organization/2026-11`: what a call is paid from, and when.
pub(super) fn scope_words(agents: &[Agent], scope: &str) -> String {
    match scope.rsplit_once('/') {
        Some((resource, period)) if !resource.starts_with("caller") => {
            format!("{} · {period}", resource_words(agents, resource))
        }
        _ => scope.to_owned(),
    }
}
