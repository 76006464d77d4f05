#![doc = include_str!("../README.md")]

pub mod agent;
pub mod automation;
mod briefing;
pub mod catalog;
mod category;
mod chat;
mod clients;
mod config;
mod conversation;
pub mod crm_settings;
mod error;
pub mod evaluation;
mod evaluator;
mod grpc;
mod inbox;
mod jobs;
pub mod knowledge;
mod knowledge_search;
mod live;
pub mod memory;
pub mod numbers;
mod overview;
pub mod playbook;
pub mod price_book;
mod source;
mod store;
mod trial;
pub mod turn;
mod upload;
mod vector;
pub mod version;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use t11_runtime::{Built, Context, Environment, Service};
use t11_store::Engine;
use tokio_util::sync::CancellationToken;

pub use config::Config;
pub use error::Error;

use briefing::Briefing;
use chat::Chat;
use clients::Accounts;
use clients::catalog::Catalogs;
use clients::crm::Crm;
use clients::embedder::Embedder;
use clients::leads::Leads;
use evaluator::Evaluator;
use grpc::Handlers;
use inbox::Inbox;
use jobs::apply_effect::{self, ApplyEffect};
use jobs::fire::{self, Fire};
use jobs::handle_crm_event::{self, HandleCrmEvent};
use jobs::ingest::{self, Ingest};
use jobs::note_catalog::{self, NoteCatalog};
use jobs::note_delivery::{self, NoteDelivery};
use jobs::run_eval::{self, RunEval};
use jobs::run_step::{self, RunStep};
use jobs::run_turn::{self, RunTurn};
use jobs::send_reply::{self, SendReply};
use jobs::send_webhook::{self, SendWebhook};
use jobs::tell_handoff::{self, TellHandoff};
use knowledge::Extractor;
use knowledge::extractor::Limits;
use knowledge::fetch::Fetcher;
use knowledge_search::KnowledgeSearch;
use live::Desk;
use live::news::News;
use store::Store;
use upload::Uploads;
use webhook::Webhooks;

/// The service.
pub struct Agents;

/// How often turns are looked for whose process died.
const SWEEP: Duration = Duration::from_secs(60);
/// How often old versions of price books are deleted; first at the start.
const PURGE: Duration = Duration::from_secs(24 * 60 * 60);

impl Service for Agents {
    const NAME: &'static str = "agents";
    type Config = Config;

    async fn build(config: Config, context: &Context) -> Result<Built> {
        let development = context.settings().common.environment == Environment::Development;
        ensure!(
            development || config.fetch_test_hosts.is_empty(),
            "`agents.fetch_test_hosts` is for tests and is refused in production",
        );
        let db = context.database(Self::NAME).await?;
        let store = Store::new(db.clone(), context.world());
        // On SQLite no other process can be running a turn.
        store
            .sweep_interrupted_turns(db.engine() == Engine::Sqlite)
            .await?;
        let assets = context.assets()?;
        let embedder = Arc::new(Embedder::new(context.peer("llm")));
        let search = Arc::new(KnowledgeSearch::new(store.clone(), embedder.clone()));
        let extractor = match config.extract_program {
            Some(program) => Extractor::new(program, config.extractions, Limits::default()),
            None => Extractor::of_this_program(config.extractions)?,
        };
        let fetcher = Fetcher::new(config.fetch_test_hosts).context("the client for web pages")?;
        let ingest = Ingest {
            store: store.clone(),
            assets: assets.clone(),
            extractor,
            fetcher: fetcher.clone(),
            embedder,
        };
        let accounts = Arc::new(Accounts::new(context.peer("accounts")));
        let leads = Arc::new(Leads::new(context.peer("crm")));
        let briefing = Arc::new(Briefing {
            store: store.clone(),
            catalogs: Arc::new(Catalogs::new(context.peer("crm"))),
            leads: leads.clone(),
        });
        let news = Arc::new(News::new(context.bus()));
        let desk = Arc::new(Desk {
            store: store.clone(),
            search: search.clone(),
            accounts: accounts.clone(),
            llm: context.peer("llm"),
            crm: Crm::new(context.peer("crm")),
            world: context.world(),
            news: news.clone(),
            briefing: briefing.clone(),
        });
        let effects = ApplyEffect {
            store: store.clone(),
            leads,
        };
        let webhooks = Webhooks {
            fetcher: fetcher.clone(),
            keyring: context.keyring(),
        };
        let sender = SendWebhook {
            store: store.clone(),
            webhooks: webhooks.clone(),
            world: context.world(),
        };
        let chat = Arc::new(Chat {
            store: store.clone(),
            search,
            accounts: accounts.clone(),
            llm: context.peer("llm"),
            world: context.world(),
            briefing: briefing.clone(),
        });
        let evaluator = Evaluator {
            store: store.clone(),
            chat: chat.clone(),
        };
        let note_catalog = NoteCatalog(briefing.clone());
        let tell_handoff = TellHandoff {
            store: store.clone(),
            briefing: briefing.clone(),
        };
        let handlers = Handlers {
            store: store.clone(),
            pages: context.page_tokens(),
            chat,
            briefing,
            inbox: Inbox {
                store: store.clone(),
                accounts,
                news,
            },
            uploads: Arc::new(Uploads {
                assets,
                max_bytes: config.max_file_bytes,
            }),
            fetcher,
            webhooks,
            world: context.world(),
            tasks: context.tasks(),
        };
        Ok(Built::new(grpc::routes(handlers))
            .task(
                "sweep of interrupted turns",
                sweep(store.clone(), context.shutdown()),
            )
            .task(
                "purge of old price book versions",
                purge(store, context.shutdown()),
            )
            .handler(ingest::KIND, Arc::new(ingest))
            .handler(apply_effect::KIND, Arc::new(effects))
            .handler(
                handle_crm_event::KIND,
                Arc::new(HandleCrmEvent(desk.clone())),
            )
            .handler(fire::KIND, Arc::new(Fire(desk.clone())))
            .handler(run_eval::KIND, Arc::new(RunEval(evaluator)))
            .handler(run_step::KIND, Arc::new(RunStep(desk.clone())))
            .handler(send_webhook::KIND, Arc::new(sender))
            .handler(run_turn::KIND, Arc::new(RunTurn(desk.clone())))
            .handler(send_reply::KIND, Arc::new(SendReply(desk.clone())))
            .handler(note_catalog::KIND, Arc::new(note_catalog))
            .handler(tell_handoff::KIND, Arc::new(tell_handoff))
            .handler(note_delivery::KIND, Arc::new(NoteDelivery(desk))))
    }
}

async fn sweep(store: Store, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
        if let Err(error) = store.sweep_interrupted_turns(false).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "turns were not swept"
            );
        }
    }
}

async fn purge(store: Store, shutdown: CancellationToken) {
    loop {
        let purged = Box::pin(store.purge_price_versions());
        match shutdown.run_until_cancelled(purged).await {
            None => return,
            Some(Ok(0)) => {}
            Some(Ok(versions)) => tracing::info!(versions, "old price book versions are deleted"),
            Some(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "old price book versions were not deleted"
            ),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PURGE) => {}
        }
    }
}
