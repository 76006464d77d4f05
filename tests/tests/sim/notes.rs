//! A small service of the product's own parts: it writes a note and its job in one transaction, and
//! the job causes one effect outside. Bugs can be planted in it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use sea_orm_migration::sea_orm::{ConnectionTrait as _, Statement};
use t11_core::{OrgId, OrgScope, PageTokens};
use t11_grpc::ServerStack;
use t11_jobs::queue::Queue;
use t11_jobs::store::Store;
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::credential_service_server::{CredentialService, CredentialServiceServer};
use t11_runtime::bus::InProcess;
use t11_runtime::{Bus, JobFailure, JobHandler, RunningJob, simulation};
use t11_store::{Db, Effect, JobSink, NewJob, OutboxJob, Relay, SinkError, StoreError};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::bed::Bed;
use crate::net;

/// A way to get it wrong, as others have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The caller is answered before the commit.
    AnswerFirst,
    /// A repeated request writes another note.
    NoDedupe,
    /// The job is enqueued by a call after the commit, not through the outbox.
    EnqueueApart,
    /// The relay is told that jobs were taken before they were.
    SinkFirst,
    /// The job is reported done while its work still runs.
    SettleFirst,
    /// The effect is done without a row around it.
    Unwrapped,
    /// An effect that may have happened is done again without looking.
    RepeatUnknown,
}

impl Bug {
    pub(crate) const ALL: [Self; 7] = [
        Self::AnswerFirst,
        Self::NoDedupe,
        Self::EnqueueApart,
        Self::SinkFirst,
        Self::SettleFirst,
        Self::Unwrapped,
        Self::RepeatUnknown,
    ];
}

const SERVICE: &str = "crm";
const KIND: &str = "crm.note";

/// The jobs service, as its own process wires it.
pub(crate) async fn jobs_host(bed: Arc<Bed>, skew: TimeDelta) -> turmoil::Result {
    let world = bed.world(skew);
    let store = Store::new(
        bed.database("jobs", world.clone()),
        world.clone(),
        t11_jobs::Config::default(),
    );
    let bus = Bus::join(Arc::new(InProcess::default()), &world);
    let stop = CancellationToken::new();
    let queue = Queue::new(store, world.clone(), &bus, stop.clone());
    let routes = t11_jobs::routes(queue.clone(), world.clone(), PageTokens::new([7; 32]));
    tokio::spawn(t11_jobs::keep_up(queue, world.clone(), stop));
    net::serve(ServerStack::new(routes, bed.verifier.clone(), world)).await
}

/// One replica of the service of notes: its door, its relay and its worker.
pub(crate) async fn notes_host(
    bed: Arc<Bed>,
    skew: TimeDelta,
    bug: Option<Bug>,
) -> turmoil::Result {
    let world = bed.world(skew);
    let db = bed.database("notes", world.clone());
    let jobs = net::peer("jobs", "jobs", world.clone());
    let stop = CancellationToken::new();
    let sink = simulation::jobs_sink(SERVICE, jobs.clone(), bed.signer.clone(), world.clone());
    let sink = if bug == Some(Bug::SinkFirst) {
        Arc::new(Forgetful(sink))
    } else {
        sink
    };
    tokio::spawn(Relay::new(SERVICE, db.clone(), sink.clone()).run(stop.clone()));
    let handler = Arc::new(Writes {
        bed: bed.clone(),
        db: db.clone(),
        bug,
    });
    tokio::spawn(simulation::work(
        SERVICE,
        [(KIND, handler as Arc<dyn JobHandler>)].into(),
        jobs,
        bed.signer.clone(),
        world.clone(),
        stop,
    ));
    let door = Notes { db, sink, bug };
    let routes = Routes::new(CredentialServiceServer::new(door));
    net::serve(ServerStack::new(routes, bed.verifier.clone(), world)).await
}

/// Says that it has taken what it is still about to take.
struct Forgetful(Arc<dyn JobSink>);

#[async_trait]
impl JobSink for Forgetful {
    async fn deliver(&self, jobs: &[OutboxJob]) -> Result<(), SinkError> {
        let (sink, jobs) = (self.0.clone(), jobs.to_vec());
        tokio::spawn(async move { drop(sink.deliver(&jobs).await) });
        Ok(())
    }
}

/// The credential of the real proto stands for notes: what counts is that setting it is marked
/// idempotent, and so is repeated by the callers' peers.
struct Notes {
    db: Db,
    sink: Arc<dyn JobSink>,
    bug: Option<Bug>,
}

#[async_trait]
impl CredentialService for Notes {
    async fn set_credential(
        &self,
        request: Request<pb::SetCredentialRequest>,
    ) -> Result<Response<pb::Credential>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let request_id = Uuid::try_parse(&request.get_ref().client_id)
            .map_err(|_| Status::invalid_argument("client_id"))?;
        let id = match self.bug {
            Some(Bug::NoDedupe) => Uuid::from_u128(request_id.as_u128() ^ self.entropy()),
            _ => request_id,
        };
        let write = write_note(self.db.clone(), scope.clone(), id, request_id, self.bug);
        if self.bug == Some(Bug::AnswerFirst) {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                drop(write.await);
            });
        } else {
            write
                .await
                .map_err(|error| t11_grpc::status(SERVICE, &error))?;
        }
        if self.bug == Some(Bug::EnqueueApart) {
            drop(
                self.sink
                    .deliver(&[outbox_job(&scope, id, request_id)])
                    .await,
            );
        }
        Ok(Response::new(pb::Credential::default()))
    }

    async fn get_credential(
        &self,
        _: Request<pb::GetCredentialRequest>,
    ) -> Result<Response<pb::Credential>, Status> {
        Err(Status::unimplemented("not simulated"))
    }

    async fn delete_credential(
        &self,
        _: Request<pb::DeleteCredentialRequest>,
    ) -> Result<Response<()>, Status> {
        Err(Status::unimplemented("not simulated"))
    }
}

impl Notes {
    /// Differs from call to call.
    fn entropy(&self) -> u128 {
        u128::from(self.db.counters().writes + 1)
    }
}

/// The note and its job, in one transaction; once for a request.
async fn write_note(
    db: Db,
    scope: OrgScope,
    id: Uuid,
    request_id: Uuid,
    bug: Option<Bug>,
) -> Result<(), StoreError> {
    db.write(&scope, move |tx| async move {
        let insert = "INSERT INTO notes (id, org_id, request_id) VALUES ($1, $2, $3) \
                      ON CONFLICT (id) DO NOTHING";
        let values = [id.into(), tx.org_id()?.0.into(), request_id.into()];
        let backend = tx.get_database_backend();
        let inserted = tx
            .execute_raw(Statement::from_sql_and_values(backend, insert, values))
            .await?;
        if inserted.rows_affected() == 1 && bug != Some(Bug::EnqueueApart) {
            tx.enqueue(NewJob::new(
                id,
                SERVICE,
                KIND,
                request_id.as_bytes().to_vec(),
            ))
            .await?;
        }
        Ok(())
    })
    .await
}

fn outbox_job(scope: &OrgScope, id: Uuid, request_id: Uuid) -> OutboxJob {
    OutboxJob {
        id,
        queue: SERVICE.to_owned(),
        kind: KIND.to_owned(),
        payload: request_id.as_bytes().to_vec(),
        org: Some(scope.org()),
        ordering_key: None,
        unique_key: None,
        priority: 0,
        run_at: DateTime::UNIX_EPOCH,
        create_time: DateTime::UNIX_EPOCH,
        trace_context: None,
        resource: String::new(),
        display_name: String::new(),
    }
}

/// Does the effect of a note.
struct Writes {
    bed: Arc<Bed>,
    db: Db,
    bug: Option<Bug>,
}

#[async_trait]
impl JobHandler for Writes {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let note = Uuid::from_slice(&job.payload).unwrap_or_default();
        if self.bug == Some(Bug::SettleFirst) {
            let bed = self.bed.clone();
            tokio::spawn(async move {
                tokio::time::sleep(thinking(note)).await;
                bed.outside.perform(note);
            });
            return Ok(());
        }
        tokio::time::sleep(thinking(note)).await;
        if self.bug == Some(Bug::Unwrapped) {
            self.bed.outside.perform(note);
            tokio::time::sleep(AFTERMATH).await;
            return Ok(());
        }
        self.wrapped(job, note).await
    }
}

/// Some take longer than a lease lasts.
fn thinking(note: Uuid) -> Duration {
    match note.as_u128() % 5 {
        0 => Duration::from_secs(18),
        rest => Duration::from_millis(u64::try_from(rest).unwrap_or_default() * 150),
    }
}

/// Between the effect and the note that it is done.
const AFTERMATH: Duration = Duration::from_millis(400);

impl Writes {
    async fn wrapped(&self, job: &RunningJob, note: Uuid) -> Result<(), JobFailure> {
        let (scope, fence) = (job.scope()?, job.fence);
        // Of the request, not of the job: a second note of one request would have a second job.
        let key = format!("{KIND}/{}", job.id);
        let begin = key.clone();
        let begun = self
            .db
            .write(&scope, move |tx| async move {
                tx.begin_effect(&begin, fence).await
            })
            .await?;
        let is_there = self.bed.outside.times(note) > 0;
        match begun {
            Effect::Done | Effect::Superseded => return Ok(()),
            Effect::Unknown if is_there && self.bug != Some(Bug::RepeatUnknown) => {}
            Effect::New | Effect::Unknown => self.bed.outside.perform(note),
        }
        tokio::time::sleep(AFTERMATH).await;
        let finish = self.db.write(&scope, move |tx| async move {
            tx.finish_effect(&key, fence).await
        });
        finish.await?;
        Ok(())
    }
}

/// An organization of the simulation.
pub(crate) fn org(number: u128) -> OrgId {
    OrgId(Uuid::from_u128(number + 1))
}
