//! `SequenceService`.

use chrono::DateTime;
use t11_core::{Violations, format_name, parse_child_name, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::sequence_service_server::SequenceService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{acts, agent, checked, pb_act};
use crate::Error;
use crate::automation::{
    Execution, ExecutionState, NewSequence, Quiet, Sequence, Start, Step, step_times,
};
use crate::grpc::Handlers;
use crate::grpc::convert::{request_id, timestamp};

type Answer<T> = Result<Response<T>, Status>;

/// Steps of a sequence at most, and a year in minutes.
const MOST_STEPS: usize = 20;
const MOST_MINUTES: i32 = 525_600;

#[tonic::async_trait]
impl SequenceService for Handlers {
    async fn get_sequence(&self, request: Request<pb::GetSequenceRequest>) -> Answer<pb::Sequence> {
        let scope = t11_grpc::scope(&request)?;
        let (agent, id) = sequence_name(&request.get_ref().name)?;
        let sequence = self.store.sequence(&scope, agent, id).await?;
        Ok(Response::new(sequence.into()))
    }

    async fn list_sequences(
        &self,
        request: Request<pb::ListSequencesRequest>,
    ) -> Answer<pb::ListSequencesResponse> {
        let scope = t11_grpc::scope(&request)?;
        let agent = agent(&request.get_ref().parent)?;
        let sequences = self.store.sequences(&scope, agent).await?;
        Ok(Response::new(pb::ListSequencesResponse {
            sequences: sequences.into_iter().map(Into::into).collect(),
        }))
    }

    async fn create_sequence(
        &self,
        request: Request<pb::CreateSequenceRequest>,
    ) -> Answer<pb::Sequence> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = agent(&request.parent)?;
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        let given = given(request.sequence.unwrap_or_default(), agent, violations)?;
        let made = self
            .store
            .create_sequence(&scope, agent, given, request_id)
            .await?;
        Ok(Response::new(made.into()))
    }

    async fn update_sequence(
        &self,
        request: Request<pb::UpdateSequenceRequest>,
    ) -> Answer<pb::Sequence> {
        let scope = t11_grpc::scope(&request)?;
        let sequence = request.into_inner().sequence.unwrap_or_default();
        let name = sequence_name(&sequence.name)?;
        let etag = sequence.etag.clone();
        let given = given(sequence, name.0, Violations::default())?;
        let changed = self.store.update_sequence(&scope, name, given, etag);
        Ok(Response::new(changed.await?.into()))
    }

    async fn delete_sequence(&self, request: Request<pb::DeleteSequenceRequest>) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let name = sequence_name(&request.name)?;
        self.store
            .delete_sequence(&scope, name, request.etag)
            .await?;
        Ok(Response::new(()))
    }

    async fn preview_sequence(
        &self,
        request: Request<pb::PreviewSequenceRequest>,
    ) -> Answer<pb::PreviewSequenceResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = self.store.agent(&scope, agent(&request.parent)?).await?;
        let quiet = Quiet {
            start_minute: request.quiet_start_minute,
            end_minute: request.quiet_end_minute,
        };
        check_preview(&request, quiet)?;
        let zone = self.inbox.accounts.organization(scope.org()).await?.zone;
        let start = request.start_time.and_then(|time| {
            let nanos = u32::try_from(time.nanos).ok()?;
            DateTime::from_timestamp(time.seconds, nanos)
        });
        let start = start.unwrap_or_else(|| self.world.now());
        let times = step_times(&request.delay_minutes, start, quiet, &agent.settings, zone);
        Ok(Response::new(pb::PreviewSequenceResponse {
            step_times: times.into_iter().map(timestamp).collect(),
            time_zone: zone.name().to_owned(),
        }))
    }

    async fn list_sequence_executions(
        &self,
        request: Request<pb::ListSequenceExecutionsRequest>,
    ) -> Answer<pb::ListSequenceExecutionsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let name = sequence_name(&request.parent)?;
        let state = state_of(request.state());
        let arguments = format!("executions {} {name:?} {state:?}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 25, 100)
            .map_err(Error::from)?;
        let page = self.store.executions(&scope, name, state, page).await?;
        Ok(Response::new(pb::ListSequenceExecutionsResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            executions: page.items.into_iter().map(Into::into).collect(),
        }))
    }

    async fn start_sequence(
        &self,
        request: Request<pb::StartSequenceRequest>,
    ) -> Answer<pb::SequenceExecution> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let name = sequence_name(&request.name)?;
        let conversation = parse_name("conversations", &request.conversation);
        let conversation = conversation.map_err(Error::from)?;
        let zone = self.inbox.accounts.organization(scope.org()).await?.zone;
        let started = self.store.start_sequence(&scope, name, conversation, zone);
        Ok(Response::new(started.await?.into()))
    }

    async fn stop_sequence_execution(
        &self,
        request: Request<pb::StopSequenceExecutionRequest>,
    ) -> Answer<pb::SequenceExecution> {
        let scope = t11_grpc::scope(&request)?;
        let name = execution_name(&request.get_ref().name)?;
        let stopped = self.store.stop_execution(&scope, name).await?;
        Ok(Response::new(stopped.into()))
    }
}

fn sequence_name(name: &str) -> Result<(Uuid, Uuid), Error> {
    Ok(parse_child_name("agents", "sequences", name)?)
}

/// Reads `agents/{agent}/sequences/{sequence}/executions/{execution}`.
fn execution_name(name: &str) -> Result<(Uuid, Uuid, Uuid), Error> {
    let (parent, id) = name.rsplit_once("/executions/").unwrap_or((name, ""));
    let (agent, sequence) = sequence_name(parent)?;
    let id = parse_name("executions", &format!("executions/{id}"))?;
    Ok((agent, sequence, id))
}

fn check_preview(request: &pb::PreviewSequenceRequest, quiet: Quiet) -> Result<(), Error> {
    let mut violations = Violations::default();
    quiet.check("", &mut violations);
    if request.delay_minutes.len() > MOST_STEPS {
        let words = format!("at most {MOST_STEPS} steps");
        violations.add("delay_minutes", "TOO_MANY", words);
    }
    for (index, minutes) in request.delay_minutes.iter().enumerate() {
        let field = format!("delay_minutes[{index}]");
        violations.range(&field, *minutes, 0, MOST_MINUTES);
    }
    Ok(violations.check()?)
}

fn given(
    sequence: pb::Sequence,
    agent: Uuid,
    mut violations: Violations,
) -> Result<NewSequence, Error> {
    let start = match sequence.start() {
        pb::SequenceStart::Unspecified | pb::SequenceStart::Manual => Start::Manual,
        pb::SequenceStart::Silence => Start::Silence {
            minutes: sequence.silence_minutes,
        },
        pb::SequenceStart::Stage => Start::Stage {
            pipeline_id: sequence.start_pipeline_id,
            stage_id: sequence.start_stage_id,
        },
    };
    let steps = sequence.steps.into_iter().enumerate();
    let steps = steps.map(|(index, step)| {
        let field = format!("sequence.steps[{index}].actions");
        Step {
            delay_minutes: step.delay_minutes,
            text: step.text,
            instruction: step.instruction,
            acts: acts(&step.actions, agent, &field, &mut violations),
        }
    });
    let steps = steps.collect();
    let stages = sequence.stages.into_iter();
    let given = NewSequence {
        display_name: sequence.display_name,
        enabled: sequence.enabled,
        start,
        skip_condition: sequence.skip_condition,
        stages: stages.map(|one| (one.pipeline_id, one.stage_id)).collect(),
        steps,
        quiet: Quiet {
            start_minute: sequence.quiet_start_minute,
            end_minute: sequence.quiet_end_minute,
        },
    };
    checked(given.check(), violations)
}

fn state_of(state: pb::ExecutionState) -> Option<ExecutionState> {
    match state {
        pb::ExecutionState::Unspecified => None,
        pb::ExecutionState::Running => Some(ExecutionState::Running),
        pb::ExecutionState::Completed => Some(ExecutionState::Completed),
        pb::ExecutionState::Stopped => Some(ExecutionState::Stopped),
        pb::ExecutionState::Failed => Some(ExecutionState::Failed),
    }
}

impl From<ExecutionState> for pb::ExecutionState {
    fn from(state: ExecutionState) -> Self {
        match state {
            ExecutionState::Running => Self::Running,
            ExecutionState::Completed => Self::Completed,
            ExecutionState::Stopped => Self::Stopped,
            ExecutionState::Failed => Self::Failed,
        }
    }
}

impl From<Sequence> for pb::Sequence {
    fn from(sequence: Sequence) -> Self {
        let (agent, etag) = (sequence.agent_id, sequence.etag().into());
        let given = sequence.given;
        let (start, minutes, place) = match given.start {
            Start::Manual => (pb::SequenceStart::Manual, 0, (0, 0)),
            Start::Silence { minutes } => (pb::SequenceStart::Silence, minutes, (0, 0)),
            Start::Stage {
                pipeline_id,
                stage_id,
            } => (pb::SequenceStart::Stage, 0, (pipeline_id, stage_id)),
        };
        let stages = given.stages.into_iter();
        let steps = given.steps.into_iter().map(|step| pb::SequenceStep {
            delay_minutes: step.delay_minutes,
            text: step.text,
            instruction: step.instruction,
            actions: step
                .acts
                .into_iter()
                .map(|act| pb_act(act, agent))
                .collect(),
        });
        Self {
            name: format!("agents/{agent}/sequences/{}", sequence.id),
            display_name: given.display_name,
            enabled: given.enabled,
            start: start.into(),
            silence_minutes: minutes,
            start_pipeline_id: place.0,
            start_stage_id: place.1,
            skip_condition: given.skip_condition,
            stages: stages
                .map(|(pipeline_id, stage_id)| pb::PipelineStage {
                    pipeline_id,
                    stage_id,
                })
                .collect(),
            steps: steps.collect(),
            quiet_start_minute: given.quiet.start_minute,
            quiet_end_minute: given.quiet.end_minute,
            running_count: sequence.running,
            create_time: Some(timestamp(sequence.create_time)),
            update_time: Some(timestamp(sequence.update_time)),
            etag,
        }
    }
}

impl From<Execution> for pb::SequenceExecution {
    fn from(execution: Execution) -> Self {
        let (agent, sequence) = (execution.agent_id, execution.sequence_id);
        Self {
            name: format!(
                "agents/{agent}/sequences/{sequence}/executions/{}",
                execution.id
            ),
            conversation: format_name("conversations", execution.conversation_id),
            conversation_display_name: execution.conversation_display_name,
            state: pb::ExecutionState::from(execution.state).into(),
            stop_reason: execution.stop_reason,
            started_by: execution.started_by,
            next_step: execution.next_step,
            next_time: execution.next_time.map(timestamp),
            create_time: Some(timestamp(execution.create_time)),
            end_time: execution.end_time.map(timestamp),
        }
    }
}
