#![doc = include_str!("../README.md")]

mod api_key;
mod audit;
mod authenticator;
mod config;
mod email;
mod error;
mod grpc;
mod hasher;
mod jobs;
mod key_text;
mod locale;
mod member;
mod news;
mod notification;
mod organization;
mod password;
mod session;
mod store;
mod throttle;
mod user;

use std::sync::Arc;
use std::time::Duration;

use t11_core::{OrgId, PageTokens, World};
use t11_grpc::Signer;
use t11_runtime::notification::RAISE_NOTIFICATION;
use t11_runtime::{Built, Bus, Context, Endings, Environment, JobHandler, Service};
use t11_store::{APPEND_AUDIT, Db};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::authenticator::Authenticator;
use crate::hasher::Hasher;
use crate::jobs::AppendAudit;
use crate::jobs::raise_notification::RaiseNotification;
use crate::news::News;
use crate::store::Store;

pub use crate::audit::BrokenChain;
pub use crate::config::Config;
pub use crate::key_text::KeyEnvironment;

/// How often expired rows are taken away.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// The service.
pub struct Accounts;

impl Service for Accounts {
    const NAME: &'static str = "accounts";
    type Config = Config;

    async fn build(config: Config, context: &Context) -> anyhow::Result<Built> {
        config.validate()?;
        let parts = Parts {
            db: context.database(Self::NAME).await?,
            world: context.world(),
            signer: context.signer(),
            page_tokens: context.page_tokens(),
            bus: context.bus(),
            key_environment: match context.settings().common.environment {
                Environment::Production => KeyEnvironment::Live,
                Environment::Development => KeyEnvironment::Dev,
            },
        };
        let store = Store::new(parts.db.clone(), parts.world.clone());
        let raising = raise_notification(&parts);
        Ok(Built::new(routes(&config, parts))
            .handler(APPEND_AUDIT, Arc::new(AppendAudit::new(store.clone())))
            .handler(RAISE_NOTIFICATION, raising)
            .task("sweep", sweep(store, context.shutdown())))
    }
}

/// What the RPCs of accounts are made of.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    pub world: World,
    pub signer: Signer,
    pub page_tokens: PageTokens,
    /// Brings live changes from replica to replica, and to edges whose sessions and keys have ended.
    pub bus: Bus,
    pub key_environment: KeyEnvironment,
}

/// What does the job by which services raise notifications. Those who watch hear of it through the
/// bus.
pub fn raise_notification(parts: &Parts) -> Arc<dyn JobHandler> {
    Arc::new(RaiseNotification {
        store: Store::new(parts.db.clone(), parts.world.clone()),
        news: News::new(parts.bus.clone()),
    })
}

/// The RPCs of accounts.
pub fn routes(config: &Config, parts: Parts) -> Routes {
    let store = Store::new(parts.db, parts.world.clone());
    let hasher = Hasher::new(parts.world.clone(), config.password_hash_concurrency.into());
    let authenticator = Authenticator::new(store.clone(), hasher, parts.world.clone());
    grpc::routes(&grpc::Parts {
        store,
        authenticator,
        world: parts.world,
        signer: parts.signer,
        page_tokens: parts.page_tokens,
        news: Arc::new(News::new(parts.bus.clone())),
        endings: Endings::new(parts.bus),
        key_environment: parts.key_environment,
    })
}

/// Checks that the audit log of an organization is whole; the answer is how many records it has.
///
/// # Errors
/// When the log cannot be read.
pub async fn verify_audit_log(
    db: &Db,
    world: &World,
    org: OrgId,
) -> anyhow::Result<Result<i64, BrokenChain>> {
    Ok(Store::new(db.clone(), world.clone())
        .verify_audit(org)
        .await?)
}

async fn sweep(store: Store, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = store.sweep().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "expired rows are still there"
            );
        }
    }
}
