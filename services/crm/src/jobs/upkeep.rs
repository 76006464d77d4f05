//! What is due by the clock: renewing tokens and the nightly synchronisation. Looked for, not
//! waited for, so that nothing is forgotten that a crash has cut off. Replicas may do so beside each
//! other: leases and locks let one of them act.

use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt as _;
use futures::stream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::authorization::own_scope;
use crate::error::Error;
use crate::kommo::Kommo;
use crate::store::DueToken;

const EVERY: Duration = Duration::from_secs(60);
/// Most in one round.
const BATCH: u64 = 200;
/// Tokens renewed at a time.
const AT_ONCE: usize = 8;
/// How long a pair that could not be renewed is left alone; a fifth of its life is left then.
const PUT_OFF: TimeDelta = TimeDelta::minutes(5);

/// Looks until `shutdown`.
pub(crate) async fn keep(kommo: Kommo, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(sleep(EVERY)).await.is_some() {
        // A renewal that has begun ends by itself: see `Refresher::renew`.
        let round = Box::pin(round(&kommo));
        if shutdown.run_until_cancelled(round).await.is_none() {
            return;
        }
    }
}

/// One look.
pub(crate) async fn round(kommo: &Kommo) {
    if let Err(error) = renew_due(kommo).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "due tokens were not looked for");
    }
    if let Err(error) = sync_due(kommo).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "due synchronisations were not looked for");
    }
}

async fn renew_due(kommo: &Kommo) -> Result<(), Error> {
    let due = kommo.store.due_tokens(BATCH).await?;
    let renewals = stream::iter(due).for_each_concurrent(AT_ONCE, async |due| {
        if let Err(error) = renew(kommo, due).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, connection.id = %due.connection, "tokens were not renewed");
        }
    });
    renewals.await;
    Ok(())
}

async fn renew(kommo: &Kommo, due: DueToken) -> Result<(), Error> {
    let scope = own_scope(due.org)?;
    match kommo.renew(&scope, due.connection, due.version).await {
        // People are told by the state of the connection.
        Ok(()) | Err(Error::ConnectionState { .. } | Error::NotFound { .. }) => Ok(()),
        Err(error) => {
            let until = kommo.world.now() + PUT_OFF;
            kommo.store.put_off_token(&scope, due, until).await?;
            Err(error)
        }
    }
}

async fn sync_due(kommo: &Kommo) -> Result<(), Error> {
    for (org, connection) in kommo.store.due_syncs(BATCH).await? {
        let scope = own_scope(org)?;
        kommo.store.enqueue_due_sync(&scope, connection).await?;
    }
    Ok(())
}
