#![doc = include_str!("../README.md")]

mod allowance;
mod answers;
mod asking;
mod budget;
mod catalog;
mod completion;
mod config;
mod draw;
mod embedding;
mod error;
mod failure;
mod forecast;
mod gateway;
mod grpc;
mod health;
mod keys;
mod ledger;
mod meter;
mod money;
mod privacy;
mod provider;
mod provider_key;
mod retry;
mod route;
mod router;
mod schema;
mod settlement;
mod sse;
mod store;
mod sweep;
mod usage;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use t11_core::{Caller, OrgId, OrgScope, Permission, World};
use t11_runtime::{Built, Cache, Context, Service};
use t11_store::StoreError;

use self::allowance::Allowances;
use self::answers::Answers;
use self::catalog::Catalog;
use self::completion::Completions;
pub use self::config::{Config, DataCollection, Server};
use self::embedding::Embedder;
use self::gateway::Gateway;
use self::keys::Keys;
use self::ledger::Ledger;
use self::privacy::Privacy;
use self::provider::Provider;
use self::provider::demo::{self, Demo};
use self::provider::openai::{Flavor, OpenAi};
use self::retry::Retry;
use self::router::Router;
use self::settlement::Settlements;
use self::store::Store;

/// The service `llm`.
pub struct Llm;

impl Service for Llm {
    const NAME: &'static str = "llm";
    type Config = Config;

    async fn build(config: Config, context: &Context) -> Result<Built> {
        let world = context.world();
        let chosen = choose(&config, world.clone())?;
        let store = Store::new(context.database(Self::NAME).await?);
        let settle_delay = Duration::from_millis(config.settle_delay_ms);
        let ledger = Ledger::new(store.clone(), world.clone(), settle_delay);
        let allowances = Allowances::new(store.clone(), ledger.clone(), world.clone());
        let catalog = Arc::new(Catalog::new(chosen.provider.clone(), chosen.default_model));
        if chosen.provider.name() == demo::NAME {
            // At hand without a network; the list of any other provider is read when asked for.
            catalog.models().await?;
        }
        let router = Arc::new(Router::new(
            store.clone(),
            catalog.clone(),
            config.fallbacks(),
            config.breaker(),
        ));
        let keyring = context.keyring();
        store.check_keyring(&keyring).await.context(
            "the secrets in the database need other keys: give the old one in T11_KEYRING, or the \
             right one in ENCRYPTION_KEY",
        )?;
        let keys = Arc::new(Keys::new(
            store.clone(),
            keyring,
            world.clone(),
            chosen.provider.clone(),
            context.tasks(),
        ));
        let settlements = Settlements {
            store: store.clone(),
            provider: chosen.provider.clone(),
            keys: keys.clone(),
            world: world.clone(),
            delay: settle_delay,
            deferred: ledger.deferred(),
        };
        let privacy = Arc::new(Privacy::new(store.clone()));
        let gateway = Gateway {
            catalog: catalog.clone(),
            store: store.clone(),
            provider: chosen.provider,
            allowances: allowances.clone(),
            ledger: ledger.clone(),
            retry: Retry::new(
                world.clone(),
                Duration::from_millis(config.longest_retry_wait_ms),
            ),
            router: router.clone(),
            privacy: privacy.clone(),
            keys: keys.clone(),
            world: world.clone(),
            longest_call: config.total_timeout(),
        };
        let longest = config.total_timeout();
        let answers = Cache::new("answers", config.cache_bytes, context.redis());
        let answers = Answers::new(answers);
        let parts = grpc::Parts {
            completions: Completions::new(gateway.clone(), answers, longest),
            embedder: Embedder::new(
                gateway.clone(),
                chosen.embedding_model,
                config.embedding_batch,
                longest,
            ),
            provider: gateway.provider.name(),
            has_platform_key: config.has_platform_key(),
            keys,
            catalog: gateway.catalog,
            router,
            privacy,
            store: store.clone(),
            allowances: allowances.clone(),
            page_tokens: context.page_tokens(),
            world: world.clone(),
        };
        Ok(Built::new(grpc::routes(parts))
            .task("list of models", catalog.keep(context.shutdown()))
            .task(
                "sweep of reservations",
                sweep::run(store, world, context.shutdown()),
            )
            .task("settlements", settlements.run(context.shutdown()))
            .task("allowances", allowances.keep(context.shutdown()))
            .task("usage records", ledger.write()))
    }
}

/// The provider that the settings ask for, and its models.
struct Chosen {
    provider: Arc<dyn Provider>,
    /// Empty = the first one listed.
    default_model: String,
    /// Empty = none.
    embedding_model: String,
}

fn choose(config: &Config, world: World) -> Result<Chosen> {
    let Some(settings) = config.server()? else {
        tracing::info!("no model provider is set: the demo model answers");
        return Ok(Chosen {
            provider: Arc::new(Demo {
                word_delay: Duration::from_millis(config.demo_word_delay_ms),
            }),
            default_model: demo::MODEL.to_owned(),
            embedding_model: String::new(),
        });
    };
    let default_model = config.default_model(settings.flavor);
    let provider = OpenAi::new(settings, world).context("HTTP client of the model provider")?;
    let embedding_model = config.embedding_model.trim().to_owned();
    Ok(Chosen {
        provider: Arc::new(provider),
        default_model,
        embedding_model,
    })
}

/// The service's own access to what belongs to an organization.
fn own_scope(org: OrgId) -> Result<OrgScope, StoreError> {
    Caller::service("llm", org)
        .require(Permission::LlmComplete)
        .map_err(|_| StoreError::WrongOrganization)
}

/// How long the check waits for a provider.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// What keeps the configured provider from answering, in words that say how to mend it; empty
/// when it lists its models.
///
/// # Errors
/// When the settings themselves cannot be used.
pub async fn check(config: &Config) -> Result<Vec<String>> {
    let chosen = choose(config, World::system())?;
    let deadline = tokio::time::Instant::now() + CHECK_TIMEOUT;
    let models = match chosen.provider.models(deadline).await {
        Ok(models) => models,
        Err(failure) => {
            let words = "are OPENROUTER_BASE_URL and OPENROUTER_API_KEY right?";
            return Ok(vec![format!(
                "the provider does not list its models: {failure}; {words}"
            )]);
        }
    };
    if let Some(refusal) = key_refusal(config, &*chosen.provider, deadline).await {
        return Ok(vec![refusal]);
    }
    let wanted = &chosen.default_model;
    if wanted.is_empty() || models.iter().any(|model| model.id == *wanted) {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "the default model `{wanted}` is not among the {} it lists",
        models.len()
    )])
}

/// What OpenRouter has against the key: its list of models is for everybody.
async fn key_refusal(
    config: &Config,
    provider: &dyn Provider,
    deadline: tokio::time::Instant,
) -> Option<String> {
    if provider.name() != Flavor::OpenRouter.name() {
        return None;
    }
    let key = config.platform_key()?.as_secret_string();
    let failure = provider.check_key(key, deadline).await.err()?;
    Some(format!(
        "calls cannot be made with OPENROUTER_API_KEY: {failure}"
    ))
}
