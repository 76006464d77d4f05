#![doc = include_str!("../README.md")]

mod config;
mod connection;
mod credential;
mod error;
mod grpc;
mod store;

use std::sync::Arc;

use anyhow::Context as _;
use t11_core::{PageTokens, World};
use t11_runtime::{Built, Context, Environment, Service};
use t11_store::{Db, Keyring};
use tonic::service::Routes;

use crate::connection::AllowedHosts;
use crate::store::Store;

pub use crate::config::Config;

/// The service.
pub struct Crm;

impl Service for Crm {
    const NAME: &'static str = "crm";
    type Config = Config;

    async fn build(config: Config, context: &Context) -> anyhow::Result<Built> {
        config.validate(context.settings().common.environment == Environment::Production)?;
        let parts = Parts {
            db: context.database(Self::NAME).await?,
            world: context.world(),
            keyring: context.keyring(),
            page_tokens: context.page_tokens(),
        };
        let store = Store::new(parts.db.clone(), parts.world.clone(), parts.keyring.clone());
        store.check_keys().await.context(
            "the secrets in the database need other keys: give the old one in T11_KEYRING, or the \
             right one in ENCRYPTION_KEY",
        )?;
        Ok(Built::new(routes(&config, parts)))
    }
}

/// What the RPCs of crm are made of.
pub struct Parts {
    pub db: Db,
    pub world: World,
    pub keyring: Arc<Keyring>,
    pub page_tokens: PageTokens,
}

/// The RPCs of crm.
pub fn routes(config: &Config, parts: Parts) -> Routes {
    let store = Store::new(parts.db, parts.world, parts.keyring);
    let hosts = AllowedHosts::with_test_hosts(&config.test_hosts);
    grpc::routes(store, hosts, parts.page_tokens)
}
