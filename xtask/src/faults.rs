//! `cargo xtask faults`: the long forms of the tests that break things, and a table of what each row
//! of the fault matrix came to.

mod matrix;
mod outcomes;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Result, bail, ensure};

use crate::dev::Profile;
use crate::envoy;
use crate::servers::Servers;
use crate::shell::{self, say};
use crate::workspace::Workspace;
use matrix::{Row, Shown};
use outcomes::Outcomes;

/// Requests a second while replicas are replaced, and webhooks a second while what takes them is
/// killed.
const RATE: u32 = 200;
/// So many of them.
const WEBHOOKS: u32 = 10_000;
/// Kills of a process while programs spend its budget.
const BUDGET_KILLS: u32 = 1_000;
/// Fewer kills show little.
const LEAST_KILLS: u64 = 200;

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Runs of the simulation.
    #[arg(long, default_value_t = 1_000)]
    seeds: u32,
    /// Kills of each row that kills.
    #[arg(long, default_value_t = 60)]
    kills: u32,
    /// Print the rows and the tests that show them, and run nothing.
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let rows = matrix::shown(&workspace.root)?;
    if options.list {
        for shown in &rows {
            println!(
                "{}  {}: {}",
                shown.row.id, shown.row.fault, shown.row.promise
            );
            shown.all().for_each(|test| println!("     {test}"));
        }
        return Ok(());
    }
    let envoy = envoy::program(workspace)?;
    let servers = Servers::start()?;
    let mut mesh = cargo_test(workspace, Profile::Quick);
    // A test of the program's own package makes cargo build the program.
    mesh.args([
        "--test",
        "faults",
        "--test",
        "stores",
        "--test",
        "check_redis",
    ]);
    // Their promises do not rest on speed, and `cargo xtask test` has built them.
    let mut parts = cargo_test(workspace, Profile::Dev);
    parts.args(["--lib", "--bins", "--tests"]);
    for tests in [&mut mesh, &mut parts] {
        tests
            .env("T11_KILLS", options.kills.to_string())
            .env("T11_RATE", RATE.to_string())
            .env("T11_WEBHOOKS", WEBHOOKS.to_string())
            .env("T11_BUDGET_KILLS", BUDGET_KILLS.to_string())
            .env("T11_TEST_DATABASE_URL", servers.postgres_url())
            .env("T11_TEST_POOLER_URL", servers.pooler_url())
            .env("T11_TEST_REDIS_URL", servers.redis_url())
            .env("T11_TEST_ENVOY", &envoy);
    }
    let mut simulations = cargo_test(workspace, Profile::Quick);
    simulations
        .args(["--test", "sim"])
        .env("T11_SIM_SEEDS", options.seeds.to_string());
    let outcomes = Mutex::default();
    let of = |tests: fn(&Shown) -> &BTreeSet<String>| rows.iter().flat_map(tests);
    perform(&mut mesh, of(|shown| &shown.mesh), &outcomes)?;
    perform(&mut parts, of(|shown| &shown.parts), &outcomes)?;
    perform(&mut simulations, of(|shown| &shown.simulations), &outcomes)?;
    report(&rows, &outcomes.into_inner()?)
}

/// docs/faults.md: every row with its tests.
pub(crate) fn document(root: &Path) -> Result<String> {
    let mut text = String::from(
        "# Fault matrix\n\n\
         Made by `cargo xtask docs` from `xtask/src/faults/matrix.rs` and the tests' names; do not edit. `cargo xtask\n\
         faults` runs the long forms and gives each row a verdict.\n\n\
         | row | fault | promise | shown by |\n| --- | --- | --- | --- |\n",
    );
    for shown in matrix::shown(root)? {
        let Row {
            id, fault, promise, ..
        } = shown.row;
        let tests: Vec<_> = shown.all().map(|test| format!("`{test}`")).collect();
        let tests = tests.join("<br>");
        writeln!(text, "| {id} | {fault} | {promise} | {tests} |")?;
    }
    Ok(text)
}

/// An unoptimised mesh is out of room at the rates asked for.
fn cargo_test(workspace: &Workspace, profile: Profile) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args([
        "test",
        "--workspace",
        "--exclude",
        "t11-web",
        "--no-fail-fast",
    ]);
    cargo.args(["--profile", profile.name()]);
    // The servers of whoever calls are not to be hurt; and with one named, the simulation takes
    // itself for a second run and does nothing.
    for variable in ["DATABASE_URL", "POOLER_URL", "REDIS_URL", "ENVOY"] {
        cargo.env_remove(format!("T11_TEST_{variable}"));
    }
    cargo
}

/// Runs the tests of these names; whether they pass is read from what they say.
fn perform<'a>(
    cargo: &mut Command,
    names: impl Iterator<Item = &'a String>,
    outcomes: &Mutex<Outcomes>,
) -> Result<()> {
    let before = outcomes.lock().map_or(0, |outcomes| outcomes.count());
    let names: BTreeSet<_> = names.collect();
    // Figures of tests that crowd each other would mean nothing.
    cargo
        .args(["--", "--show-output", "--test-threads=2"])
        .args(names);
    let heard = |line: &str| {
        if let Ok(mut outcomes) = outcomes.lock() {
            outcomes.read(line);
        }
    };
    let ended = shell::run_heard(cargo, heard);
    say(ended.map_or_else(
        |error| error.to_string(),
        |()| "the tests passed".to_owned(),
    ));
    let ran = outcomes.lock().map_or(0, |outcomes| outcomes.count());
    ensure!(ran > before, "no test ran");
    Ok(())
}

fn report(rows: &[Shown], outcomes: &Outcomes) -> Result<()> {
    println!("\n| row | fault | promise | verdict | kills |\n| --- | --- | --- | --- | --- |");
    let mut broken = Vec::new();
    for shown in rows {
        let row = shown.row;
        let failed: Vec<_> = shown
            .all()
            .filter(|test| !outcomes.has_held(test))
            .collect();
        let has_held = failed.is_empty() && !outcomes.was_not_run(row.id);
        let verdict = if has_held { "held" } else { "BROKEN" };
        let kills: u64 = shown.all().map(|test| outcomes.kills_of(test)).sum();
        println!(
            "| {} | {} | {} | {verdict} | {kills} |",
            row.id, row.fault, row.promise
        );
        if !has_held {
            broken.push(format!("{}: {failed:?} failed or were not run", row.id));
        }
    }
    let kills = outcomes.kills();
    println!(
        "\n{} of {} rows held, {kills} kills",
        rows.len() - broken.len(),
        rows.len()
    );
    if !broken.is_empty() {
        bail!("{}", broken.join("\n"));
    }
    if kills < LEAST_KILLS {
        bail!("{kills} kills are too few to show anything; at least {LEAST_KILLS}");
    }
    Ok(())
}
