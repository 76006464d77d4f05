//! `cargo xtask bench`: measures the figures of the README against their goals.
//!
//! What the whole process shows from outside (memory, start) is measured here. What needs the inside
//! is measured by bench programs (`harness = false`), which print one JSON object a line:
//! `{"bench": "search lexical", "p99_ms": 1.5}`. The goals below name such figures as `bench/field`.

mod llm;
mod machine;
mod mesh;
mod peer;

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::dev::{self, Profile};
use crate::server::DevServer;
use crate::shell::{self, say};
use crate::web;
use crate::workspace::Workspace;

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Measure these alone.
    #[arg(value_enum)]
    pub(crate) parts: Vec<Part>,
    /// What the tests have built, and fewer starts: shows that the benchmarks run, not how fast
    /// things are.
    #[arg(long)]
    pub(crate) short: bool,
}

/// What can be measured by itself.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// The whole process from outside, and the web client's size.
    Process,
    /// Search, ingestion, REST beside the RPC.
    Programs,
    /// The queue beside BullMQ.
    Jobs,
    /// Each service as a process of its own, and a call between two through Envoy.
    Mesh,
    /// The gateway to models beside a bare proxy and other gateways.
    Llm,
}

impl Part {
    const ALL: [Self; 5] = [
        Self::Process,
        Self::Programs,
        Self::Jobs,
        Self::Mesh,
        Self::Llm,
    ];
}

struct Goal {
    part: Part,
    /// Left out in short, for it takes minutes.
    is_long: bool,
    /// Left out where the other side could not be installed.
    is_beside_peer: bool,
    /// `bench/field`, or one of the names of what is measured here.
    name: &'static str,
    about: &'static str,
    unit: &'static str,
    bound: Bound,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const IDLE_MEMORY: &str = "idle_memory";
const WARM_START: &str = "warm_start";
const WEB_FIRST_LOAD: &str = "web_first_load";

const GOALS: &[Goal] = &[
    at_most(
        Part::Process,
        IDLE_MEMORY,
        "idle memory of the whole dev process",
        120.0,
        "MB",
    ),
    at_most(
        Part::Process,
        WARM_START,
        "warm start to ready, median",
        1.5,
        "s",
    ),
    at_most(
        Part::Programs,
        "rest through edge/added_p99_ms",
        "REST through edge above the RPC in process, p99",
        1.0,
        "ms",
    ),
    at_least(
        Part::Programs,
        "ingest all/mb_per_s",
        "ingestion of text",
        2.0,
        "MB/s",
    ),
    at_most(
        Part::Programs,
        "search lexical/p99_ms",
        "search over 100,000 chunks, p99",
        20.0,
        "ms",
    ),
    at_most(
        Part::Process,
        WEB_FIRST_LOAD,
        "first load of the web client, brotli",
        450.0,
        "KiB",
    ),
    at_least(
        Part::Jobs,
        "queue beside bullmq always/enqueue_batched_per_s",
        "jobs: enqueueing, 50 a call, beside BullMQ with `always`",
        10.0,
        "×",
    ),
    at_least(
        Part::Jobs,
        "queue beside bullmq always/process_per_s",
        "jobs: processing beside BullMQ with `always`",
        2.0,
        "×",
    ),
    at_least(
        Part::Jobs,
        "queue beside bullmq everysec/enqueue_batched_per_s",
        "jobs: enqueueing, 50 a call, beside BullMQ with `everysec`",
        1.0,
        "×",
    ),
    at_least(
        Part::Jobs,
        "queue beside bullmq everysec/process_per_s",
        "jobs: processing beside BullMQ with `everysec`",
        1.0,
        "×",
    ),
    at_most(
        Part::Jobs,
        "queue beside bullmq always/start_p50_ms",
        "jobs: enqueue to start, median, beside BullMQ with `always`",
        0.5,
        "×",
    ),
    at_most(
        Part::Jobs,
        "queue/restart_after_kill_s",
        "jobs: of a killed worker start again",
        16.0,
        "s",
    )
    .long(),
    at_most(
        Part::Jobs,
        "queue/healthy_jobs_failed_after_two_kills",
        "jobs: healthy ones failed after two kills",
        0.0,
        "of 50",
    )
    .long(),
    at_most(
        Part::Jobs,
        "queue/effects_doubled_by_a_stopped_worker",
        "jobs: effects doubled by a stopped worker",
        0.0,
        "of 50",
    )
    .long(),
    at_most(
        Part::Jobs,
        "queue/last_of_10_behind_10000",
        "jobs: the last of 10 behind another's 10,000 starts as number",
        20.0,
        "",
    )
    .long(),
    at_most(
        Part::Mesh,
        "idle services/largest_mb",
        "idle memory of the largest service apart",
        40.0,
        "MB",
    ),
    at_most(
        Part::Mesh,
        "reply, 20 conversations/s/p50_ms",
        "a lead's message to Kommo's «accepted», without waiting and the model, median",
        40.0,
        "ms",
    ),
    at_most(
        Part::Mesh,
        "reply, 20 conversations/s/p99_ms",
        "the same, p99",
        150.0,
        "ms",
    ),
    at_most(
        Part::Llm,
        "llm ours beside floor/added_p50",
        "models: what our gateway adds to a call, median, beside a bare proxy",
        1.4,
        "×",
    ),
    at_most(
        Part::Llm,
        "llm ours/cpu_us_16",
        "models: processor time of a call",
        45.0,
        "µs",
    ),
    at_least(
        Part::Llm,
        "llm ours beside litellm/calls_per_s_16",
        "models: calls of 16 callers beside LiteLLM's",
        100.0,
        "×",
    )
    .beside_peer(),
    at_least(
        Part::Llm,
        "llm ours beside portkey/calls_per_s_16",
        "models: the same beside Portkey's",
        15.0,
        "×",
    )
    .beside_peer(),
    at_least(
        Part::Llm,
        "llm ours beside tensorzero/calls_per_s_16",
        "models: the same beside TensorZero's",
        2.0,
        "×",
    )
    .beside_peer(),
    at_most(
        Part::Llm,
        "llm ours beside floor/first_chunk_above_ms",
        "models: the first piece of an answer later than the bare proxy's",
        0.3,
        "ms",
    ),
    at_least(
        Part::Llm,
        "llm ours grpc beside sse/chunks_per_s",
        "models: pieces of 64 streams by gRPC beside SSE",
        2.0,
        "×",
    ),
    at_most(
        Part::Llm,
        "llm ours/idle_mb",
        "models: idle memory of edge, accounts, llm and jobs in one process",
        20.0,
        "MB",
    ),
    at_most(
        Part::Llm,
        "llm ours/streaming_mb",
        "models: the same at 64 streams",
        60.0,
        "MB",
    ),
];

const fn at_most(
    part: Part,
    name: &'static str,
    about: &'static str,
    limit: f64,
    unit: &'static str,
) -> Goal {
    Goal {
        part,
        is_long: false,
        is_beside_peer: false,
        name,
        about,
        unit,
        bound: Bound::AtMost(limit),
    }
}

const fn at_least(
    part: Part,
    name: &'static str,
    about: &'static str,
    limit: f64,
    unit: &'static str,
) -> Goal {
    Goal {
        bound: Bound::AtLeast(limit),
        ..at_most(part, name, about, limit, unit)
    }
}

impl Goal {
    const fn long(mut self) -> Self {
        self.is_long = true;
        self
    }

    const fn beside_peer(mut self) -> Self {
        self.is_beside_peer = true;
        self
    }

    /// Whether it is asked for in this run.
    fn is_wanted(&self, short: bool, figures: &[Figure]) -> bool {
        let is_there = || figures.iter().any(|figure| figure.name == self.name);
        !(short && self.is_long) && (!self.is_beside_peer || is_there())
    }
}

/// The bench programs of the figures within one process.
const PROGRAMS: [&str; 3] = ["rest", "ingest", "search"];

struct Figure {
    name: String,
    value: f64,
}

impl Figure {
    fn new(name: &str, value: f64) -> Self {
        Self {
            name: name.to_owned(),
            value,
        }
    }
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let profile = if options.short {
        Profile::Dev
    } else {
        Profile::Release
    };
    let parts = match options.parts.as_slice() {
        [] => &Part::ALL[..],
        some => some,
    };
    let mut figures = Vec::new();
    for part in parts {
        figures.extend(match part {
            Part::Process => whole_process(workspace, profile, options.short)?,
            Part::Programs => run_programs(workspace, profile)?,
            Part::Jobs => peer::run(workspace, profile, options.short)?,
            Part::Mesh => mesh::run(workspace, profile, options.short)?,
            Part::Llm => llm::run(workspace, profile, options.short)?,
        });
    }
    let goals: Vec<_> = GOALS
        .iter()
        .filter(|goal| parts.contains(&goal.part) && goal.is_wanted(options.short, &figures))
        .collect();
    println!("\n{}\n", machine::describe(profile)?);
    for Figure { name, value } in &figures {
        println!("{name:<64} {value:>12.2}");
    }
    let table = table(&goals, &figures)?;
    if options.short {
        say("unoptimised: every figure is there, and none says how fast anything is");
    } else {
        println!("\n{table}");
    }
    Ok(())
}

fn whole_process(workspace: &Workspace, profile: Profile, short: bool) -> Result<Vec<Figure>> {
    let built = web::build(workspace, &web::Options::default())?;
    let binary = dev::server(workspace, profile)?;
    let mut server = DevServer::start(&binary, &built.folder, &[])?;
    let rounds = if short { 1 } else { 7 };
    let mut starts = Vec::new();
    for _ in 0..rounds {
        server = server.restart(&binary, &built.folder)?;
        starts.push(server.time_to_ready.as_secs_f64());
    }
    // Start-up work has settled and pages freed by it are returned.
    let rest = if short { 1 } else { 10 };
    say(format!("letting the server rest for {rest} s"));
    thread::sleep(Duration::from_secs(rest));
    let memory = machine::resident_bytes(server.id())?;
    Ok(vec![
        Figure::new(IDLE_MEMORY, memory as f64 / 1e6),
        Figure::new(
            WARM_START,
            median(&mut starts).context("at least one start")?,
        ),
        Figure::new(WEB_FIRST_LOAD, built.first_load as f64 / 1024.0),
    ])
}

fn run_programs(workspace: &Workspace, profile: Profile) -> Result<Vec<Figure>> {
    say(format!("running {}", PROGRAMS.join(", ")));
    printed(&mut programs(workspace, profile, &PROGRAMS))
}

/// Of the same selection of crates as the tests, so that what they share is compiled once.
fn programs(workspace: &Workspace, profile: Profile, names: &[&str]) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args(["bench", "--profile", profile.name()]);
    cargo.args(["--workspace", "--exclude", "t11-web"]);
    cargo.args(names.iter().flat_map(|name| ["--bench", name]));
    // The queue would be on it, and no longer beside its peer.
    cargo.env_remove("T11_TEST_DATABASE_URL");
    cargo
}

/// Runs a program that prints figures.
fn printed(program: &mut Command) -> Result<Vec<Figure>> {
    let printed = shell::output(program)?;
    print!("{printed}");
    Ok(printed.lines().flat_map(parse).collect())
}

/// The numbers of a JSON line; other lines are for people.
fn parse(line: &str) -> Vec<Figure> {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
        return Vec::new();
    };
    let Some(bench) = fields.get("bench").and_then(Value::as_str) else {
        return Vec::new();
    };
    let numbers = fields
        .iter()
        .filter_map(|(field, value)| Some((field, value.as_f64()?)));
    numbers
        .map(|(field, value)| Figure {
            name: format!("{bench}/{field}"),
            value,
        })
        .collect()
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// A Markdown table, as the README shows it.
fn table(goals: &[&Goal], figures: &[Figure]) -> Result<String> {
    let mut lines = vec![
        "| figure | measured | goal | |".to_owned(),
        "| --- | --- | --- | --- |".to_owned(),
    ];
    for Goal {
        name,
        about,
        unit,
        bound,
        ..
    } in goals
    {
        let figure = figures.iter().find(|figure| figure.name == *name);
        let value = figure
            .with_context(|| format!("no bench printed `{name}`"))?
            .value;
        let (goal, is_met) = match bound {
            Bound::AtMost(limit) => (format!("≤ {limit}"), value <= *limit),
            Bound::AtLeast(limit) => (format!("≥ {limit}"), value >= *limit),
        };
        let verdict = if is_met { "met" } else { "missed" };
        lines.push(format!(
            "| {about} | {value:.2} {unit} | {goal} {unit} | {verdict} |"
        ));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_among_other_lines() {
        let figures = parse(r#"{"bench": "search lexical", "p99_ms": 12.5, "unit": "ms"}"#);
        assert_eq!(figures.len(), 1);
        assert_eq!(
            (figures[0].name.as_str(), figures[0].value),
            ("search lexical/p99_ms", 12.5)
        );
        assert!(parse("running 0 tests").is_empty());
        assert!(parse("[1, 2]").is_empty());
    }

    #[test]
    fn the_table_says_what_was_missed() {
        let goals: Vec<_> = GOALS
            .iter()
            .filter(|goal| matches!(goal.part, Part::Process | Part::Programs))
            .collect();
        let figures: Vec<_> = goals
            .iter()
            .map(|goal| Figure::new(goal.name, 3.0))
            .collect();
        let table = table(&goals, &figures).unwrap();
        assert_eq!(table.matches("| missed |").count(), 2, "{table}");
        assert!(
            table.contains("| ingestion of text | 3.00 MB/s | ≥ 2 MB/s | met |"),
            "{table}"
        );
    }

    #[test]
    fn a_figure_that_nobody_measured_is_an_error() {
        assert!(table(&[&GOALS[0]], &[]).is_err());
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut []), None);
    }
}
