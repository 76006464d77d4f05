//! What triggers and sequences do to a conversation, within the commit that holds it.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, IntoActiveModel as _};
use t11_core::parse_name;
use t11_store::StoreError;
use uuid::Uuid;

use super::drafts;
use super::firings::{Firing, Moment};
use super::held::Held;
use super::replies::{self, NewReplies, ReplyKind};
use super::turns::{lead_of, parts};
use crate::Error;
use crate::agent::{Agent, AnswerMode, Settings};
use crate::automation::{
    Execution, ExecutionState, Outcome as HitOutcome, Sequence, Start, StartedBy, TriggerKind,
};
use crate::crm_settings::{LOST, Placement, WON};
use crate::jobs::{fire, run_step};
use crate::memory;
use crate::store::entity::sequence_execution::{Column, Model};
use crate::store::entity::turn;
use crate::store::write_back::{self, Ending};
use crate::store::{actions, sequences, triggers, turns};
use crate::turn::{Action, ActionState, Outcome, Report, State};

/// The agent has answered: from now on the client is silent.
pub(super) async fn after_answer(held: &Held) -> Result<(), Error> {
    let Some(agent_id) = held.conversation.agent_id else {
        return Ok(());
    };
    let moment = Moment::Silence(held.live.control_epoch, held.live.last_inbound);
    for trigger in triggers::enabled(&held.tx, agent_id).await? {
        if trigger.given.kind == TriggerKind::Silence {
            let firing = Firing::of_trigger(held, trigger.id, moment);
            enqueue(held, &firing, trigger.given.after_minutes).await?;
        }
    }
    for sequence in sequences::starting(&held.tx, agent_id).await? {
        if let Start::Silence { minutes } = sequence.given.start {
            let firing = Firing::of_sequence(held, sequence.id, moment);
            enqueue(held, &firing, minutes).await?;
        }
    }
    Ok(())
}

/// The lead has come to the stage where it is.
pub(super) async fn stage_entered(held: &Held) -> Result<(), Error> {
    let place = (held.live.pipeline_id, held.live.stage_id);
    match place.1 {
        WON => stop(held, "won").await?,
        LOST => stop(held, "lost").await?,
        _ => {}
    }
    let agent_id = match held.placement().await? {
        Placement::Agent { agent, .. } => Some(agent.id),
        Placement::Off(_) => held.conversation.agent_id,
    };
    let Some(agent_id) = agent_id else {
        return Ok(());
    };
    let moment = Moment::Stage(place.0, place.1);
    for trigger in triggers::enabled(&held.tx, agent_id).await? {
        let given = &trigger.given;
        if given.kind == TriggerKind::Stage && (given.pipeline_id, given.stage_id) == place {
            let firing = Firing::of_trigger(held, trigger.id, moment);
            enqueue(held, &firing, given.after_minutes).await?;
        }
    }
    for sequence in sequences::starting(&held.tx, agent_id).await? {
        let (pipeline_id, stage_id) = place;
        let here = Start::Stage {
            pipeline_id,
            stage_id,
        };
        if sequence.given.start == here {
            let firing = Firing::of_sequence(held, sequence.id, moment);
            enqueue(held, &firing, 0).await?;
        }
    }
    Ok(())
}

async fn enqueue(held: &Held, firing: &Firing, minutes: i32) -> Result<(), Error> {
    let time = held.now + TimeDelta::minutes(minutes.into());
    Ok(held
        .tx
        .enqueue(fire::job(&held.world, firing, time))
        .await?)
}

/// Stops what runs in the conversation.
pub(super) async fn stop(held: &Held, reason: &str) -> Result<(), Error> {
    let end = (ExecutionState::Stopped, reason);
    sequences::end_running(&held.tx, Column::RunningIn.eq(held.id()), end, held.now).await
}

/// A message of a sequence could not be sent: what would follow it is not sent either.
pub(super) async fn note_unsent(held: &Held) -> Result<(), Error> {
    let end = (ExecutionState::Failed, "send_failed");
    sequences::end_running(&held.tx, Column::RunningIn.eq(held.id()), end, held.now).await
}

/// Why sequences stop when a person takes the word for this reason.
pub(super) fn reason_of(handoff: &str) -> &str {
    match handoff {
        "human_wrote" | "taken_over" => handoff,
        _ => "handed_off",
    }
}

/// Starts a sequence, or says why not; the one that runs already where one does.
pub(super) async fn start(
    held: &Held,
    sequence: &Sequence,
    by: StartedBy,
    settings: &Settings,
    zone: Tz,
) -> Result<Result<Execution, &'static str>, Error> {
    if let Some(running) = sequences::running_in(&held.tx, sequence.id, held.id()).await? {
        return named(held, sequence, running).await.map(Ok);
    }
    if let Some(reason) = hindrance(held, sequence).await? {
        return Ok(Err(reason));
    }
    let Some(time) = sequence.step_time(0, held.now, settings, zone) else {
        return Ok(Err("never_open"));
    };
    let row = Model {
        id: held.world.new_id(),
        org_id: held.tx.org_id()?.0,
        sequence_id: sequence.id,
        conversation_id: held.id(),
        running_in: Some(held.id()),
        state: ExecutionState::Running.as_str().to_owned(),
        stop_reason: String::new(),
        started_by: by.as_str().to_owned(),
        next_step: 0,
        next_time: Some(time),
        control_epoch: held.live.control_epoch,
        inbound_sequence: held.live.last_inbound,
        create_time: held.now,
        end_time: None,
    };
    let inserting = row.clone().into_active_model().insert(&held.tx).await;
    inserting.map_err(StoreError::from)?;
    schedule(held, &row, time).await?;
    named(held, sequence, row).await.map(Ok)
}

/// Has the next step of an execution done at `time`.
pub(super) async fn schedule(held: &Held, row: &Model, time: DateTime<Utc>) -> Result<(), Error> {
    let step = (row.id, row.next_step);
    let job = run_step::job(&held.world, held.id(), step, time);
    Ok(held.tx.enqueue(job).await?)
}

async fn named(held: &Held, sequence: &Sequence, row: Model) -> Result<Execution, Error> {
    let mut named = sequences::named(&held.tx, sequence.agent_id, vec![row]).await?;
    named.pop().ok_or(Error::Corrupt("execution"))
}

/// Why a sequence may not run in a conversation.
pub(super) async fn hindrance(
    held: &Held,
    sequence: &Sequence,
) -> Result<Option<&'static str>, Error> {
    let live = &held.live;
    let place = (live.pipeline_id, live.stage_id);
    if !sequence.given.enabled {
        return Ok(Some("sequence_off"));
    }
    if held.conversation.opted_out {
        return Ok(Some("opted_out"));
    }
    if live.controller == crate::conversation::Controller::Human {
        return Ok(Some("human"));
    }
    match live.stage_id {
        WON => return Ok(Some("won")),
        LOST => return Ok(Some("lost")),
        _ => {}
    }
    if !sequence.given.stages.is_empty() && !sequence.given.stages.contains(&place) {
        return Ok(Some("stage_left"));
    }
    Ok(match held.placement().await? {
        Placement::Off(reason) => Some(reason),
        Placement::Agent { agent, .. } if agent.id != sequence.agent_id => Some("agent_changed"),
        Placement::Agent { .. } => None,
    })
}

/// Starts and stops the sequences that a turn's actions name.
pub(super) async fn perform(
    held: &Held,
    agent: &Agent,
    zone: Tz,
    actions: &mut [Action],
) -> Result<(), Error> {
    for action in actions.iter_mut() {
        let of_sequence = matches!(action.kind.as_str(), "start_sequence" | "stop_sequence");
        if action.origin.is_empty() || action.state != ActionState::Proposed {
            continue;
        }
        if !of_sequence {
            if action.effect.is_none() {
                action.state = ActionState::Done;
            }
            continue;
        }
        let outcome = perform_one(held, agent, zone, action).await?;
        action.state = match outcome {
            None => ActionState::Done,
            Some(_) => ActionState::Refused,
        };
        outcome.unwrap_or_default().clone_into(&mut action.reason);
    }
    Ok(())
}

/// Why it was not done.
async fn perform_one(
    held: &Held,
    agent: &Agent,
    zone: Tz,
    action: &Action,
) -> Result<Option<&'static str>, Error> {
    let name = action.detail["sequence"].as_str().unwrap_or_default();
    let id = parse_name("sequences", name)?;
    let Some(sequence) = sequences::find(&held.tx, agent.id, id).await? else {
        return Ok(Some("sequence_gone"));
    };
    if action.kind == "start_sequence" {
        let started = start(held, &sequence, StartedBy::Trigger, &agent.settings, zone).await?;
        return Ok(started.err());
    }
    let Some(running) = sequences::running_in(&held.tx, id, held.id()).await? else {
        return Ok(Some("unchanged"));
    };
    let end = (ExecutionState::Stopped, "stopped_by_trigger");
    sequences::end_running(&held.tx, Column::Id.eq(running.id), end, held.now).await?;
    Ok(None)
}

/// Takes the hits of a turn; what each came to. What a trigger asked for whose limit was reached
/// meanwhile is not done.
pub(super) async fn take_hits(held: &Held, report: &mut Report) -> Result<Vec<HitOutcome>, Error> {
    let mut outcomes = Vec::new();
    for hit in &report.hits {
        let outcome = triggers::take(&held.tx, hit, held.id(), held.now).await?;
        if outcome != hit.outcome {
            refuse(&mut report.actions, &hit.trigger.origin(), outcome.as_str());
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Keeps them, with what they did.
pub(super) async fn keep_hits(
    held: &Held,
    turn_id: Uuid,
    report: &Report,
    outcomes: Vec<HitOutcome>,
) -> Result<(), Error> {
    for (hit, outcome) in report.hits.iter().zip(outcomes) {
        let at = (held.id(), turn_id);
        triggers::keep(&held.tx, &held.world, hit, at, outcome, &report.actions).await?;
    }
    Ok(())
}

fn refuse(actions: &mut [Action], origin: &str, reason: &str) {
    for action in actions.iter_mut().filter(|one| one.origin == origin) {
        action.state = ActionState::Refused;
        reason.clone_into(&mut action.reason);
        action.effect = None;
    }
}

/// A turn that nobody's message has begun.
pub(super) struct Own<'a> {
    pub(super) turn_id: Uuid,
    pub(super) agent: &'a Agent,
    /// `None`: nothing may be said.
    pub(super) mode: Option<AnswerMode>,
    pub(super) report: Report,
    pub(super) zone: Tz,
}

/// Keeps such a turn, with what it says and does, and its conversation.
pub(super) async fn commit(mut held: Held, own: Own<'_>) -> Result<(), Error> {
    let Own {
        turn_id,
        agent,
        mode,
        mut report,
        zone,
    } = own;
    let row = turn::Model {
        mode: turns::LIVE.to_owned(),
        control_epoch: held.live.control_epoch,
        inbound_sequence: held.live.last_inbound,
        ..turns::begun(&held.tx, turn_id, held.id(), agent, held.now)?
    };
    turns::insert(&held.tx, row).await?;
    if report.sentences.is_empty() {
        // What only acts is no turn of the talk.
        held.conversation.cost_micro_usd += report.usage.cost_micro_usd;
    } else {
        turns::note_report(&mut held.conversation, &report, held.now);
    }
    if report.outcome == Outcome::HandedOff {
        held.pass_to_human(&report.handoff_reason, None).await?;
    }
    report.state = speak(&mut held, turn_id, agent, mode, &report).await?;
    let lead = lead_of(&held);
    actions::bind(&mut report.actions, lead);
    let outcomes = take_hits(&held, &mut report).await?;
    perform(&held, agent, zone, &mut report.actions).await?;
    keep_hits(&held, turn_id, &report, outcomes).await?;
    let contact = (held.live.connection_id, held.live.contact_id);
    let ending = Ending {
        conversation_id: held.id(),
        turn_id,
        client: &memory::client_key(Some(contact), held.id()),
        memory_days: agent.settings.memory_days,
        lead,
        is_live: true,
        state: report.state,
    };
    Box::pin(write_back::keep(&held.tx, &held.world, &ending, &report)).await?;
    turns::update(&held.tx, turn_id, &report).await?;
    let steps = &report.steps;
    let ids = steps.iter().map(|_| held.world.new_id()).collect();
    if !steps.is_empty() {
        turns::insert_steps(&held.tx, turn_id, steps, ids).await?;
    }
    let sent = report.state == State::Sent;
    let (tx, now) = (held.tx.clone(), held.now);
    held.save().await?;
    turns::count_activity(&tx, agent.id, sent, now).await
}

async fn speak(
    held: &mut Held,
    turn_id: Uuid,
    agent: &Agent,
    mode: Option<AnswerMode>,
    report: &Report,
) -> Result<State, Error> {
    if report.sentences.is_empty() || report.state != State::Sent {
        return Ok(State::Skipped);
    }
    let kind = match report.outcome {
        Outcome::HandedOff => ReplyKind::HandOff,
        _ => ReplyKind::FollowUp,
    };
    match mode {
        None | Some(AnswerMode::Off) => Ok(State::Skipped),
        Some(AnswerMode::Auto) => {
            let new = NewReplies {
                kind,
                turn_id: Some(turn_id),
                request_id: None,
                parts: parts(&report.sentences, agent),
            };
            replies::queue(held, new).await?;
            Ok(State::Sent)
        }
        Some(AnswerMode::Draft) => {
            drafts::keep(held, turn_id, kind, report).await?;
            Ok(State::Draft)
        }
    }
}
