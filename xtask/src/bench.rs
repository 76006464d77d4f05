//! `cargo xtask bench`: measures the figures of the README against their goals.
//!
//! What the whole process shows from outside (memory, start) is measured here. What needs the inside
//! is measured by bench programs (`harness = false`), which print one JSON object a line:
//! `{"bench": "search lexical", "p99_ms": 1.5}`. The goals below name such figures as `bench/field`.

mod machine;

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
    /// A quicker build and fewer starts: shows that the benchmarks run, not how fast things are.
    #[arg(long)]
    pub(crate) short: bool,
}

struct Goal {
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
    Goal {
        name: IDLE_MEMORY,
        about: "idle memory of the whole dev process",
        unit: "MB",
        bound: Bound::AtMost(120.0),
    },
    Goal {
        name: WARM_START,
        about: "warm start to ready, median",
        unit: "s",
        bound: Bound::AtMost(1.5),
    },
    Goal {
        name: "rest through edge/added_p99_ms",
        about: "REST through edge above the RPC in process, p99",
        unit: "ms",
        bound: Bound::AtMost(1.0),
    },
    Goal {
        name: "ingest all/mb_per_s",
        about: "ingestion of text",
        unit: "MB/s",
        bound: Bound::AtLeast(2.0),
    },
    Goal {
        name: "search lexical/p99_ms",
        about: "search over 100,000 chunks, p99",
        unit: "ms",
        bound: Bound::AtMost(20.0),
    },
    Goal {
        name: WEB_FIRST_LOAD,
        about: "first load of the web client, brotli",
        unit: "KiB",
        bound: Bound::AtMost(450.0),
    },
];

/// Crates with bench programs, and those programs.
const PACKAGES: [&str; 3] = ["t11-agents", "t11-jobs", "t11-tests"];
const PROGRAMS: [&str; 4] = ["rest", "ingest", "search", "queue"];

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
        Profile::Quick
    } else {
        Profile::Release
    };
    let mut figures = whole_process(workspace, profile, options.short)?;
    let printed = run_programs(workspace, profile)?;
    figures.extend(printed.lines().flat_map(parse));
    println!("\n{}", machine::describe(profile)?);
    println!("{}", table(&figures)?);
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

/// In one cargo run, so that what they share is compiled once.
fn run_programs(workspace: &Workspace, profile: Profile) -> Result<String> {
    say(format!("running {}", PROGRAMS.join(", ")));
    let mut cargo = workspace.cargo();
    cargo.args(["bench", "--profile", profile.name()]);
    cargo.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    cargo.args(PROGRAMS.iter().flat_map(|program| ["--bench", program]));
    let printed = shell::output(&mut cargo)?;
    print!("{printed}");
    Ok(printed)
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
fn table(figures: &[Figure]) -> Result<String> {
    let mut lines = vec![
        "| figure | measured | goal | |".to_owned(),
        "| --- | --- | --- | --- |".to_owned(),
    ];
    for Goal {
        name,
        about,
        unit,
        bound,
    } in GOALS
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
        let figures: Vec<_> = GOALS
            .iter()
            .map(|goal| Figure::new(goal.name, 3.0))
            .collect();
        let table = table(&figures).unwrap();
        assert_eq!(table.matches("| missed |").count(), 2, "{table}");
        assert!(
            table.contains("| ingestion of text | 3.00 MB/s | ≥ 2 MB/s | met |"),
            "{table}"
        );
    }

    #[test]
    fn a_figure_that_nobody_measured_is_an_error() {
        assert!(table(&[]).is_err());
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut []), None);
    }
}
