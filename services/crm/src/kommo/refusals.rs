//! When Kommo refuses a call of one replica, all of them let the account rest.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use t11_kommo::pace::Refusal;
use t11_kommo::{AccountHost, Hosts, Pace};
use t11_runtime::Bus;
use t11_runtime::bus::Heard;
use tokio_util::sync::CancellationToken;

const TOPIC: &str = "crm.kommo.refusals";

#[derive(Serialize, Deserialize)]
struct Told<'a> {
    /// Of the account.
    host: &'a str,
    pause_ms: u64,
    is_block: bool,
}

/// Tells the other replicas.
pub(super) fn tell(bus: &Bus, account: &AccountHost, refusal: Refusal) {
    let (pause, is_block) = match refusal {
        Refusal::Limited(pause) => (pause, false),
        Refusal::Blocked(pause) => (pause, true),
    };
    let told = Told {
        host: account.as_str(),
        pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        is_block,
    };
    match serde_json::to_vec(&told) {
        Ok(message) => bus.publish(TOPIC, || Bytes::from(message.clone())),
        Err(error) => tracing::error!(%error, "a refusal cannot be told"),
    }
}

/// Heeds what others tell, until `shutdown`. What was missed costs a refusal of our own.
pub(crate) async fn heed(bus: Bus, pace: Pace, hosts: Hosts, shutdown: CancellationToken) {
    let mut refusals = bus.subscribe(TOPIC).await;
    while let Some(heard) = shutdown.run_until_cancelled(refusals.heard()).await {
        let Heard::Message(message) = heard else {
            continue;
        };
        match read(&hosts, &message) {
            Some((account, refusal)) => pace.rest(&account, refusal),
            None => tracing::warn!("what another replica tells of a refusal cannot be read"),
        }
    }
}

fn read(hosts: &Hosts, message: &[u8]) -> Option<(AccountHost, Refusal)> {
    let told: Told<'_> = serde_json::from_slice(message).ok()?;
    let account = hosts.account(told.host).ok()?;
    let pause = Duration::from_millis(told.pause_ms);
    let refusal = match told.is_block {
        true => Refusal::Blocked(pause),
        false => Refusal::Limited(pause),
    };
    Some((account, refusal))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use t11_core::World;
    use t11_runtime::bus::InProcess;
    use tokio::time::sleep;

    use super::super::Meter;
    use super::*;

    #[tokio::test]
    async fn what_one_replica_is_refused_the_other_rests_after() {
        let (world, carrier) = (World::system(), Arc::new(InProcess::default()));
        let join = || Bus::join(carrier.clone(), &world);
        let (here, there) = (Meter::unlimited(&world, join()), join());
        let pace = Pace::new(Meter::unlimited(&world, there.clone()).shared());
        let shutdown = CancellationToken::new();
        let heeding = heed(there, pace.clone(), Hosts::kommo(), shutdown.clone());
        let heeding = tokio::spawn(heeding);
        let account = Hosts::kommo().account("one.kommo.com").unwrap();
        let refusal = Refusal::Limited(Duration::from_secs(30));
        // It listens at some moment from now on.
        while pace.resting(&account).is_none() {
            here.shared().refused(&account, refusal);
            sleep(Duration::from_millis(5)).await;
        }
        assert!(pace.resting(&account) <= Some(Duration::from_secs(30)));
        shutdown.cancel();
        heeding.await.unwrap();
    }
}
