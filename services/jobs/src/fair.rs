//! Fairness between organizations: stride scheduling.
//!
//! Each organization that can run jobs of a queue has a *pass*; the lowest is served, and its pass
//! moves by a stride that is the smaller the greater its weight. So organizations take turns
//! however many jobs each has (Waldspurger and Weihl, "Stride Scheduling", 1995). One that comes
//! back to the queue starts at the lowest pass there: waiting elsewhere earns nothing. One that is
//! paused or at its cap is not looked at at all, so it cannot fill the window of those to serve.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use t11_core::OrgId;

use crate::job::State;

/// How far one job moves the pass of an organization of weight 1.
const STRIDE: i64 = 1 << 20;

/// What an organization may have of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Twice the weight, twice the turns. At least 1.
    pub weight: u32,
    /// Most jobs running at once.
    pub max_running: i64,
}

/// An organization's line at a queue: its place among the others, and how many jobs it has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub org: OrgId,
    pub queue: String,
    pub pass: i64,
    pub paused: bool,
    /// Whether it has a job that may start now, kept in the row so that the others cost nothing.
    pub runnable: bool,
    pub scheduled: i64,
    pub ready: i64,
    pub blocked: i64,
    pub running: i64,
    pub retrying: i64,
    pub dead: i64,
}

impl Line {
    /// An empty line.
    pub fn new(org: OrgId, queue: &str) -> Self {
        Self {
            org,
            queue: queue.to_owned(),
            pass: 0,
            paused: false,
            runnable: false,
            scheduled: 0,
            ready: 0,
            blocked: 0,
            running: 0,
            retrying: 0,
            dead: 0,
        }
    }

    /// Counts a job that goes from one state to another; `None` is outside of the table.
    pub fn moved(&mut self, from: Option<State>, to: Option<State>) {
        if let Some(count) = from.and_then(|state| self.count(state)) {
            *count -= 1;
        }
        if let Some(count) = to.and_then(|state| self.count(state)) {
            *count += 1;
        }
    }

    /// Sets the count of a state.
    pub fn set(&mut self, state: State, jobs: i64) {
        if let Some(count) = self.count(state) {
            *count = jobs;
        }
    }

    /// How many of its jobs may start now.
    pub fn startable(&self, share: Share) -> i64 {
        if self.paused {
            0
        } else {
            self.ready.min(share.max_running - self.running).max(0)
        }
    }

    /// Joins those who can be served, of whom the least served stands at `floor`.
    pub fn join(&mut self, floor: i64) {
        self.pass = self.pass.max(floor);
        self.runnable = true;
    }

    /// Pays for `jobs` started.
    pub fn charge(&mut self, jobs: i64, share: Share) {
        self.pass += jobs * stride(share);
    }

    /// The count of a state; what has ended well is not counted.
    fn count(&mut self, state: State) -> Option<&mut i64> {
        match state {
            State::Scheduled => Some(&mut self.scheduled),
            State::Ready => Some(&mut self.ready),
            State::Blocked => Some(&mut self.blocked),
            State::Running => Some(&mut self.running),
            State::Retrying => Some(&mut self.retrying),
            State::Dead => Some(&mut self.dead),
            State::Succeeded | State::Cancelled => None,
        }
    }
}

fn stride(share: Share) -> i64 {
    STRIDE / i64::from(share.weight.max(1))
}

/// Gives `slots` to the lines, turn by turn: the index of the line whose turn each is. With equal
/// passes the earlier line goes first.
pub fn allocate(lines: &[(Line, Share)], slots: usize) -> Vec<usize> {
    let mut left: Vec<_> = lines
        .iter()
        .map(|(line, share)| line.startable(*share))
        .collect();
    let mut waiting: BinaryHeap<_> = lines
        .iter()
        .enumerate()
        .filter(|(index, _)| left[*index] > 0)
        .map(|(index, (line, _))| Reverse((line.pass, index)))
        .collect();
    let mut turns = Vec::new();
    while turns.len() < slots
        && let Some(Reverse((pass, index))) = waiting.pop()
    {
        turns.push(index);
        left[index] -= 1;
        if left[index] > 0 {
            waiting.push(Reverse((pass + stride(lines[index].1), index)));
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const SHARE: Share = Share {
        weight: 1,
        max_running: 1_000_000,
    };

    fn line(org: u128, pass: i64, ready: i64) -> Line {
        let mut line = Line::new(OrgId(Uuid::from_u128(org)), "agents");
        (line.pass, line.ready) = (pass, ready);
        line
    }

    fn allocate(lines: &[(Line, Share)], slots: usize) -> Vec<i64> {
        let mut given = vec![0; lines.len()];
        for index in super::allocate(lines, slots) {
            given[index] += 1;
        }
        given
    }

    #[test]
    fn a_small_line_takes_turns_with_a_flood() {
        let lines = [(line(1, 0, 10_000), SHARE), (line(2, 0, 10), SHARE)];
        assert_eq!(allocate(&lines, 20), [10, 10]);
    }

    #[test]
    fn weight_is_worth_turns() {
        let heavy = Share { weight: 3, ..SHARE };
        let lines = [(line(1, 0, 100), heavy), (line(2, 0, 100), SHARE)];
        assert_eq!(allocate(&lines, 40), [30, 10]);
    }

    #[test]
    fn paused_and_full_lines_get_nothing() {
        let capped = Share {
            max_running: 5,
            ..SHARE
        };
        let mut full = line(1, 0, 100);
        full.running = 5;
        let mut paused = line(2, 0, 100);
        paused.paused = true;
        let lines = [(full, capped), (paused, SHARE), (line(3, 9, 3), capped)];
        assert_eq!(allocate(&lines, 10), [0, 0, 3]);
    }

    #[test]
    fn coming_back_earns_no_credit_and_costs_none() {
        let mut rested = line(1, 5, 0);
        rested.join(100);
        assert_eq!(rested.pass, 100);
        let mut ahead = line(1, 500, 0);
        ahead.join(100);
        assert_eq!(ahead.pass, 500);
    }

    proptest! {
        /// Between lines that never run dry, service differs by one turn at most.
        #[test]
        fn nobody_is_more_than_a_turn_behind(lines in 1usize..8, rounds in prop::collection::vec(1usize..30, 1..20)) {
            let mut lines: Vec<_> =
                (0..lines).map(|n| (line(n as u128, 0, i64::from(u16::MAX)), SHARE)).collect();
            let mut served = vec![0; lines.len()];
            for slots in rounds {
                lines.sort_by_key(|(line, _)| line.pass);
                let given = allocate(&lines, slots);
                prop_assert_eq!(given.iter().sum::<i64>(), i64::try_from(slots).unwrap());
                for ((line, share), jobs) in lines.iter_mut().zip(given) {
                    line.charge(jobs, *share);
                    served[usize::try_from(line.org.0.as_u128()).unwrap()] += jobs;
                }
            }
            let most = served.iter().max().copied().unwrap_or(0);
            let least = served.iter().min().copied().unwrap_or(0);
            prop_assert!(most - least <= 1, "{:?}", served);
        }

        #[test]
        fn nothing_is_given_beyond_what_may_start(ready in prop::collection::vec((0i64..20, 0i64..20), 1..8), slots in 0usize..100) {
            let share = Share { weight: 1, max_running: 10 };
            let lines: Vec<_> = ready.iter().enumerate().map(|(n, (ready, running))| {
                let mut line = line(n as u128, 0, *ready);
                line.running = *running;
                (line, share)
            }).collect();
            let given = allocate(&lines, slots);
            let startable: Vec<_> = lines.iter().map(|(line, share)| line.startable(*share)).collect();
            prop_assert!(given.iter().zip(&startable).all(|(given, may)| given <= may));
            let all: i64 = startable.iter().sum();
            prop_assert_eq!(given.iter().sum::<i64>(), all.min(i64::try_from(slots).unwrap()));
        }
    }
}
