//! The job that fires a trigger, or starts a sequence, when its moment has come: the lead stands on
//! a stage, or the client is silent.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use prost::Message as _;
use t11_core::{World, format_name};
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use crate::live::Desk;
use crate::store::{Firing, Moment};

/// The kind of the job.
pub(crate) const KIND: &str = "agents.fire";

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUIDs.
    #[prost(string, tag = "1")]
    conversation: String,
    #[prost(string, tag = "2")]
    trigger: String,
    #[prost(string, tag = "3")]
    sequence: String,
    /// Of the turn that the firing becomes: with it a repeated one is known.
    #[prost(string, tag = "4")]
    turn: String,
    /// Of a stage.
    #[prost(int64, tag = "5")]
    pipeline_id: i64,
    #[prost(int64, tag = "6")]
    stage_id: i64,
    /// Of a silence.
    #[prost(int64, tag = "7")]
    control_epoch: i64,
    #[prost(int64, tag = "8")]
    inbound_sequence: i64,
}

/// The job that fires at `time`.
pub(crate) fn job(world: &World, firing: &Firing, time: DateTime<Utc>) -> NewJob {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let mut payload = Payload {
        conversation: firing.conversation_id.to_string(),
        trigger: id(firing.trigger),
        sequence: id(firing.sequence),
        turn: firing.turn_id.to_string(),
        ..Payload::default()
    };
    match firing.moment {
        Moment::Stage(pipeline_id, stage_id) => {
            payload.pipeline_id = pipeline_id;
            payload.stage_id = stage_id;
        }
        Moment::Silence(control_epoch, inbound_sequence) => {
            payload.control_epoch = control_epoch;
            payload.inbound_sequence = inbound_sequence;
        }
    }
    NewJob {
        run_at: Some(time),
        resource: format_name("conversations", firing.conversation_id),
        ..NewJob::new(world.new_id(), "agents", KIND, payload.encode_to_vec())
    }
}

/// The firing of a job.
pub(crate) fn read(payload: &[u8]) -> Option<Firing> {
    let payload = Payload::decode(payload).ok()?;
    let id = |text: &str| Uuid::try_parse(text).ok();
    Some(Firing {
        conversation_id: id(&payload.conversation)?,
        trigger: id(&payload.trigger),
        sequence: id(&payload.sequence),
        turn_id: id(&payload.turn)?,
        moment: match payload.stage_id {
            0 => Moment::Silence(payload.control_epoch, payload.inbound_sequence),
            stage_id => Moment::Stage(payload.pipeline_id, stage_id),
        },
    })
}

/// Fires.
pub(crate) struct Fire(pub(crate) Arc<Desk>);

#[async_trait]
impl JobHandler for Fire {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let firing = read(&job.payload)
            .ok_or_else(|| super::malformed("the job does not say what fires"))?;
        Ok(Box::pin(self.0.fire(&scope, firing)).await?)
    }
}
