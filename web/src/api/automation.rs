//! What agents do by themselves: triggers, and sequences of messages.

pub(crate) use t11_proto::agents::v1::{
    AutomationAction, AutomationActionKind, AutomationOutcome, ExecutionState, PipelineStage,
    PreviewSequenceResponse, Sequence, SequenceExecution, SequenceStart, SequenceStep, Trigger,
    TriggerHit, TriggerKind, TriggerTrial,
};
use t11_proto::agents::v1::{
    CreateSequenceRequest, CreateTriggerRequest, DeleteSequenceRequest, DeleteTriggerRequest,
    GetWebhookSecretRequest, GetWebhookSecretResponse, ListSequenceExecutionsRequest,
    ListSequenceExecutionsResponse, ListSequencesRequest, ListSequencesResponse,
    ListTriggerHitsRequest, ListTriggerHitsResponse, ListTriggersRequest, ListTriggersResponse,
    MoveTriggerRequest, PreviewSequenceRequest, StartSequenceRequest, StopSequenceExecutionRequest,
    TryTriggersRequest, TryTriggersResponse, UpdateSequenceRequest, UpdateTriggerRequest,
};

use super::transport::{rpc, unary};
use super::{Problem, request_id};
use crate::query::Page;

const PAGE_SIZE: i32 = 20;

pub(crate) async fn triggers(parent: String) -> Result<Vec<Trigger>, Problem> {
    let path = rpc!("/t11.agents.v1.TriggerService/ListTriggers");
    let answer: ListTriggersResponse = unary(path, &ListTriggersRequest { parent }).await?;
    Ok(answer.triggers)
}

/// Creates a trigger without a name, replaces one with.
pub(crate) async fn save_trigger(parent: String, trigger: Trigger) -> Result<Trigger, Problem> {
    if trigger.name.is_empty() {
        let path = rpc!("/t11.agents.v1.TriggerService/CreateTrigger");
        let request = CreateTriggerRequest {
            parent,
            trigger: Some(trigger),
            request_id: request_id(),
        };
        return unary(path, &request).await;
    }
    let path = rpc!("/t11.agents.v1.TriggerService/UpdateTrigger");
    let request = UpdateTriggerRequest {
        trigger: Some(trigger),
    };
    unary(path, &request).await
}

pub(crate) async fn delete_trigger(name: String, etag: String) -> Result<(), Problem> {
    let path = rpc!("/t11.agents.v1.TriggerService/DeleteTrigger");
    unary::<()>(path, &DeleteTriggerRequest { name, etag }).await
}

/// Puts a trigger at a place; all of them in their new order.
pub(crate) async fn move_trigger(name: String, position: i32) -> Result<Vec<Trigger>, Problem> {
    let path = rpc!("/t11.agents.v1.TriggerService/MoveTrigger");
    let answer: ListTriggersResponse = unary(path, &MoveTriggerRequest { name, position }).await?;
    Ok(answer.triggers)
}

pub(crate) async fn try_triggers(
    parent: String,
    text: String,
) -> Result<Vec<TriggerTrial>, Problem> {
    let path = rpc!("/t11.agents.v1.TriggerService/TryTriggers");
    let answer: TryTriggersResponse = unary(path, &TryTriggersRequest { parent, text }).await?;
    Ok(answer.trials)
}

pub(crate) async fn hits(parent: String, page_token: String) -> Result<Page<TriggerHit>, Problem> {
    let request = ListTriggerHitsRequest {
        parent,
        page_size: PAGE_SIZE,
        page_token,
    };
    let path = rpc!("/t11.agents.v1.TriggerService/ListTriggerHits");
    let page: ListTriggerHitsResponse = unary(path, &request).await?;
    Ok(Page::new(page.hits, page.next_page_token))
}

pub(crate) async fn webhook_secret() -> Result<String, Problem> {
    let path = rpc!("/t11.agents.v1.TriggerService/GetWebhookSecret");
    let answer: GetWebhookSecretResponse = unary(path, &GetWebhookSecretRequest {}).await?;
    Ok(answer.secret)
}

pub(crate) async fn sequences(parent: String) -> Result<Vec<Sequence>, Problem> {
    let path = rpc!("/t11.agents.v1.SequenceService/ListSequences");
    let answer: ListSequencesResponse = unary(path, &ListSequencesRequest { parent }).await?;
    Ok(answer.sequences)
}

/// Creates a sequence without a name, replaces one with.
pub(crate) async fn save_sequence(parent: String, sequence: Sequence) -> Result<Sequence, Problem> {
    if sequence.name.is_empty() {
        let path = rpc!("/t11.agents.v1.SequenceService/CreateSequence");
        let request = CreateSequenceRequest {
            parent,
            sequence: Some(sequence),
            request_id: request_id(),
        };
        return unary(path, &request).await;
    }
    let path = rpc!("/t11.agents.v1.SequenceService/UpdateSequence");
    let request = UpdateSequenceRequest {
        sequence: Some(sequence),
    };
    unary(path, &request).await
}

pub(crate) async fn delete_sequence(name: String, etag: String) -> Result<(), Problem> {
    let path = rpc!("/t11.agents.v1.SequenceService/DeleteSequence");
    unary::<()>(path, &DeleteSequenceRequest { name, etag }).await
}

/// When the steps would run that started now.
pub(crate) async fn preview(
    parent: String,
    delay_minutes: Vec<i32>,
    (quiet_start_minute, quiet_end_minute): (i32, i32),
) -> Result<PreviewSequenceResponse, Problem> {
    let request = PreviewSequenceRequest {
        parent,
        delay_minutes,
        quiet_start_minute,
        quiet_end_minute,
        start_time: None,
    };
    let path = rpc!("/t11.agents.v1.SequenceService/PreviewSequence");
    unary(path, &request).await
}

pub(crate) async fn executions(
    parent: String,
    page_token: String,
) -> Result<Page<SequenceExecution>, Problem> {
    let request = ListSequenceExecutionsRequest {
        parent,
        page_size: PAGE_SIZE,
        page_token,
        state: ExecutionState::Unspecified.into(),
    };
    let path = rpc!("/t11.agents.v1.SequenceService/ListSequenceExecutions");
    let page: ListSequenceExecutionsResponse = unary(path, &request).await?;
    Ok(Page::new(page.executions, page.next_page_token))
}

/// Starts a sequence in a live conversation; where it runs already, the one that runs.
pub(crate) async fn start_sequence(
    name: String,
    conversation: String,
) -> Result<SequenceExecution, Problem> {
    let path = rpc!("/t11.agents.v1.SequenceService/StartSequence");
    unary(path, &StartSequenceRequest { name, conversation }).await
}

pub(crate) async fn stop_execution(name: String) -> Result<SequenceExecution, Problem> {
    let path = rpc!("/t11.agents.v1.SequenceService/StopSequenceExecution");
    unary(path, &StopSequenceExecutionRequest { name }).await
}
