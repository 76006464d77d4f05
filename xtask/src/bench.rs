//! `cargo xtask bench`: measures the figures of the README against their goals.
//!
//! What the whole process shows from outside (memory, start) is measured here. What needs the inside
//! is measured by bench programs (`harness = false`), which print lines of the form
//! `figure <name> <value>`, in the unit of the table below, and take `--short`.

mod machine;

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::dev::{self, Profile};
use crate::server::DevServer;
use crate::shell::{self, say};
use crate::web;
use crate::workspace::Workspace;

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Fewer rounds and a quicker build: shows that the benchmarks run, not how fast things are.
    #[arg(long)]
    pub(crate) short: bool,
}

struct Goal {
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
        name: "rest_added_p99",
        about: "REST through edge above the RPC in process, p99",
        unit: "ms",
        bound: Bound::AtMost(1.0),
    },
    Goal {
        name: "ingest_rate",
        about: "ingestion of text",
        unit: "MB/s",
        bound: Bound::AtLeast(2.0),
    },
    Goal {
        name: "search_p99",
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

/// Bench programs: crate, name, and the source that must exist for it.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("t11-tests", "rest", "tests/benches/rest.rs"),
    ("t11-agents", "ingest", "services/agents/benches/ingest.rs"),
    ("t11-agents", "search", "services/agents/benches/search.rs"),
];

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
    for (package, name, source) in PROGRAMS {
        if !workspace.root.join(source).is_file() {
            bail!("{source} is missing: it measures a figure of the README");
        }
        let printed = run_program(workspace, package, name, profile, options.short)?;
        figures.extend(printed.lines().filter_map(parse));
    }
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

fn run_program(
    workspace: &Workspace,
    package: &str,
    name: &str,
    profile: Profile,
    short: bool,
) -> Result<String> {
    say(format!("bench {package}/{name}"));
    let mut cargo = workspace.cargo();
    cargo.args([
        "bench",
        "--package",
        package,
        "--bench",
        name,
        "--profile",
        profile.name(),
        "--",
    ]);
    if short {
        cargo.arg("--short");
    }
    let printed = shell::output(&mut cargo)?;
    print!("{printed}");
    Ok(printed)
}

/// `figure <name> <value>`; other lines are for people.
fn parse(line: &str) -> Option<Figure> {
    let mut words = line.strip_prefix("figure ")?.split_whitespace();
    let name = words.next()?.to_owned();
    Some(Figure {
        name,
        value: words.next()?.parse().ok()?,
    })
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
            .with_context(|| format!("no bench printed `figure {name} …`"))?
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
        let figure = parse("figure search_p99 12.5").unwrap();
        assert_eq!((figure.name.as_str(), figure.value), ("search_p99", 12.5));
        assert!(parse("a figure of speech 3").is_none());
        assert!(parse("figure search_p99 fast").is_none());
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
