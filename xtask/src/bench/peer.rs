//! The queue beside BullMQ, in one run: the same payload, jobs and workers, each side on a server
//! of its own.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use super::{Figure, median, printed, programs};
use crate::dev::Profile;
use crate::provision;
use crate::running::{self, Running};
use crate::shell::say;
use crate::workspace::Workspace;

const MODULES: [&str; 2] = ["bullmq@6.7.0", "ioredis@5.11.1"];
const SCRIPT: &str = "services/jobs/benches/bullmq/bench.mjs";
/// What Redis acknowledges is on disk: always as with our queue, or up to a second later.
const DURABILITIES: [&str; 2] = ["always", "everysec"];
const PATIENCE: Duration = Duration::from_secs(20);

/// How often each side is measured, by turns; the median counts.
const ROUNDS: usize = 3;

/// What the two are compared by.
const RATIOS: [&str; 4] = [
    "enqueue_batched_per_s",
    "enqueue_singly_per_s",
    "process_per_s",
    "start_p50_ms",
];

/// The figures of both sides, and ours in terms of theirs: `queue beside bullmq always/…`. Crashes,
/// which take minutes, are left out in short.
pub(super) fn run(workspace: &Workspace, profile: Profile, short: bool) -> Result<Vec<Figure>> {
    provision::program("redis-server", "redis-server")?;
    provision::program("node", "nodejs")?;
    let modules = provision::npm(&workspace.cache, "bullmq", &MODULES)?;
    let peer = |server: &Redis, task: &str| {
        let mut node = Command::new("node");
        node.args([SCRIPT, task, server.durability]);
        node.current_dir(&workspace.root);
        node.env("NODE_PATH", &modules);
        node.env("REDIS_URL", format!("redis://127.0.0.1:{}", server.port));
        printed(&mut node)
    };
    let ours = |task: &str| printed(programs(workspace, profile, &["queue"]).args(["--", task]));
    let servers = DURABILITIES.map(Redis::start);
    let servers = servers.into_iter().collect::<Result<Vec<_>>>()?;
    let mut figures = Vec::new();
    for _ in 0..if short { 1 } else { ROUNDS } {
        figures.extend(ours("rates")?);
        for server in &servers {
            figures.extend(peer(server, "rates")?);
        }
    }
    let mut figures = medians(figures);
    figures.extend(ratios(&figures));
    if !short {
        figures.extend(ours("crashes")?);
        figures.extend(peer(&servers[0], "crashes")?);
    }
    Ok(figures)
}

/// One figure of each name, in the order in which they were first measured.
fn medians(figures: Vec<Figure>) -> Vec<Figure> {
    let mut by_name: Vec<(String, Vec<f64>)> = Vec::new();
    for Figure { name, value } in figures {
        match by_name.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => by_name.push((name, vec![value])),
        }
    }
    let middle = |(name, mut values): (String, Vec<f64>)| {
        let value = median(&mut values)?;
        Some(Figure { name, value })
    };
    by_name.into_iter().filter_map(middle).collect()
}

fn ratios(figures: &[Figure]) -> Vec<Figure> {
    let value = |bench: &str, field: &str| {
        let name = format!("{bench}/{field}");
        let figure = figures.iter().find(|figure| figure.name == name)?;
        Some(figure.value)
    };
    let pairs = DURABILITIES.iter().flat_map(|durability| {
        let peer = format!("bullmq {durability}");
        RATIOS.map(|field| (peer.clone(), field))
    });
    pairs
        .filter_map(|(peer, field)| {
            let ratio = value("queue", field)? / value(&peer, field)?;
            Some(Figure::new(&format!("queue beside {peer}/{field}"), ratio))
        })
        .collect()
}

/// A Redis that keeps a log of what it is told. The process is declared before its folder: it ends
/// before the folder is removed.
struct Redis {
    _process: Running,
    _folder: TempDir,
    durability: &'static str,
    port: u16,
}

impl Redis {
    fn start(durability: &'static str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("t11-redis-").tempdir()?;
        let port = running::free_port()?;
        let mut command = running::tied("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "yes"]);
        command.args(["--appendfsync", durability, "--dir"]);
        command.arg(folder.path());
        let mut process = Running::start("redis", command.stdout(Stdio::null()))?;
        process.wait_until(PATIENCE, || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        })?;
        say(format!("redis, appendfsync {durability}, on port {port}"));
        Ok(Self {
            _process: process,
            _folder: folder,
            durability,
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_is_its_median_and_then_compared() {
        let of = |rates: [f64; 3], name: &str| rates.map(|rate| Figure::new(name, rate));
        let mut figures = Vec::new();
        figures.extend(of([30.0, 20.0, 90.0], "queue/process_per_s"));
        figures.extend(of([10.0, 10.0, 1.0], "bullmq always/process_per_s"));
        let figures = medians(figures);
        assert_eq!(figures.len(), 2);
        let ratios = ratios(&figures);
        assert_eq!(ratios.len(), 1, "what one side alone has is not compared");
        assert_eq!(
            (ratios[0].name.as_str(), ratios[0].value),
            ("queue beside bullmq always/process_per_s", 3.0)
        );
    }
}
