//! What goes wrong in a run, drawn from its seed.

use std::time::Duration;

use chrono::DateTime;
use t11_core::ManualWorld;
use t11_core::world::Entropy as _;
use turmoil::Sim;

use crate::bed::Bed;

/// Numbers of a seed.
pub(crate) struct Dice(std::sync::Arc<ManualWorld>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ManualWorld::new(
            DateTime::UNIX_EPOCH,
            seed.wrapping_mul(0x9e37),
        ))
    }

    pub(crate) fn below(&self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % limit
    }

    fn millis(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Crash(&'static str),
    Partition(&'static str, &'static str),
    /// Only what goes from the first to the second is lost.
    OneWay(&'static str, &'static str),
    /// So many of a thousand commits fail.
    Commits(u64),
}

/// One fault, and when it begins and ends.
struct Planned {
    fault: Fault,
    begin: Duration,
    end: Duration,
    has_begun: bool,
}

/// All faults of a run.
pub(crate) struct Plan {
    ahead: Vec<Planned>,
    /// How many have begun.
    pub(crate) met: u64,
}

const HOSTS: [&str; 3] = ["jobs", "notes-1", "notes-2"];
const LINKS: [(&str, &str); 6] = [
    ("notes-1", "jobs"),
    ("jobs", "notes-1"),
    ("notes-2", "jobs"),
    ("jobs", "notes-2"),
    ("client", "notes-1"),
    ("notes-2", "client"),
];

impl Plan {
    pub(crate) fn draw(dice: &Dice) -> Self {
        let faults = 3 + dice.below(6);
        let ahead = (0..faults).map(|_| {
            let begin = dice.millis(100, 25_000);
            let pick = usize::try_from(dice.below(60)).unwrap();
            let (from, to) = LINKS[pick % LINKS.len()];
            let (fault, lasts) = match dice.below(5) {
                0 | 1 => (
                    Fault::Crash(HOSTS[pick % HOSTS.len()]),
                    dice.millis(50, 4_000),
                ),
                2 => (Fault::Partition(from, to), dice.millis(200, 22_000)),
                3 => (Fault::OneWay(from, to), dice.millis(200, 22_000)),
                _ => (
                    Fault::Commits(50 + dice.below(250)),
                    dice.millis(500, 5_000),
                ),
            };
            Planned {
                fault,
                begin,
                end: begin + lasts,
                has_begun: false,
            }
        });
        Self {
            ahead: ahead.collect(),
            met: 0,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ahead.is_empty()
    }

    /// Begins and ends what is due.
    pub(crate) fn apply(&mut self, sim: &mut Sim<'_>, bed: &Bed) {
        let now = sim.elapsed();
        for planned in &mut self.ahead {
            if !planned.has_begun && planned.begin <= now {
                planned.has_begun = true;
                self.met += 1;
                begin(sim, bed, planned.fault);
            }
        }
        let mut at = 0;
        while at < self.ahead.len() {
            if self.ahead[at].end <= now {
                let ended = self.ahead.remove(at);
                end(sim, bed, ended.fault);
            } else {
                at += 1;
            }
        }
    }
}

fn begin(sim: &mut Sim<'_>, bed: &Bed, fault: Fault) {
    match fault {
        Fault::Crash(host) => sim.crash(host),
        Fault::Partition(one, other) => sim.partition(one, other),
        Fault::OneWay(from, to) => sim.partition_oneway(from, to),
        Fault::Commits(per_mille) => bed.spoil_commits(per_mille),
    }
}

fn end(sim: &mut Sim<'_>, bed: &Bed, fault: Fault) {
    match fault {
        Fault::Crash(host) => sim.bounce(host),
        Fault::Partition(one, other) => sim.repair(one, other),
        Fault::OneWay(from, to) => sim.repair_oneway(from, to),
        Fault::Commits(_) => bed.spoil_commits(0),
    }
}
