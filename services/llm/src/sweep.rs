//! Calls whose process died before it settled them cost what was reserved: the provider may have
//! answered.

use std::time::Duration;

use t11_core::{OrgId, World};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::provider::Tokens;
use crate::store::{Reservation, Store};
use crate::usage::{Bill, CallRecord, Outcome};

/// How often they are looked for; first at the start.
const EVERY: Duration = Duration::from_secs(60);
const AT_ONCE: u64 = 100;

/// Settles them until `shutdown`.
pub(crate) async fn run(store: Store, world: World, shutdown: CancellationToken) {
    loop {
        let sweep = Box::pin(sweep(&store, &world));
        match shutdown.run_until_cancelled(sweep).await {
            None => return,
            Some(Ok(0)) => {}
            Some(Ok(calls)) => tracing::warn!(calls, "calls were lost and cost what was reserved"),
            Some(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "lost calls were not settled"
            ),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Settles all there are now; how many.
pub(crate) async fn sweep(store: &Store, world: &World) -> Result<usize, Error> {
    let mut settled = 0;
    loop {
        let lost = store.expired_reservations(world.now(), AT_ONCE).await?;
        if lost.is_empty() {
            return Ok(settled);
        }
        for (org, reservation) in lost {
            settle(store, org, reservation).await?;
            settled += 1;
        }
    }
}

async fn settle(store: &Store, org: OrgId, reservation: Reservation) -> Result<(), Error> {
    let scope = crate::own_scope(org)?;
    let lasted = reservation.expire_time - reservation.create_time;
    let record = CallRecord {
        id: reservation.id,
        request_id: reservation.request_id,
        create_time: reservation.create_time,
        purpose: reservation.purpose,
        agent: reservation.agent,
        provider: reservation.provider.into(),
        model: reservation.model,
        key: None,
        cached: false,
        generation: String::new(),
        outcome: Outcome::Lost,
        reason: None,
        bill: Bill {
            tokens: Tokens::default(),
            cost: reservation.amount,
            cost_known: false,
        },
        attempts: 1,
        first_token_ms: None,
        total_ms: i32::try_from(lasted.num_milliseconds()).unwrap_or(i32::MAX),
    };
    Ok(store.insert_record(&scope, record).await?)
}
