#![doc = include_str!("../README.md")]

mod authorization;
mod catalog;
mod check;
mod config;
mod connection;
mod credential;
mod effect;
mod error;
mod event;
mod grpc;
mod intake;
mod jobs;
mod kommo;
mod lead;
mod message;
mod mirror;
mod store;
mod subscription;
mod sync;
mod token;
mod transport;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use futures::future::BoxFuture;
use t11_core::{PageTokens, World};
use t11_kommo::{Hosts, Http};
use t11_runtime::{Built, Bus, Context, Environment, JobHandler, Redis, Secret, Service};
use t11_store::{Db, Keyring};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use url::Url;

use crate::authorization::Authorizations;
use crate::effect::apply::Effects;
use crate::intake::Intake;
use crate::intake::secret::SecretHasher;
use crate::kommo::{Kommo, Meter, refusals};
use crate::lead::Leads;
use crate::message::send::Messages;
use crate::store::Store;
use crate::subscription::Subscriptions;

pub use crate::check::{check_connections, check_settings};
pub use crate::config::{ChannelConfig, Config};
pub use crate::intake::upkeep::IntakeUpkeep;
pub use crate::message::upkeep::MessageUpkeep;

/// The service.
pub struct Crm;

impl Service for Crm {
    const NAME: &'static str = "crm";
    type Config = Config;

    async fn build(config: Config, context: &Context) -> Result<Built> {
        let is_production = context.settings().common.environment == Environment::Production;
        config.validate(is_production)?;
        let parts = Parts {
            db: context.database(Self::NAME).await?,
            world: context.world(),
            keyring: context.keyring(),
            page_tokens: context.page_tokens(),
            redis: context.redis(),
            bus: context.bus(),
            tasks: context.tasks(),
            is_production,
            webhook_secret: context.key(config.webhook_secret.as_ref(), "KOMMO_WEBHOOK_SECRET")?,
            redirect_base: config.base(context.settings().common.http_addr)?,
            shutdown: context.shutdown(),
        };
        let store = Store::new(parts.db.clone(), parts.world.clone(), parts.keyring.clone());
        store.check_keys().await.context(
            "the secrets in the database need other keys: give the old one in T11_KEYRING, or the \
             right one in ENCRYPTION_KEY",
        )?;
        let wired = wire(&config, parts)?;
        let built = Built::new(wired.routes);
        let handlers = wired.handlers.into_iter();
        let built = handlers.fold(built, |built, (kind, handler)| built.handler(kind, handler));
        let tasks = wired.tasks.into_iter();
        Ok(tasks.fold(built, |built, (name, task)| built.task(name, task)))
    }
}

/// What crm is made of.
pub struct Parts {
    pub db: Db,
    pub world: World,
    pub keyring: Arc<Keyring>,
    pub page_tokens: PageTokens,
    /// Where replicas count calls to Kommo together.
    pub redis: Option<Redis>,
    /// Where they tell each other of Kommo's refusals.
    pub bus: Bus,
    /// Work that outlives the call it began in.
    pub tasks: TaskTracker,
    /// Whether hosts that are not Kommo's are refused.
    pub is_production: bool,
    /// Keys the hash of the secrets in the addresses of webhooks.
    pub webhook_secret: Secret,
    /// Where Kommo reaches us.
    pub redirect_base: Url,
    /// Cancelled when the process takes no more work.
    pub shutdown: CancellationToken,
}

/// crm, ready to be served.
pub struct Wired {
    pub routes: Routes,
    /// What does its jobs, by their kinds.
    pub handlers: Vec<(&'static str, Arc<dyn JobHandler>)>,
    /// What runs while the service runs.
    pub tasks: Vec<(&'static str, BoxFuture<'static, ()>)>,
    /// Two of them, to be done by hand.
    pub intake_upkeep: IntakeUpkeep,
    pub message_upkeep: MessageUpkeep,
}

/// Wires crm. The process's TLS provider must be installed before.
///
/// # Errors
/// When a setting cannot be used.
pub fn wire(config: &Config, parts: Parts) -> Result<Wired> {
    let store = Store::new(parts.db, parts.world.clone(), parts.keyring);
    let hosts = Hosts::with_test_hosts(&config.test_hosts, parts.is_production)
        .context("`crm.test_hosts` (KOMMO_TEST_HOSTS)")?;
    let http = Http::new(hosts)?;
    let meter = match config.is_paced {
        true => {
            let redis = parts.redis.as_ref();
            Meter::new(redis, &parts.world, config.replicas, parts.bus.clone())
        }
        false => Meter::unlimited(&parts.world, parts.bus.clone()),
    };
    let world = parts.world.clone();
    let kommo = Kommo::new(store.clone(), http, meter, world.clone(), parts.tasks);
    let hasher = SecretHasher::new(parts.webhook_secret.expose())?;
    let subscriptions = Subscriptions {
        store: store.clone(),
        kommo: kommo.clone(),
        hasher: hasher.clone(),
        world: world.clone(),
        base: parts.redirect_base,
    };
    let intake = Intake::new(store.clone(), kommo.hosts().clone(), hasher, world.clone());
    let mut handlers = jobs::of_intake(&store, &kommo, &subscriptions, &world);
    handlers.extend(jobs::of_connections(&kommo));
    let messages = Messages {
        store: store.clone(),
        kommo: kommo.clone(),
        world: world.clone(),
        channel: config.own_channel(),
    };
    handlers.extend(jobs::of_messages(&messages));
    let leads = Leads {
        store: store.clone(),
        kommo: kommo.clone(),
    };
    let effects = Effects {
        store: store.clone(),
        kommo: kommo.clone(),
        world: world.clone(),
    };
    let oauth_url = config.oauth_url(parts.is_production)?;
    let authorizations = Authorizations::new(kommo.clone(), oauth_url);
    let renewals = jobs::upkeep::keep(kommo.clone(), parts.shutdown.clone());
    let intake_upkeep = IntakeUpkeep {
        store: store.clone(),
        world,
    };
    let upkeep = intake_upkeep.clone().keep(parts.shutdown.clone());
    let message_upkeep = MessageUpkeep {
        store: store.clone(),
    };
    let looks = message_upkeep.clone().keep(parts.shutdown.clone());
    let hosts = kommo.hosts().clone();
    let refusals = refusals::heed(parts.bus, kommo.pace.clone(), hosts, parts.shutdown);
    let routes = grpc::routes(
        store,
        kommo,
        intake,
        authorizations,
        subscriptions,
        parts.page_tokens,
    );
    Ok(Wired {
        routes: grpc::with_agents(routes, messages, leads, effects),
        handlers,
        tasks: vec![
            ("upkeep of the intake", Box::pin(upkeep)),
            ("upkeep of connections", Box::pin(renewals)),
            ("upkeep of messages", Box::pin(looks)),
            ("refusals of Kommo", Box::pin(refusals)),
        ],
        intake_upkeep,
        message_upkeep,
    })
}
