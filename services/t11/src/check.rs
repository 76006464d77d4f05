//! `t11 check`: what is wrong, and how to mend it.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use t11_core::World;
use t11_runtime::{Environment, Keys, Settings};
use t11_store::Db;

use crate::entries;

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
        Part::Kommo => kommo(),
    };
    report(&problems);
    if problems.is_empty() {
        Ok(())
    } else {
        bail!("{} to mend", problems.len())
    }
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
    let pending = t11_migrations::pending(service, &db).await?;
    db.close().await;
    if !pending.is_empty() {
        bail!(
            "{} migrations are not applied; run `t11 migrate`",
            pending.len()
        );
    }
    Ok(())
}

async fn redis(settings: &Settings) -> Vec<String> {
    let Some(url) = &settings.common.redis_url else {
        // Nothing to check: wake-ups and limits live in the process.
        return Vec::new();
    };
    let Some((host, port)) = host_and_port(url.expose()) else {
        return vec!["REDIS_URL is not `redis://host:port` or `rediss://host:port`".to_owned()];
    };
    let connect = tokio::net::TcpStream::connect((host.as_str(), port));
    match tokio::time::timeout(Duration::from_secs(3), connect).await {
        Ok(Ok(_)) => Vec::new(),
        Ok(Err(error)) => vec![format!("{host}:{port} refuses: {error}")],
        Err(_) => vec![format!("{host}:{port} does not answer within 3 s")],
    }
}

fn host_and_port(url: &str) -> Option<(String, u16)> {
    let rest = url
        .strip_prefix("redis://")
        .or_else(|| url.strip_prefix("rediss://"))?;
    let authority = rest.split('/').next()?;
    let address = authority.rsplit('@').next()?;
    match address.rsplit_once(':') {
        Some((host, port)) => Some((host.to_owned(), port.parse().ok()?)),
        None => Some((address.to_owned(), 6_379)),
    }
}

async fn llm(settings: &Settings) -> Result<Vec<String>> {
    t11_llm::check(&settings.section::<t11_llm::Config>("llm")?).await
}

/// No code here speaks to Kommo yet; saying "ok" would be a lie.
fn kommo() -> Vec<String> {
    vec!["nothing connects to Kommo in this version; accounts are NOT_CONNECTED".to_owned()]
}
