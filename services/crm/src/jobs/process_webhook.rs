//! The job that reads a body as Kommo sent it, and gives its events to the agents.

use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use t11_core::OrgScope;
use t11_kommo::id::AccountId;
use t11_kommo::webhook::Delivery;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use super::dispatch::Dispatcher;
use crate::error::Error;
use crate::event::{self, Event, Filing};
use crate::store::{Body, Parsed, Store};

/// The kind of the job.
pub(crate) const KIND: &str = "crm.process_webhook";

/// Tries in which events wait for a Kommo that is away; then they go on with what is known.
pub(super) const PATIENT_TRIES: i32 = 3;

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the body.
    #[prost(string, tag = "1")]
    body: String,
}

/// The job of a body, whose job has died `revivals` times.
pub(crate) fn job(body: Uuid, revivals: i32) -> NewJob {
    let payload = Payload {
        body: body.to_string(),
    };
    let id = event::job_id(KIND, body, revivals);
    NewJob::new(id, "crm", KIND, payload.encode_to_vec())
}

/// Reads bodies.
pub(crate) struct ProcessWebhook {
    pub(crate) store: Store,
    pub(crate) dispatcher: Arc<Dispatcher>,
}

#[async_trait]
impl JobHandler for ProcessWebhook {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let payload = Payload::decode(job.payload.clone()).ok();
        let body = payload.and_then(|payload| Uuid::try_parse(&payload.body).ok());
        let body = body.ok_or_else(super::malformed)?;
        let Some(body) = self.store.body(&scope, body).await? else {
            return Ok(());
        };
        let events = match body.is_parsed {
            true => self.store.received_events(&scope, body.id).await?,
            false => self.file(&scope, body).await?,
        };
        self.dispatch(&scope, events, job.attempt < PATIENT_TRIES)
            .await
    }
}

impl ProcessWebhook {
    async fn file(&self, scope: &OrgScope, body: Body) -> Result<Vec<Event>, Error> {
        let parsed = parse(&body.bytes, body.account);
        if let Parsed::Foreign(_) = parsed {
            tracing::warn!(connection.id = %body.connection, "a webhook is of another account");
        }
        self.store.file(scope, body, parsed).await
    }

    /// Gives every event; those that must wait make the job come again.
    async fn dispatch(
        &self,
        scope: &OrgScope,
        events: Vec<Event>,
        may_wait: bool,
    ) -> Result<(), JobFailure> {
        let mut failure = None;
        for event in events {
            let given = self.dispatcher.dispatch(scope, &event, may_wait).await;
            if let Err(error) = given {
                failure = Some(JobFailure::from(error));
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

/// Whose a body is, is known by its address; if it says that it is another's, nobody looks at it.
fn parse(bytes: &[u8], account: Option<AccountId>) -> Parsed {
    let delivery = match Delivery::parse(bytes) {
        Ok(delivery) => delivery,
        Err(error) => return Parsed::Unreadable(Box::new(event::unreadable(bytes, error))),
    };
    let said = delivery.account.id;
    let owner = said.or(account).unwrap_or(AccountId(0));
    let events = delivery.events.iter();
    let filings = events.map(|event| Filing::of(event, owner)).collect();
    if said.is_some() && said != account {
        Parsed::Foreign(filings)
    } else {
        Parsed::Events(filings)
    }
}
