//! Jobs on their way into the queue. A commit costs one job as much as many, so what calls bring
//! while others are being written waits, and then goes into one transaction with whatever else has
//! come. A call that comes alone waits for nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::job::NewJob;
use crate::store::Enqueued;

/// A transaction that carries this many jobs takes no further call.
const ENOUGH: usize = 512;

/// What a call is answered.
pub(crate) type Answer = Result<Vec<Enqueued>, Error>;

/// Calls that wait to be written.
pub(crate) struct Arrivals {
    most_writers: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arrival>,
    writers: usize,
}

/// One call.
pub(crate) struct Arrival {
    pub(crate) jobs: Vec<NewJob>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

impl Arrivals {
    /// Written in at most `most_writers` transactions at once.
    pub(crate) fn new(most_writers: usize) -> Self {
        Self {
            most_writers,
            state: Mutex::default(),
        }
    }

    /// Adds a call, whose answer comes through `answer`. Whoever gets a writer has it write.
    pub(crate) fn add(
        self: &Arc<Self>,
        jobs: Vec<NewJob>,
        answer: oneshot::Sender<Answer>,
    ) -> Option<Writer> {
        let mut state = self.state.lock();
        state.waiting.push_back(Arrival { jobs, answer });
        if state.writers == self.most_writers {
            return None;
        }
        state.writers += 1;
        Some(Writer {
            arrivals: self.clone(),
            has_ended: false,
        })
    }
}

/// The right to write calls until none is left.
pub(crate) struct Writer {
    arrivals: Arc<Arrivals>,
    has_ended: bool,
}

impl Writer {
    /// The calls of the next transaction; `None` when nobody waits, which ends the right.
    pub(crate) fn next(&mut self) -> Option<Vec<Arrival>> {
        let mut state = self.arrivals.state.lock();
        let mut calls = Vec::new();
        let mut jobs = 0;
        while jobs < ENOUGH
            && let Some(call) = state.waiting.pop_front()
        {
            jobs += call.jobs.len();
            calls.push(call);
        }
        if calls.is_empty() {
            state.writers -= 1;
            self.has_ended = true;
            return None;
        }
        Some(calls)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.has_ended {
            self.arrivals.state.lock().writers -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::tests::new_job;

    fn arrivals() -> Arc<Arrivals> {
        Arc::new(Arrivals::new(1))
    }

    fn add(arrivals: &Arc<Arrivals>, jobs: usize) -> Option<Writer> {
        arrivals.add(vec![new_job(); jobs], oneshot::channel().0)
    }

    fn sizes(calls: &[Arrival]) -> Vec<usize> {
        calls.iter().map(|call| call.jobs.len()).collect()
    }

    #[test]
    fn what_comes_while_another_writes_is_written_together() {
        let arrivals = arrivals();
        let mut writer = add(&arrivals, 1).unwrap();
        assert_eq!(sizes(&writer.next().unwrap()), [1]);
        assert!(add(&arrivals, 2).is_none(), "there is one who writes");
        assert!(add(&arrivals, 3).is_none());
        assert_eq!(sizes(&writer.next().unwrap()), [2, 3]);
        assert!(writer.next().is_none());
        assert!(add(&arrivals, 1).is_some(), "nobody writes any more");
    }

    #[test]
    fn a_transaction_is_full_at_some_point() {
        let arrivals = arrivals();
        let mut writer = add(&arrivals, 500).unwrap();
        add(&arrivals, 500);
        add(&arrivals, 1);
        assert_eq!(sizes(&writer.next().unwrap()), [500, 500]);
        assert_eq!(sizes(&writer.next().unwrap()), [1]);
    }

    #[test]
    fn a_writer_that_is_dropped_makes_room_for_another() {
        let arrivals = arrivals();
        drop(add(&arrivals, 1));
        let mut writer = add(&arrivals, 2).unwrap();
        assert_eq!(sizes(&writer.next().unwrap()), [1, 2]);
    }
}
