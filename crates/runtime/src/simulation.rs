//! Parts that a deterministic simulation wires by hand, for its sockets are not the machine's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use t11_core::World;
use t11_grpc::{Peer, Signer};
use t11_store::JobSink;
use tokio_util::sync::CancellationToken;

use crate::JobHandler;
use crate::relay::JobsSink;
use crate::worker::{Worker, WorkerParts};

/// Takes and does the jobs of a service's queue until `shutdown`.
pub async fn work(
    service: &'static str,
    handlers: HashMap<&'static str, Arc<dyn JobHandler>>,
    jobs: Peer,
    signer: Signer,
    world: World,
    shutdown: CancellationToken,
) {
    let parts = WorkerParts {
        service,
        handlers,
        slots: 4,
        is_alone: false,
        jobs,
        signer,
        world,
        drain: Duration::from_secs(5),
    };
    Box::pin(Worker::run(parts, shutdown)).await;
}

/// The jobs service as the place where the outbox of `service` is emptied.
pub fn jobs_sink(
    service: &'static str,
    jobs: Peer,
    signer: Signer,
    world: World,
) -> Arc<dyn JobSink> {
    Arc::new(JobsSink {
        service,
        jobs,
        signer,
        world,
    })
}
