//! `t11`: every service in one process, some of them apart, and what operators ask.

mod check;
mod config;
mod demo_crm;
mod dev;
mod envoy;
mod keys;
mod migrate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use t11_runtime::{Entry, Mesh, Settings, Sources, Telemetry, block_on};

/// The services of the mesh. Edge comes last: it opens the door when the rest is there.
pub(crate) fn entries() -> [Entry; 6] {
    [
        Entry::of::<t11_jobs::Jobs>(),
        Entry::of::<t11_accounts::Accounts>(),
        Entry::of::<t11_llm::Llm>(),
        Entry::of::<t11_crm::Crm>(),
        Entry::of::<t11_agents::Agents>(),
        Entry::of::<t11_edge::Edge>(),
    ]
}

#[derive(Parser)]
#[command(name = "t11", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every service in this process, on SQLite unless DATABASE_URL says otherwise.
    Dev(demo_crm::Options),
    /// Run the named services, each at its own port.
    Serve {
        #[arg(required = true)]
        services: Vec<String>,
    },
    /// Bring the databases of all services up to date.
    Migrate,
    /// Say what is wrong with a part and how to mend it; exit 1 if anything is.
    Check {
        #[arg(value_enum)]
        part: check::Part,
    },
    /// Look at the settings.
    Config {
        #[command(subcommand)]
        action: config::Action,
    },
    /// Print what the proxies in front of edge and between the services are to do.
    Envoy {
        #[command(subcommand)]
        action: envoy::Action,
    },
    /// Make keys.
    Keys {
        #[command(subcommand)]
        action: keys::Action,
    },
}

fn main() -> ExitCode {
    // Before anything else: the child that reads documents has no runtime, settings or log.
    if t11_agents::knowledge::is_extraction_child() {
        return t11_agents::knowledge::run_extraction_child();
    }
    let arguments = Arguments::parse();
    block_on(async move {
        match arguments.command {
            Command::Dev(demo) => {
                let mut sources = Sources::process();
                let demo = demo_crm::start(&demo, &mut sources).await?;
                let settings = Settings::load(&sources)?;
                let run = async |settings| dev::run(settings, demo.as_ref()).await;
                with_telemetry("t11", settings, run).await
            }
            Command::Serve { services } => {
                let names: Vec<&str> = services.iter().map(String::as_str).collect();
                let name = match names[..] {
                    [only] => only,
                    _ => "t11",
                };
                with_telemetry(name, settings()?, async |settings| {
                    Mesh::serve(settings, &entries(), &names).await
                })
                .await
            }
            Command::Migrate => migrate::run(&settings()?).await,
            Command::Check { part } => check::run(&settings()?, part).await,
            Command::Config { action } => config::run(action),
            Command::Envoy { action } => envoy::run(&action),
            Command::Keys { action } => keys::run(action),
        }
    })
}

fn settings() -> anyhow::Result<Settings> {
    Ok(Settings::load(&Sources::process())?)
}

async fn with_telemetry(
    name: &str,
    settings: Settings,
    run: impl AsyncFnOnce(Settings) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let telemetry = Telemetry::start(&settings, name)?;
    let outcome = run(settings).await;
    telemetry.stop().await;
    outcome
}
