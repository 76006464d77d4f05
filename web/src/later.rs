//! Screens whose code is downloaded with their first visit, in chunks of screens that belong
//! together. `cargo xtask web` cuts the compiled client at these functions.

use futures::future::LocalBoxFuture;
use leptos::prelude::*;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

use crate::api::Problem;
use crate::i18n::text;
use crate::pages::{
    agents, chat, inbox, integrations, jobs, knowledge, models, notifications, plays, prices,
    settings,
};
use crate::task;
use crate::ui::{Button, Failure, Glyph, Skeleton};

/// Draws a screen whose code is there.
pub(crate) type Draw = fn() -> AnyView;

/// The chunk did not come: the network failed, or a newer version has replaced it.
#[derive(Clone, Copy)]
pub(crate) struct NotLoaded;

impl From<SplitLoaderError> for NotLoaded {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

/// One function a screen, by the chunk it is in.
macro_rules! screens {
    ($($chunk:ident { $($name:ident: $component:path;)* })*) => {
        $($(
            #[wasm_split($chunk, wasm_split_path = ::leptos::wasm_split, fallible)]
            pub(crate) fn $name() -> Result<Draw, NotLoaded> {
                Ok(|| $component().into_any())
            }
        )*)*
    };
}

// Few chunks on purpose: code that two of them share becomes a chunk of its own.
screens! {
    agents {
        agent_list: agents::list::AgentList;
        agent_editor: agents::detail::AgentEditor;
        agent_general: agents::general::General;
        agent_pipelines: agents::deals::pipelines::Pipelines;
        agent_deals: agents::deals::leads_contacts::LeadsContacts;
        agent_triggers: agents::automation::triggers::Triggers;
        agent_sequences: agents::automation::sequences::Sequences;
        agent_advanced: agents::advanced::Advanced;
        agent_tests: agents::evaluation::suites::Suites;
        agent_versions: agents::versions::list::Versions;
        scripts: plays::scripts::Scripts;
        objections: plays::objections::Objections;
    }
    platform {
        integrations_frame: integrations::frame::IntegrationsFrame;
        accounts: integrations::accounts::Accounts;
        events: integrations::events::Events;
        job_list: jobs::list::JobList;
        settings_frame: settings::detail::SettingsFrame;
        profile: settings::profile::Profile;
        security: settings::security::Security;
        organization: settings::organization::OrganizationForm;
        api_keys: settings::api_keys::ApiKeys;
    }
    models {
        models_frame: models::frame::ModelsFrame;
        usage: models::usage::Usage;
        budgets: models::budgets::Budgets;
        provider_keys: models::keys::ProviderKeys;
        routes: models::routes::Routes;
        catalog: models::catalog::Catalog;
        privacy: models::privacy::Privacy;
        playground: models::playground::Playground;
    }
    sources {
        knowledge_list: knowledge::list::KnowledgeList;
        search_test: knowledge::search::SearchTest;
        price_list: prices::list::PriceList;
    }
    talks {
        conversations: inbox::page::InboxPage;
        drafts: inbox::drafts::DraftReview;
        notification_list: notifications::list::NotificationList;
        notification_matrix: settings::notifications::NotificationMatrix;
        test_chat: chat::detail::TestChat;
    }
}

/// The screen of `code`, once it has come.
pub(crate) fn later(
    code: impl Future<Output = Result<Draw, NotLoaded>> + 'static,
) -> impl IntoView {
    later_boxed(Box::pin(code))
}

fn later_boxed(code: LocalBoxFuture<'static, Result<Draw, NotLoaded>>) -> AnyView {
    let screen = RwSignal::new(None::<Result<Draw, NotLoaded>>);
    task::spawn(async move {
        let code = code.await;
        // The page may have been left meanwhile.
        let _ = screen.try_set(Some(code));
    });
    (move || match screen.get() {
        None => view! { <div class="page"><Skeleton /></div> }.into_any(),
        Some(Ok(draw)) => draw(),
        Some(Err(NotLoaded)) => not_loaded(),
    })
    .into_any()
}

fn not_loaded() -> AnyView {
    let t = text::problems();
    // A browser that refuses to reload says so itself.
    let reload = Callback::new(|()| drop(window().location().reload()));
    view! {
        <div class="page page-narrow">
            <Failure problem=Problem::not_loaded() />
            <div class="row">
                <Button glyph=Glyph::Refresh on_press=reload>
                    {t.reload}
                </Button>
            </div>
        </div>
    }
    .into_any()
}
