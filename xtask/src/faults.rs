//! `cargo xtask faults`: the long forms of the tests that break things, and what they came to.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::dev::Profile;
use crate::envoy;
use crate::servers::Servers;
use crate::shell;
use crate::workspace::Workspace;

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Runs of the simulation.
    #[arg(long, default_value_t = 1_000)]
    seeds: u32,
    /// Kills of the whole process during ingestion and chat.
    #[arg(long, default_value_t = 200)]
    kills: u32,
}

/// One suite: what it breaks, and how it is run.
struct Suite {
    about: &'static str,
    /// Of `cargo test`: the target and the tests of it.
    test: &'static [&'static str],
    profile: Option<Profile>,
    variables: Vec<(&'static str, String)>,
}

/// In the order of the fault matrix: the one process, replicas behind Envoy, Redis, the queue, the
/// simulated network.
fn suites(options: &Options, servers: &Servers, envoy: String) -> Vec<Suite> {
    let database = ("T11_TEST_DATABASE_URL", servers.postgres_url());
    let redis = ("T11_TEST_REDIS_URL", servers.redis_url());
    vec![
        Suite {
            about: "one process is killed during ingestion and chat",
            test: &["--test", "kill"],
            profile: None,
            variables: vec![("T11_KILLS", options.kills.to_string())],
        },
        Suite {
            about: "replicas behind Envoy are killed and stopped under reads",
            test: &["--test", "it", "mesh_processes"],
            profile: None,
            variables: vec![database.clone(), redis.clone(), ("T11_TEST_ENVOY", envoy)],
        },
        Suite {
            about: "Redis is emptied, killed and stopped",
            test: &["--test", "shared"],
            profile: None,
            variables: vec![redis.clone()],
        },
        Suite {
            about: "replicas of the queue meet crashes and lost answers, on PostgreSQL",
            test: &["--test", "it", "crash::"],
            profile: None,
            variables: vec![database, redis],
        },
        Suite {
            about: "the simulated network parts and delays, hosts crash, commits fail",
            test: &["--test", "sim"],
            profile: Some(Profile::Quick),
            variables: vec![("T11_SIM_SEEDS", options.seeds.to_string())],
        },
    ]
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let envoy = envoy::program(workspace)?.display().to_string();
    let servers = Servers::start()?;
    let mut lines = Vec::new();
    let mut failed = 0;
    for suite in suites(options, &servers, envoy) {
        let started = Instant::now();
        let outcome = shell::run(&mut command(workspace, &suite));
        let verdict = if outcome.is_ok() { "held" } else { "BROKEN" };
        failed += usize::from(outcome.is_err());
        let seconds = started.elapsed().as_secs_f64();
        lines.push(format!("| {} | {verdict} | {seconds:.0} s |", suite.about));
    }
    println!("\n| what happens | promises | took |\n| --- | --- | --- |");
    println!("{}", lines.join("\n"));
    if failed > 0 {
        bail!("{failed} suites found something");
    }
    Ok(())
}

fn command(workspace: &Workspace, suite: &Suite) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args([
        "test",
        "--workspace",
        "--exclude",
        "t11-web",
        "--no-fail-fast",
    ]);
    if let Some(profile) = suite.profile {
        cargo.args(["--profile", profile.name()]);
    }
    cargo.args(suite.test).args(["--", "--nocapture"]);
    cargo.envs(suite.variables.iter().map(|(name, value)| (name, value)));
    cargo
}
