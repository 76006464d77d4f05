//! Keeps usage records, many in a commit, even when their caller has left. Until a record is kept,
//! what its call may cost stays reserved.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use t11_core::{Fault as _, FaultKind, OrgId, OrgScope, World};
use t11_store::StoreError;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::draw::{Draw, Settles};
use crate::money::NanoUsd;
use crate::store::{Entry, Store};
use crate::usage::CallRecord;

/// How long records wait for others to share a commit with, unless somebody waits for them.
const GATHERED: Duration = Duration::from_millis(50);
/// Before what could not be written is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// Records that could not be written for so long are given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes usage records. Clones are the same.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Shared>);

struct Shared {
    store: Store,
    world: World,
    /// From a call's end until its cost is first asked for.
    settle_delay: Duration,
    /// A call was kept to be settled.
    deferred: Arc<Notify>,
    queue: Mutex<HashMap<OrgId, Waiting>>,
    filled: Notify,
    /// Somebody waits for what is in the queue.
    hurried: Notify,
    /// Calls that run, and writes apart from the queue.
    running: TaskTracker,
    closed: CancellationToken,
}

/// What waits to be written for one organization, in its order.
#[derive(Default)]
struct Waiting {
    entries: Vec<Entry>,
    /// Who wants to know when it is.
    waiters: Vec<oneshot::Sender<()>>,
}

/// A record on its way; done when it is durable, or when it is known that it cannot be written.
pub(crate) struct Keeping(Option<oneshot::Receiver<()>>);

impl Keeping {
    /// There is nothing to be waited for.
    pub(crate) fn nothing() -> Self {
        Self(None)
    }

    /// The answer was given, and is not taken back when its record cannot be written.
    pub(crate) async fn kept(self) {
        if let Some(done) = self.0
            && done.await.is_err()
        {
            tracing::error!("the writing of a usage record was ended");
        }
    }
}

impl Ledger {
    pub(crate) fn new(store: Store, world: World, settle_delay: Duration) -> Self {
        Self(Arc::new(Shared {
            store,
            world,
            settle_delay,
            deferred: Arc::new(Notify::new()),
            queue: Mutex::default(),
            filled: Notify::new(),
            hurried: Notify::new(),
            running: TaskTracker::new(),
            closed: CancellationToken::new(),
        }))
    }

    /// Wakes when a call was kept to be settled.
    pub(crate) fn deferred(&self) -> Arc<Notify> {
        self.0.deferred.clone()
    }

    /// The draw of a call, whose end is waited for before the ledger is closed.
    pub(crate) fn watched(&self, draw: Draw) -> Draw {
        draw.watched(self.0.running.token())
    }

    /// Settles a call with its record, while the caller goes on. Who shares no reservation with
    /// others may ask for what it left at once, and waits until it is there.
    pub(crate) fn begin(&self, record: CallRecord, draw: Draw) -> Keeping {
        count(&record);
        let waits = !draw.is_shared();
        let entry = Entry {
            settles: draw.settle(record.bill.cost),
            record: Some(record),
        };
        let org = entry.settles.org;
        self.push(entry);
        match waits {
            true => Keeping(Some(self.waiter(org))),
            false => Keeping::nothing(),
        }
    }

    /// Settles a call that cost nothing and leaves no record.
    pub(crate) fn release(&self, draw: Draw) {
        let settles = draw.settle(NanoUsd(0));
        if settles.closes {
            self.give_back(settles);
        }
    }

    /// Gives back what nobody draws on any more.
    pub(crate) fn give_back(&self, settles: Settles) {
        self.push(Entry {
            record: None,
            settles,
        });
    }

    /// Keeps a call whose cost is to be asked for, while the caller goes on.
    pub(crate) fn defer(&self, scope: &OrgScope, record: CallRecord, draw: Draw) -> Keeping {
        count(&record);
        let (this, scope) = (self.clone(), scope.clone());
        let (done, keeping) = oneshot::channel();
        self.0.running.spawn(async move {
            let shared = &this.0;
            let first_try = shared.world.now() + shared.settle_delay;
            let kept = shared
                .store
                .defer(&scope, &shared.world, record.clone(), &draw, first_try);
            match kept.await {
                Ok(()) => {
                    let settles = draw.moved();
                    if settles.closes {
                        this.give_back(settles);
                    }
                    shared.deferred.notify_one();
                }
                // The sweep charges what was reserved.
                Err(error) => tracing::error!(
                    org.id = %scope.org(), ?record, reason = error.reason(), ?error,
                    "a call was not kept to be settled",
                ),
            }
            // Nobody need wait for it.
            let _ = done.send(());
        });
        Keeping(Some(keeping))
    }

    /// Returns when all that has been queued for the organization is durable, or given up.
    pub(crate) async fn settled(&self, org: OrgId) {
        Keeping(Some(self.waiter(org))).kept().await;
    }

    /// Returns when no call runs.
    pub(crate) async fn until_nothing_runs(&self) {
        self.0.running.close();
        self.0.running.wait().await;
    }

    /// Nothing is queued any more.
    pub(crate) fn close(&self) {
        self.0.closed.cancel();
    }

    /// Writes what is queued, until the ledger is closed and its queue empty.
    pub(crate) async fn write(self) {
        let Shared {
            filled,
            hurried,
            closed,
            ..
        } = &*self.0;
        loop {
            tokio::select! {
                () = filled.notified() => {}
                () = closed.cancelled() => {}
            }
            tokio::select! {
                () = hurried.notified() => {}
                () = closed.cancelled() => {}
                () = sleep(GATHERED) => {}
            }
            let queue = mem::take(&mut *self.queue());
            if queue.is_empty() && closed.is_cancelled() {
                return;
            }
            let writing = queue
                .into_iter()
                .map(|(org, waiting)| self.write_for(org, waiting));
            futures::future::join_all(writing).await;
        }
    }

    /// Tries until it is written, or known that it will not be. What comes meanwhile waits.
    async fn write_for(&self, org: OrgId, waiting: Waiting) {
        let entries = Arc::new(waiting.entries);
        let first_try = Instant::now();
        let mut is_again = false;
        while let Err(error) = self.settle(org, &entries, is_again).await {
            if first_try.elapsed() >= PATIENCE || !may_pass(&error) {
                give_up(org, &entries, &error);
                break;
            }
            tracing::warn!(org.id = %org, ?error, "usage records are not written yet");
            sleep(PAUSE).await;
            is_again = true;
        }
        for waiter in waiting.waiters {
            // Who has left need not be told.
            let _ = waiter.send(());
        }
    }

    async fn settle(
        &self,
        org: OrgId,
        entries: &Arc<Vec<Entry>>,
        is_again: bool,
    ) -> Result<(), StoreError> {
        let scope = crate::own_scope(org)?;
        self.0.store.settle(&scope, entries.clone(), is_again).await
    }

    fn push(&self, entry: Entry) {
        let org = entry.settles.org;
        self.queue().entry(org).or_default().entries.push(entry);
        self.0.filled.notify_one();
    }

    fn waiter(&self, org: OrgId) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.queue().entry(org).or_default().waiters.push(sender);
        self.0.filled.notify_one();
        self.0.hurried.notify_one();
        receiver
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, HashMap<OrgId, Waiting>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn may_pass(error: &StoreError) -> bool {
    use FaultKind::{Exhausted, Timeout, Unavailable};
    matches!(error.kind(), Exhausted | Timeout | Unavailable)
}

/// All that the rows would have held, so that they can be entered by hand; the sweep charges what
/// was reserved.
fn give_up(org: OrgId, entries: &[Entry], error: &StoreError) {
    for record in entries.iter().filter_map(|entry| entry.record.as_ref()) {
        tracing::error!(
            org.id = %org, ?record, reason = error.reason(), ?error,
            "a usage record was not written",
        );
    }
}

fn count(record: &CallRecord) {
    let labels = [
        ("provider", record.provider.clone()),
        ("outcome", record.outcome.as_str().into()),
    ];
    metrics::counter!("t11_llm_calls_total", &labels).increment(1);
    if let Some(millis) = record.first_token_ms {
        let seconds = f64::from(millis) / 1_000.0;
        metrics::histogram!("t11_llm_first_token_seconds", "provider" => record.provider.clone())
            .record(seconds);
    }
}
