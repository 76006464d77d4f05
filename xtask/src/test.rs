//! `cargo xtask test`: every check there is, one after the other. A failed step does not keep the
//! later ones from running, so that one run tells all.

mod steps;
mod verdicts;

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::servers::Servers;
use crate::shell::say;
use crate::workspace::Workspace;

use steps::STEPS;

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Run these steps only; may be given several times. See `--list`.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Only the steps that need nothing installed and no second build.
    #[arg(long, conflicts_with = "only")]
    fast: bool,
    /// Name the steps and end.
    #[arg(long)]
    list: bool,
}

/// What steps share. Servers are started by the first step that asks.
struct Lab<'a> {
    workspace: &'a Workspace,
    servers: Option<Servers>,
}

impl<'a> Lab<'a> {
    fn servers(&mut self) -> Result<&Servers> {
        let started = match self.servers.take() {
            Some(started) => started,
            None => Servers::start()?,
        };
        Ok(self.servers.insert(started))
    }
}

struct Step {
    name: &'static str,
    about: &'static str,
    is_fast: bool,
    run: fn(&mut Lab<'_>) -> Result<()>,
}

struct Outcome {
    name: &'static str,
    took: Duration,
    result: Result<()>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.list {
        for step in STEPS {
            println!("{:<11} {}", step.name, step.about);
        }
        return Ok(());
    }
    let steps = chosen(options)?;
    let mut lab = Lab {
        workspace,
        servers: None,
    };
    let outcomes: Vec<_> = steps
        .into_iter()
        .map(|step| perform(step, &mut lab))
        .collect();
    drop(lab);
    report(&outcomes)
}

fn chosen(options: &Options) -> Result<Vec<&'static Step>> {
    for name in &options.only {
        let is_known = STEPS.iter().any(|step| step.name == name);
        ensure!(
            is_known,
            "there is no step `{name}`; `cargo xtask test --list` names them"
        );
    }
    let is_chosen = |step: &&Step| {
        let is_named = options.only.is_empty() || options.only.iter().any(|name| name == step.name);
        is_named && (step.is_fast || !options.fast)
    };
    Ok(STEPS.iter().filter(is_chosen).collect())
}

fn perform(step: &Step, lab: &mut Lab<'_>) -> Outcome {
    println!();
    say(format!("== {}: {}", step.name, step.about));
    let start = Instant::now();
    let result = (step.run)(lab);
    let took = start.elapsed();
    if let Err(error) = &result {
        say(format!("== {} failed: {error:#}", step.name));
    }
    Outcome {
        name: step.name,
        took,
        result,
    }
}

/// The last line is the one that machines count.
fn report(outcomes: &[Outcome]) -> Result<()> {
    println!();
    for Outcome { name, took, result } in outcomes {
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        println!("{name:<11} {:>7.1} s  {verdict}", took.as_secs_f32());
    }
    let failures = outcomes
        .iter()
        .filter_map(|Outcome { name, result, .. }| Some((name, result.as_ref().err()?)));
    let mut failed = 0;
    for (name, error) in failures {
        println!("\n{name}: {error:#}");
        failed += 1;
    }
    println!("steps: {} passed, {failed} failed", outcomes.len() - failed);
    if failed > 0 {
        bail!("{failed} of {} steps failed", outcomes.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(only: &[&str], fast: bool) -> Options {
        let only = only.iter().map(|name| (*name).to_owned()).collect();
        Options {
            only,
            fast,
            list: false,
        }
    }

    #[test]
    fn steps_are_chosen_by_name_or_speed() {
        let names = |options: &Options| -> Vec<_> {
            chosen(options)
                .unwrap()
                .iter()
                .map(|step| step.name)
                .collect()
        };
        assert_eq!(
            names(&options(&["tidy", "format"], false)),
            ["format", "tidy"]
        );
        assert_eq!(names(&options(&[], false)).len(), STEPS.len());
        let fast = names(&options(&[], true));
        assert!(
            fast.contains(&"sqlite") && !fast.contains(&"browser"),
            "{fast:?}"
        );
        assert!(chosen(&options(&["nonsense"], false)).is_err());
    }

    #[test]
    fn a_failed_step_fails_the_run() {
        let outcome = |result| Outcome {
            name: "tidy",
            took: Duration::ZERO,
            result,
        };
        assert!(report(&[outcome(Ok(()))]).is_ok());
        assert!(report(&[outcome(Ok(())), outcome(Err(anyhow::anyhow!("no")))]).is_err());
    }
}
