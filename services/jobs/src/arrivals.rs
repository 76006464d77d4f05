//! Calls on their way into the database. A commit costs one call as much as many, and an
//! organization is locked until it is flushed; so what comes while others are being written waits,
//! and then goes into one transaction with whatever else has come. A call that comes alone waits
//! for nothing.
//!
//! Workers for whom there is nothing wait here too, parked: whoever enqueues to their queue takes
//! some along, and they have the jobs by the commit that made them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::job::NewJob;
use crate::store::{Answer, Call, Enqueued, Patience, Round};

/// A transaction that carries this many jobs takes no further call.
const ENOUGH: usize = 512;
/// Workers that a transaction takes along for the jobs of one queue, at most.
const TAKEN_ALONG: usize = 8;

/// Calls that wait.
pub(crate) struct Arrivals {
    most_writers: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arrival>,
    parked: VecDeque<Exchange>,
    next_id: u64,
    writers: usize,
    /// Of the writers, those whose transaction takes long.
    slow: usize,
}

/// One call.
pub(crate) enum Arrival {
    Enqueue(Enqueue),
    Exchange(Exchange),
}

/// A call that brings jobs.
pub(crate) struct Enqueue {
    jobs: Vec<NewJob>,
    answer: oneshot::Sender<Result<Vec<Enqueued>, Error>>,
}

/// A call of a worker.
pub(crate) struct Exchange {
    id: u64,
    call: Call,
    patience: Patience,
    answer: oneshot::Sender<Result<Answer, Error>>,
}

/// The right to write calls until none is left.
pub(crate) struct Writer {
    arrivals: Arc<Arrivals>,
    is_slow: bool,
    has_ended: bool,
}

/// A worker's call on its way. When it is dropped before a transaction has begun, none begins.
pub(crate) struct Ticket {
    arrivals: Arc<Arrivals>,
    id: u64,
    pub(crate) answered: oneshot::Receiver<Result<Answer, Error>>,
}

impl Arrivals {
    /// Written in one transaction at a time while that does not take long, and then in at most
    /// `most_writers`.
    pub(crate) fn new(most_writers: usize) -> Self {
        Self {
            most_writers,
            state: Mutex::default(),
        }
    }

    /// Adds jobs. Whoever gets a writer has it write.
    pub(crate) fn enqueue(
        self: &Arc<Self>,
        jobs: Vec<NewJob>,
    ) -> (
        oneshot::Receiver<Result<Vec<Enqueued>, Error>>,
        Option<Writer>,
    ) {
        let (answer, answered) = oneshot::channel();
        let mut state = self.state.lock();
        let enqueue = Enqueue { jobs, answer };
        state.waiting.push_back(Arrival::Enqueue(enqueue));
        (answered, self.writer(&mut state))
    }

    /// Adds a worker's call. Whoever gets a writer has it write.
    pub(crate) fn exchange(
        self: &Arc<Self>,
        call: Call,
        patience: Patience,
    ) -> (Ticket, Option<Writer>) {
        let mut state = self.state.lock();
        let (ticket, exchange) = self.ticket(&mut state, call, patience);
        state.waiting.push_back(Arrival::Exchange(exchange));
        (ticket, self.writer(&mut state))
    }

    /// Parks a worker's call for which there is nothing.
    pub(crate) fn park(self: &Arc<Self>, call: Call) -> Ticket {
        let mut state = self.state.lock();
        let (ticket, exchange) = self.ticket(&mut state, call, Patience::Parked);
        state.parked.push_back(exchange);
        ticket
    }

    fn ticket(
        self: &Arc<Self>,
        state: &mut State,
        call: Call,
        patience: Patience,
    ) -> (Ticket, Exchange) {
        let (answer, answered) = oneshot::channel();
        let id = state.next_id;
        state.next_id += 1;
        let ticket = Ticket {
            arrivals: self.clone(),
            id,
            answered,
        };
        let exchange = Exchange {
            id,
            call,
            patience,
            answer,
        };
        (ticket, exchange)
    }

    fn writer(self: &Arc<Self>, state: &mut State) -> Option<Writer> {
        if state.waiting.is_empty()
            || state.writers > state.slow
            || state.writers == self.most_writers
        {
            return None;
        }
        state.writers += 1;
        Some(Writer {
            arrivals: self.clone(),
            is_slow: false,
            has_ended: false,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.arrivals.state.lock();
        state.parked.retain(|parked| parked.id != self.id);
        let is_other = |arrival: &Arrival| match arrival {
            Arrival::Exchange(exchange) => exchange.id != self.id,
            Arrival::Enqueue(_) => true,
        };
        state.waiting.retain(is_other);
    }
}

impl Writer {
    /// The calls of the next transaction; `None` when there is nothing to do for this writer,
    /// which ends the right.
    pub(crate) fn next(&mut self, now: DateTime<Utc>) -> Option<Vec<Arrival>> {
        let mut state = self.arrivals.state.lock();
        if std::mem::take(&mut self.is_slow) {
            state.slow -= 1;
        }
        // One writer is enough for those who wait, once it is no longer held up.
        let is_superfluous = state.writers > state.slow + 1;
        if is_superfluous || state.waiting.is_empty() {
            state.writers -= 1;
            self.has_ended = true;
            return None;
        }
        Some(state.next_calls(now))
    }

    /// Tells that the transaction takes long: another writer, if calls wait that need one.
    pub(crate) fn is_held_up(&mut self) -> Option<Writer> {
        let mut state = self.arrivals.state.lock();
        if !std::mem::replace(&mut self.is_slow, true) {
            state.slow += 1;
        }
        self.arrivals.writer(&mut state)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.has_ended {
            let mut state = self.arrivals.state.lock();
            state.writers -= 1;
            state.slow -= usize::from(self.is_slow);
        }
    }
}

impl State {
    /// Calls that go together: of no worker more than one, which would wait for itself.
    fn next_calls(&mut self, now: DateTime<Utc>) -> Vec<Arrival> {
        let mut calls = Vec::new();
        let mut left = VecDeque::new();
        let (mut jobs, mut workers) = (0, HashSet::new());
        while jobs < ENOUGH
            && let Some(arrival) = self.waiting.pop_front()
        {
            if let Arrival::Exchange(Exchange { call, .. }) = &arrival
                && !workers.insert(call.worker.clone())
            {
                left.push_back(arrival);
                continue;
            }
            jobs += arrival.weight();
            calls.push(arrival);
        }
        left.append(&mut self.waiting);
        self.waiting = left;
        self.take_along(&mut calls, &mut workers, now);
        calls
    }

    /// Adds parked workers that may start what is enqueued.
    fn take_along(
        &mut self,
        calls: &mut Vec<Arrival>,
        workers: &mut HashSet<String>,
        now: DateTime<Utc>,
    ) {
        if self.parked.is_empty() {
            return;
        }
        let mut places: HashMap<String, usize> = HashMap::new();
        let brought = calls.iter().flat_map(Arrival::brought);
        for job in brought.filter(|job| job.run_time.is_none_or(|time| time <= now)) {
            let places = places.entry(job.queue.clone()).or_default();
            *places = TAKEN_ALONG.min(*places + 1);
        }
        if places.is_empty() {
            return;
        }
        for parked in std::mem::take(&mut self.parked) {
            let wants = &parked.call.wants;
            let wanted = wants
                .iter()
                .find(|want| places.get(&want.queue).is_some_and(|places| *places > 0));
            let place = wanted.and_then(|want| places.get_mut(&want.queue));
            match place {
                Some(place) if workers.insert(parked.call.worker.clone()) => {
                    *place -= 1;
                    calls.push(Arrival::Exchange(parked));
                }
                _ => self.parked.push_back(parked),
            }
        }
    }
}

impl Arrival {
    fn weight(&self) -> usize {
        match self {
            Self::Enqueue(Enqueue { jobs, .. }) => jobs.len(),
            Self::Exchange(Exchange { call, .. }) => 1 + call.settlements.len(),
        }
    }

    fn brought(&self) -> &[NewJob] {
        match self {
            Self::Enqueue(Enqueue { jobs, .. }) => jobs,
            Self::Exchange(_) => &[],
        }
    }

    /// Fails the call.
    pub(crate) fn fail(self, error: Error) {
        match self {
            Self::Enqueue(Enqueue { answer, .. }) => tell(answer, Err(error)),
            Self::Exchange(Exchange { answer, .. }) => tell(answer, Err(error)),
        }
    }
}

/// What the calls ask of their transaction, in their order.
pub(crate) fn round(calls: &[Arrival]) -> Round {
    let mut round = Round::default();
    for call in calls {
        match call {
            Arrival::Enqueue(Enqueue { jobs, .. }) => round.enqueues.push(jobs.clone()),
            Arrival::Exchange(Exchange { call, patience, .. }) => {
                round.exchanges.push((call.clone(), *patience));
            }
        }
    }
    round
}

/// Answers the calls with what their transaction came to, in their order.
pub(crate) fn answer(
    calls: Vec<Arrival>,
    enqueued: Vec<Vec<Enqueued>>,
    answers: Vec<Result<Answer, Error>>,
) {
    let (mut enqueued, mut answers) = (enqueued.into_iter(), answers.into_iter());
    for call in calls {
        match call {
            Arrival::Enqueue(Enqueue { answer, .. }) => {
                if let Some(enqueued) = enqueued.next() {
                    tell(answer, Ok(enqueued));
                }
            }
            Arrival::Exchange(Exchange { answer, .. }) => {
                if let Some(answered) = answers.next() {
                    tell(answer, answered);
                }
            }
        }
    }
}

/// A caller that has gone away wants no answer.
fn tell<T>(caller: oneshot::Sender<T>, answer: T) {
    let _gone = caller.send(answer);
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::job::tests::new_job;
    use crate::store::Want;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn arrivals() -> Arc<Arrivals> {
        Arc::new(Arrivals::new(2))
    }

    fn job() -> NewJob {
        NewJob {
            run_time: Some(NOW),
            ..new_job()
        }
    }

    fn add(arrivals: &Arc<Arrivals>, jobs: usize) -> Option<Writer> {
        arrivals.enqueue(vec![job(); jobs]).1
    }

    fn call(worker: &str) -> Call {
        let want = Want {
            queue: new_job().queue,
            slots: 1,
        };
        Call {
            worker: worker.to_owned(),
            boot: Uuid::nil(),
            sequence: 1,
            settlements: Vec::new(),
            extensions: Vec::new(),
            wants: vec![want],
            leaving: false,
        }
    }

    /// Numbers of jobs, and names of workers.
    fn shapes(calls: &[Arrival]) -> Vec<String> {
        let shape = |call: &Arrival| match call {
            Arrival::Enqueue(Enqueue { jobs, .. }) => jobs.len().to_string(),
            Arrival::Exchange(Exchange { call, .. }) => call.worker.clone(),
        };
        calls.iter().map(shape).collect()
    }

    #[test]
    fn what_comes_while_another_writes_is_written_together() {
        let arrivals = arrivals();
        let mut writer = add(&arrivals, 1).unwrap();
        assert_eq!(shapes(&writer.next(NOW).unwrap()), ["1"]);
        assert!(add(&arrivals, 2).is_none(), "there is one who writes");
        let (_ticket, another) = arrivals.exchange(call("w"), Patience::Skip);
        assert!(another.is_none());
        assert_eq!(shapes(&writer.next(NOW).unwrap()), ["2", "w"]);
        assert!(writer.next(NOW).is_none());
        assert!(add(&arrivals, 1).is_some(), "nobody writes any more");
    }

    #[test]
    fn a_transaction_is_full_at_some_point() {
        let arrivals = arrivals();
        let mut writer = add(&arrivals, 500).unwrap();
        add(&arrivals, 500);
        add(&arrivals, 1);
        assert_eq!(shapes(&writer.next(NOW).unwrap()), ["500", "500"]);
        assert_eq!(shapes(&writer.next(NOW).unwrap()), ["1"]);
    }

    #[test]
    fn a_writer_that_is_dropped_makes_room_for_another() {
        let arrivals = arrivals();
        drop(add(&arrivals, 1));
        let mut writer = add(&arrivals, 2).unwrap();
        assert_eq!(shapes(&writer.next(NOW).unwrap()), ["1", "2"]);
    }

    #[test]
    fn a_writer_that_is_held_up_lets_another_begin_until_there_are_enough() {
        let arrivals = arrivals();
        let mut held_up = add(&arrivals, 1).unwrap();
        held_up.next(NOW).unwrap();
        assert!(held_up.is_held_up().is_none(), "nobody waits");
        let mut other = add(&arrivals, 2).unwrap();
        assert_eq!(shapes(&other.next(NOW).unwrap()), ["2"]);
        add(&arrivals, 3);
        assert!(other.is_held_up().is_none(), "there are as many as may be");
        assert_eq!(shapes(&held_up.next(NOW).unwrap()), ["3"]);
        add(&arrivals, 4);
        assert!(other.next(NOW).is_none(), "one is enough again");
        assert_eq!(shapes(&held_up.next(NOW).unwrap()), ["4"]);
    }

    #[test]
    fn two_calls_of_one_worker_do_not_meet() {
        let arrivals = arrivals();
        let (_first, writer) = arrivals.exchange(call("w"), Patience::Skip);
        let _others = ["w", "v"].map(|worker| arrivals.exchange(call(worker), Patience::Skip));
        let mut writer = writer.unwrap();
        assert_eq!(shapes(&writer.next(NOW).unwrap()), ["w", "v"]);
        assert_eq!(shapes(&writer.next(NOW).unwrap()), ["w"]);
    }

    #[test]
    fn who_waits_for_jobs_is_taken_along_by_those_who_bring_them() {
        let arrivals = arrivals();
        let mut elsewhere = call("elsewhere");
        elsewhere.wants[0].queue = "another".to_owned();
        let _waiting = [elsewhere, call("a"), call("b")].map(|call| arrivals.park(call));
        drop(arrivals.park(call("gone")));
        let mut writer = add(&arrivals, 1).unwrap();
        assert_eq!(shapes(&writer.next(NOW).unwrap()), ["1", "a"]);
        let mut later = new_job();
        later.run_time = Some(NOW + TimeDelta::seconds(1));
        drop(arrivals.enqueue(vec![later]));
        assert_eq!(
            shapes(&writer.next(NOW).unwrap()),
            ["1"],
            "nothing to start"
        );
        add(&arrivals, 5);
        assert_eq!(shapes(&writer.next(NOW).unwrap()), ["5", "b"]);
    }
}
