use leptos::prelude::*;
use leptos_router::components::{Outlet, ParentRoute, Redirect, Route, Router, Routes};
use leptos_router::path;

use crate::api::live::{LiveConversations, LiveJobs, LiveNotifications};
use crate::i18n;
use crate::later::{self, later};
use crate::pages::{dashboard, not_found::NotFound, sign_in, sign_up};
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
    provide_context(LiveConversations::new());
    provide_context(LiveNotifications::new());
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
                    <Route path=path!("/conversations/drafts") view=|| later(later::drafts()) />
                    <Route
                        path=path!("/conversations/:conversation?")
                        view=|| later(later::conversations())
                    />
                    <Route path=path!("/agents") view=|| later(later::agent_list()) />
                    <ParentRoute path=path!("/agents/:agent") view=|| later(later::agent_editor())>
                        <Route path=path!("") view=|| view! { <Redirect path="general" /> } />
                        <Route path=path!("general") view=|| later(later::agent_general()) />
                        <Route path=path!("pipelines") view=|| later(later::agent_pipelines()) />
                        <Route path=path!("leads-contacts") view=|| later(later::agent_deals()) />
                        <Route path=path!("triggers") view=|| later(later::agent_triggers()) />
                        <Route path=path!("sequences") view=|| later(later::agent_sequences()) />
                        <Route path=path!("advanced") view=|| later(later::agent_advanced()) />
                        <Route path=path!("tests") view=|| later(later::agent_tests()) />
                        <Route path=path!("versions") view=|| later(later::agent_versions()) />
                    </ParentRoute>
                    <ParentRoute path=path!("/knowledge") view=Outlet>
                        <Route path=path!("") view=|| later(later::knowledge_list()) />
                        <Route path=path!("search") view=|| later(later::search_test()) />
                    </ParentRoute>
                    <Route path=path!("/scripts") view=|| later(later::scripts()) />
                    <Route path=path!("/objections") view=|| later(later::objections()) />
                    <Route path=path!("/prices") view=|| later(later::price_list()) />
                    <Route
                        path=path!("/chat/:conversation?")
                        view=|| later(later::test_chat())
                    />
                    <ParentRoute
                        path=path!("/integrations")
                        view=|| later(later::integrations_frame())
                    >
                        <Route path=path!("") view=|| later(later::accounts()) />
                        <Route path=path!("events") view=|| later(later::events()) />
                    </ParentRoute>
                    <ParentRoute path=path!("/models") view=|| later(later::models_frame())>
                        <Route path=path!("") view=|| view! { <Redirect path="usage" /> } />
                        <Route path=path!("usage") view=|| later(later::usage()) />
                        <Route path=path!("budgets") view=|| later(later::budgets()) />
                        <Route path=path!("keys") view=|| later(later::provider_keys()) />
                        <Route path=path!("routes") view=|| later(later::routes()) />
                        <Route path=path!("catalog") view=|| later(later::catalog()) />
                        <Route path=path!("privacy") view=|| later(later::privacy()) />
                        <Route path=path!("playground") view=|| later(later::playground()) />
                    </ParentRoute>
                    <Route path=path!("/jobs") view=|| later(later::job_list()) />
                    <Route
                        path=path!("/notifications")
                        view=|| later(later::notification_list())
                    />
                    <ParentRoute path=path!("/settings") view=|| later(later::settings_frame())>
                        <Route path=path!("") view=|| view! { <Redirect path="profile" /> } />
                        <Route path=path!("profile") view=|| later(later::profile()) />
                        <Route path=path!("security") view=|| later(later::security()) />
                        <Route
                            path=path!("notifications")
                            view=|| later(later::notification_matrix())
                        />
                        <Route path=path!("organization") view=|| later(later::organization()) />
                        <Route
                            path=path!("models")
                            view=|| view! { <Redirect path="/models/catalog" /> }
                        />
                        <Route path=path!("api-keys") view=|| later(later::api_keys()) />
                    </ParentRoute>
                </ParentRoute>
            </Routes>
        </Router>
    }
}
