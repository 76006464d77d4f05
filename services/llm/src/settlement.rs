//! Calls that were left are settled with what the provider says afterwards. Until it does, what
//! was reserved stays held; if it never does, that is what they cost.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use t11_core::{OrgId, OrgScope, World};
use t11_store::StoreError;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::keys::Keys;
use crate::provider::{Charge, Provider};
use crate::store::{Settlement, Store};
use crate::usage::{Bill, CallRecord};

/// After so many tries the provider is taken to know nothing.
const MOST_TRIES: i32 = 9;
/// How long a provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often other processes' calls are looked for.
const EVERY: Duration = Duration::from_secs(60);
const AT_ONCE: u64 = 16;

/// Settles calls.
pub(crate) struct Settlements {
    pub(crate) store: Store,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) world: World,
    /// Between the first tries; each further one takes twice as long.
    pub(crate) delay: Duration,
    /// Wakes when there is a new one.
    pub(crate) deferred: Arc<Notify>,
}

impl Settlements {
    /// Until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        loop {
            let pass = Box::pin(self.pass());
            let wait = match shutdown.run_until_cancelled(pass).await {
                None => return,
                Some(Ok(next)) => self.until(next),
                Some(Err(error)) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "calls that were left were not settled"
                    );
                    EVERY
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.deferred.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Settles all that are due; when the next one is.
    async fn pass(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        loop {
            let due = self.store.due_settlements(self.world.now(), AT_ONCE);
            let due = due.await?;
            if due.is_empty() {
                return self.store.next_settlement().await;
            }
            let settling = due.into_iter().map(|(org, one)| self.settle(org, one));
            for settled in futures::future::join_all(settling).await {
                settled?;
            }
        }
    }

    fn until(&self, next: Option<DateTime<Utc>>) -> Duration {
        let left = next.map(|next| next - self.world.now());
        // A little more, for a time is kept in microseconds.
        let left = left.map(|left| left.to_std().unwrap_or_default() + Duration::from_millis(1));
        left.map_or(EVERY, |left| left.min(EVERY))
    }

    /// One try.
    async fn settle(&self, org: OrgId, settlement: Settlement) -> Result<(), StoreError> {
        let scope = crate::own_scope(org)?;
        if settlement.tries >= MOST_TRIES {
            tracing::warn!(
                org.id = %org, generation = settlement.record.generation,
                "the provider never said what a call cost: it costs what was reserved"
            );
            return self.store.insert_record(&scope, settlement.record).await;
        }
        let wait = self.delay * 2_u32.pow(settlement.tries.unsigned_abs());
        let next = self.world.now() + wait;
        if !self
            .store
            .take_settlement(&scope, &settlement, next)
            .await?
        {
            return Ok(());
        }
        self.ask(&scope, settlement.record).await
    }

    /// Only its own key is told what a call came to.
    async fn key(
        &self,
        scope: &OrgScope,
        record: &CallRecord,
    ) -> Result<Option<SecretString>, Error> {
        match record.key {
            Some(id) => self.keys.secret(scope, id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn ask(&self, scope: &OrgScope, record: CallRecord) -> Result<(), StoreError> {
        let key = match self.key(scope, &record).await {
            Ok(key) => key,
            Err(error) => {
                tracing::info!(?error, "the key of a call that was left is not at hand");
                return Ok(());
            }
        };
        let (generation, deadline) = (&record.generation, Instant::now() + PATIENCE);
        let told = self.provider.charged(generation, key.as_ref(), deadline);
        match told.await {
            Ok(Some(charge)) => {
                let record = charged(record, charge);
                self.store.insert_record(scope, record).await
            }
            Ok(None) => Ok(()),
            Err(failure) => {
                tracing::info!(cause = %failure.cause, "a call's cost is not told; asking later");
                Ok(())
            }
        }
    }
}

/// The record with what the provider took; its bill holds what was reserved.
fn charged(mut record: CallRecord, charge: Charge) -> CallRecord {
    if !charge.model.is_empty() {
        record.model = charge.model;
    }
    let told = Bill {
        tokens: charge.tokens,
        cost: charge.cost,
        cost_known: true,
    };
    record.bill = told.charged(record.bill.cost);
    record
}
