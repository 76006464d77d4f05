//! `t11 check`: what is wrong, and how to mend it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use clap::ValueEnum;
use t11_core::World;
use t11_runtime::bus::{Heard, OverRedis};
use t11_runtime::{Bus, Environment, Keys, Redis, RedisError, Settings};
use t11_store::Db;

use tokio::time::Instant;

use crate::entries;

/// How long Redis is waited for.
const PATIENCE: Duration = Duration::from_secs(4);

/// What is checked.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Part {
    /// Settings and keys.
    Env,
    /// Every service's database, and its migrations.
    Database,
    /// The Redis that is configured.
    Redis,
    /// The model provider that is configured.
    Llm,
    /// The connection to Kommo.
    Kommo,
}

pub(crate) async fn run(settings: &Settings, part: Part) -> Result<()> {
    let problems = match part {
        Part::Env => env(settings),
        Part::Database => database(settings).await,
        Part::Redis => redis(settings).await,
        Part::Llm => llm(settings).await?,
        Part::Kommo => kommo(settings).await?,
    };
    report(&problems);
    if problems.is_empty() {
        Ok(())
    } else {
        bail!("{} to mend", problems.len())
    }
}

/// What works, but not as well as it could.
#[expect(clippy::print_stdout, reason = "the command's output")]
fn warn(warning: &str) {
    println!("! {warning}");
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn report(problems: &[String]) {
    if problems.is_empty() {
        println!("ok");
    }
    for problem in problems {
        println!("- {problem}");
    }
}

fn env(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    for entry in entries() {
        if let Err(error) = (entry.check)(settings) {
            problems.push(format!("section `{}`: {error}", entry.name));
        }
    }
    let production = settings.common.environment == Environment::Production;
    let given = settings.common.encryption_key.is_some() && settings.common.signing_key.is_some();
    // In development missing keys are made at the first start, not by a check.
    if (production || given)
        && let Err(error) = Keys::load(settings, &World::system())
    {
        problems.push(format!("{error:#}; `t11 keys generate` prints new keys"));
    }
    problems
}

async fn database(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    for service in t11_migrations::SERVICES {
        if let Err(problem) = database_of(settings, service).await {
            problems.push(format!("`{service}`: {problem:#}"));
        }
    }
    problems
}

async fn database_of(settings: &Settings, service: &'static str) -> Result<()> {
    let config = settings.database_config(service)?;
    let db = match Db::connect(&config, World::system()).await {
        Ok(db) => db,
        Err(error) => bail!("{error} at {}; is DATABASE_URL right?", config.masked_url()),
    };
    let is_production = settings.common.environment == Environment::Production;
    let fit = t11_runtime::check_database(service, &db, is_production).await;
    db.close().await;
    fit
}

/// Asks through the very connections that services use.
async fn redis(settings: &Settings) -> Vec<String> {
    let Some(url) = &settings.common.redis_url else {
        // Nothing to check: wake-ups and limits live in the process.
        return Vec::new();
    };
    let redis = match Redis::connect(url, &settings.common.namespace) {
        Ok(redis) => redis,
        Err(error) => return vec![error.to_string()],
    };
    let carrier = Arc::new(OverRedis::new(&redis));
    if let Err(error) = answers(&redis).await {
        return vec![format!(
            "Redis does not answer: {error}; is REDIS_URL right?"
        )];
    }
    match redis.eviction().await {
        Ok(Some(policy)) if policy != "noeviction" => warn(&format!(
            "Redis drops keys when its memory is full (`{policy}`): limits would begin anew; set \
             `maxmemory-policy noeviction`"
        )),
        // Some that are rented out do not say.
        Ok(_) => {}
        Err(error) => warn(&format!(
            "Redis does not tell its `maxmemory-policy`: {error}"
        )),
    }
    match tells(carrier).await {
        true => Vec::new(),
        false => vec![
            "Redis answers, but what is published does not arrive: replicas would not wake each \
             other; may the user publish and subscribe?"
                .to_owned(),
        ],
    }
}

/// A connection takes its time to be made, so it is asked again for a while.
async fn answers(redis: &Redis) -> Result<(), RedisError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match redis.ping().await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Whether a word that one member says reaches another.
async fn tells(carrier: Arc<OverRedis>) -> bool {
    let world = World::system();
    let (speaker, listener) = (
        Bus::join(carrier.clone(), &world),
        Bus::join(carrier, &world),
    );
    let word = Bytes::from(world.new_id().to_string());
    let topic = format!("check.{}", world.new_id());
    let mut heard = listener.subscribe(&topic).await;
    speaker.publish(&topic, || word.clone());
    let arrival = async { while heard.heard().await != Heard::Message(word.clone()) {} };
    tokio::time::timeout(PATIENCE, arrival).await.is_ok()
}

async fn llm(settings: &Settings) -> Result<Vec<String>> {
    t11_llm::check(&settings.section::<t11_llm::Config>("llm")?).await
}

/// The settings, whether Kommo's page of consent is reached, and accounts that refuse us.
async fn kommo(settings: &Settings) -> Result<Vec<String>> {
    let config = settings.section::<t11_crm::Config>("crm")?;
    let is_production = settings.common.environment == Environment::Production;
    let edge = settings.common.http_addr;
    let mut problems = t11_crm::check_settings(&config, edge, is_production);
    if let Err(error) = reach(&config.oauth_url).await {
        let url = &config.oauth_url;
        problems.push(format!(
            "`{url}` cannot be reached: {error:#}; is the way to Kommo open, and KOMMO_OAUTH_URL right?"
        ));
    }
    match refused_accounts(settings).await {
        Ok(refused) => problems.extend(refused),
        Err(error) => problems.push(format!("{error:#}; see `t11 check database`")),
    }
    Ok(problems)
}

/// Any answer will do: there is nobody to consent.
async fn reach(url: &str) -> Result<()> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let answer = client.get(url).send().await;
    answer.map_err(reqwest::Error::without_url)?;
    Ok(())
}

async fn refused_accounts(settings: &Settings) -> Result<Vec<String>> {
    let config = settings.database_config("crm")?;
    let db = Db::connect(&config, World::system()).await?;
    let refused = t11_crm::check_connections(db.clone()).await;
    db.close().await;
    refused
}
