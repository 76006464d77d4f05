use leptos::prelude::*;
use leptos_router::components::{Outlet, ParentRoute, Redirect, Route, Router, Routes};
use leptos_router::path;

use crate::api::live::LiveJobs;
use crate::i18n;
use crate::pages::{
    agents, chat, dashboard, jobs, knowledge, not_found::NotFound, prices, settings, sign_in,
    sign_up,
};
use crate::preferences::Preferences;
use crate::session::Session;
use crate::shell::{Shell, UnsavedGuard};
use crate::ui::{ToastHost, Toasts};

/// Everything. A change of language builds it anew, with the texts of the other dictionary.
#[component]
pub(crate) fn App() -> impl IntoView {
    let preferences = Preferences::provide();
    Session::provide(preferences);
    Toasts::provide();
    UnsavedGuard::provide();
    provide_context(LiveJobs::new());
    move || {
        i18n::set_language(preferences.language.get());
        view! {
            <Screens />
            <ToastHost />
        }
    }
}

#[component]
fn Screens() -> impl IntoView {
    view! {
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/sign-in") view=sign_in::SignIn />
                <Route path=path!("/sign-up") view=sign_up::SignUp />
                <ParentRoute path=path!("") view=Shell>
                    <Route path=path!("/") view=dashboard::Dashboard />
                    <Route path=path!("/agents") view=agents::list::AgentList />
                    <ParentRoute path=path!("/agents/:agent") view=agents::detail::AgentEditor>
                        <Route path=path!("") view=|| view! { <Redirect path="general" /> } />
                        <Route path=path!("general") view=agents::general::General />
                        <Route path=path!("advanced") view=agents::advanced::Advanced />
                    </ParentRoute>
                    <ParentRoute path=path!("/knowledge") view=Outlet>
                        <Route path=path!("") view=knowledge::list::KnowledgeList />
                        <Route path=path!("search") view=knowledge::search::SearchTest />
                    </ParentRoute>
                    <Route path=path!("/prices") view=prices::list::PriceList />
                    <Route path=path!("/chat/:conversation?") view=chat::detail::TestChat />
                    <Route path=path!("/jobs") view=jobs::list::JobList />
                    <ParentRoute path=path!("/settings") view=settings::detail::SettingsFrame>
                        <Route path=path!("") view=|| view! { <Redirect path="profile" /> } />
                        <Route path=path!("profile") view=settings::profile::Profile />
                        <Route path=path!("security") view=settings::security::Security />
                        <Route path=path!("organization") view=settings::organization::OrganizationForm />
                        <Route path=path!("models") view=settings::models::Models />
                        <Route path=path!("api-keys") view=settings::api_keys::ApiKeys />
                    </ParentRoute>
                </ParentRoute>
            </Routes>
        </Router>
    }
}
