//! Work that outlives a call: the handlers of the service's jobs, and what it does by the clock.

pub(crate) mod disabled;
mod dispatch;
pub(crate) mod dispatch_event;
pub(crate) mod note_verdict;
pub(crate) mod notify;
pub(crate) mod poll;
pub(crate) mod reconcile;
pub(crate) mod subscribe;
pub(crate) mod sync;
pub(crate) mod upkeep;
pub(crate) mod watch_deliveries;

use std::sync::Arc;

use prost::Message as _;
use t11_core::World;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use uuid::Uuid;

use self::dispatch::Dispatcher;
use crate::intake::poll::Poller;
use crate::kommo::Kommo;
use crate::message::send::Messages;
use crate::store::Store;
use crate::subscription::Subscriptions;
use crate::sync::Synchronisation;

/// What does the jobs of the intake, by their kinds.
pub(crate) fn of_intake(
    store: &Store,
    kommo: &Kommo,
    subscriptions: &Subscriptions,
    world: &World,
) -> Vec<(&'static str, Arc<dyn JobHandler>)> {
    let (store, kommo) = (store.clone(), kommo.clone());
    let dispatcher = Dispatcher {
        store: store.clone(),
        kommo: kommo.clone(),
    };
    let poller = Poller {
        store: store.clone(),
        kommo,
        world: world.clone(),
    };
    vec![
        (
            dispatch_event::KIND,
            Arc::new(dispatch_event::DispatchEvent(dispatcher)),
        ),
        (
            note_verdict::KIND,
            Arc::new(note_verdict::NoteVerdict(store)),
        ),
        (poll::KIND, Arc::new(poll::Poll(poller))),
        (
            subscribe::KIND,
            Arc::new(subscribe::Subscribe(subscriptions.clone())),
        ),
    ]
}

/// What does the jobs of connections, by their kinds.
pub(crate) fn of_connections(kommo: &Kommo) -> Vec<(&'static str, Arc<dyn JobHandler>)> {
    let sync = sync::Sync {
        store: kommo.store.clone(),
        synchronisation: Synchronisation::new(kommo.clone()),
    };
    let confirm = disabled::ConfirmDisabled {
        kommo: kommo.clone(),
    };
    vec![
        (sync::KIND, Arc::new(sync)),
        (disabled::KIND, Arc::new(confirm)),
    ]
}

/// What does the jobs about messages to clients, by their kinds.
pub(crate) fn of_messages(messages: &Messages) -> Vec<(&'static str, Arc<dyn JobHandler>)> {
    vec![
        (
            reconcile::KIND,
            Arc::new(reconcile::Reconcile(messages.clone())),
        ),
        (
            watch_deliveries::KIND,
            Arc::new(watch_deliveries::WatchDeliveries(messages.clone())),
        ),
    ]
}

/// Jobs about one connection.
#[derive(Clone, PartialEq, prost::Message)]
struct ConnectionJob {
    /// UUID of the connection.
    #[prost(string, tag = "1")]
    connection: String,
}

/// The payload of a job about `connection`.
pub(crate) fn payload(connection: Uuid) -> Vec<u8> {
    ConnectionJob {
        connection: connection.to_string(),
    }
    .encode_to_vec()
}

/// The connection that the job is about.
pub(crate) fn connection_of(job: &RunningJob) -> Result<Uuid, JobFailure> {
    let payload = ConnectionJob::decode(job.payload.clone()).ok();
    let connection = payload.and_then(|payload| Uuid::try_parse(&payload.connection).ok());
    connection.ok_or_else(|| JobFailure {
        reason: "JOB_MALFORMED".to_owned(),
        message: "the job does not name a connection".to_owned(),
        permanent: true,
        retry_after: None,
    })
}

/// The payload is not one of ours.
fn malformed() -> JobFailure {
    JobFailure {
        reason: "JOB_MALFORMED".to_owned(),
        message: "the payload of the job cannot be read".to_owned(),
        permanent: true,
        retry_after: None,
    }
}
