//! Turns of live conversations: begun under the lease of a job, ended with the messages to send.

use chrono::TimeDelta;
use chrono_tz::Tz;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, QueryFilter as _};
use t11_core::OrgScope;
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::automation;
use super::drafts;
use super::held::{Answering, By, Decision, Held};
use super::replies::{self, NewReplies, Part, ReplyKind};
use crate::Error;
use crate::agent::{Agent, AnswerMode};
use crate::conversation::{Conversation, Message, Turn};
use crate::crm_settings::{CrmSettings, StageSettings};
use crate::jobs::run_turn;
use crate::memory;
use crate::store::actions::{self, LeadRef};
use crate::store::entity::turn::{Column, Entity, Model};
use crate::store::write_back::{self, Ending};
use crate::store::{Store, turns};
use crate::turn::{Outcome, Report, Sentence, State, pace};

/// A job is given up before that.
const LONGEST: TimeDelta = TimeDelta::minutes(10);
/// Characters of one message; Kommo takes no longer one.
const MOST_CHARS: usize = 4_000;
/// A live turn at its beginning.
pub(crate) struct LiveBeginning {
    pub(crate) turn: Turn,
    pub(crate) agent: Agent,
    pub(crate) settings: CrmSettings,
    pub(crate) mode: AnswerMode,
    pub(crate) stage: Option<StageSettings>,
    pub(crate) conversation: Conversation,
    /// All that the client has written since it was answered.
    pub(crate) text: String,
    /// What was said before, oldest first.
    pub(crate) past: Vec<Message>,
    pub(crate) answers_last_hour: i64,
}

/// How a turn ends.
pub(crate) struct LiveEnd {
    pub(crate) conversation_id: Uuid,
    pub(crate) turn_id: Uuid,
    /// Of the job that ran it.
    pub(crate) fence: i64,
    pub(crate) agent: Agent,
    pub(crate) mode: AnswerMode,
    pub(crate) report: Report,
    /// Of the organization.
    pub(crate) zone: Tz,
}

impl Store {
    /// Begins the turn of `ticket`, or takes it over from a process that died. `None` when another
    /// turn has taken its place, it has ended, or nothing is to be said (which is stored).
    pub(crate) async fn begin_live_turn(
        &self,
        scope: &OrgScope,
        conversation_id: Uuid,
        ticket: Uuid,
        fence: i64,
        zone: Tz,
    ) -> Result<Option<LiveBeginning>, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let mut held = Held::open(&tx, &world, conversation_id).await?;
                    if held.live.ticket != Some(ticket) {
                        return Ok(None);
                    }
                    let known = of_ticket(&tx, conversation_id, ticket).await?;
                    if known.as_ref().is_some_and(|row| !may_be_run(row, fence)) {
                        return Ok(None);
                    }
                    let beginning = match held.decide(zone).await? {
                        Decision::Silent(reason) => {
                            held.fall_silent(reason).await?;
                            None
                        }
                        Decision::Answer(answering) => match answering.opening {
                            Some(opening) => {
                                held.give_notice(&answering, opening).await?;
                                let job = run_turn::job(&world, conversation_id, ticket, opening);
                                tx.enqueue(job).await?;
                                None
                            }
                            None => Some(begin(&mut held, ticket, fence, known, *answering).await?),
                        },
                    };
                    let saved = held.save().await?;
                    Ok(beginning.map(|beginning| LiveBeginning {
                        conversation: saved,
                        ..beginning
                    }))
                })
            })
            .await
    }

    /// Whether a turn still runs under this lease: nobody has spoken since it began.
    pub(crate) async fn is_running(
        &self,
        scope: &OrgScope,
        turn_id: Uuid,
        fence: i64,
    ) -> Result<bool, Error> {
        self.db
            .read(scope, move |tx| async move {
                let row = by_id(&tx, turn_id).await?;
                Ok(row.is_some_and(|row| is_held_by(&row, fence)))
            })
            .await
    }

    /// Stores the report, with what is to be sent or approved, in one commit. `false` when somebody
    /// has spoken since the turn began: then nothing of it is kept.
    pub(crate) async fn end_live_turn(
        &self,
        scope: &OrgScope,
        end: LiveEnd,
    ) -> Result<bool, Error> {
        let world = self.world.clone();
        let step_ids: Vec<_> = end.report.steps.iter().map(|_| world.new_id()).collect();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let mut held = Held::open(&tx, &world, end.conversation_id).await?;
                    let row = by_id(&tx, end.turn_id).await?;
                    let Some(row) = row.filter(|row| is_held_by(row, end.fence)) else {
                        return Ok(false);
                    };
                    let now = (row.control_epoch, row.inbound_sequence);
                    if now != (held.live.control_epoch, held.live.last_inbound) {
                        held.supersede(By::Other("control_changed")).await?;
                        held.save().await?;
                        return Ok(false);
                    }
                    turns::note_report(&mut held.conversation, &end.report, held.now);
                    held.live.ticket = None;
                    held.live.burst_time = None;
                    let state = conclude(&mut held, &end).await?;
                    let mut report = Report {
                        state,
                        ..end.report
                    };
                    let lead = lead_of(&held);
                    actions::bind(&mut report.actions, lead);
                    let outcomes = automation::take_hits(&held, &mut report).await?;
                    let own = &mut report.actions;
                    automation::perform(&held, &end.agent, end.zone, own).await?;
                    automation::keep_hits(&held, end.turn_id, &report, outcomes).await?;
                    let contact = (held.live.connection_id, held.live.contact_id);
                    let ending = Ending {
                        conversation_id: held.id(),
                        turn_id: end.turn_id,
                        client: &memory::client_key(Some(contact), held.id()),
                        memory_days: end.agent.settings.memory_days,
                        lead,
                        is_live: true,
                        state,
                    };
                    Box::pin(write_back::keep(&tx, &world, &ending, &report)).await?;
                    turns::update(&tx, end.turn_id, &report).await?;
                    turns::insert_steps(&tx, end.turn_id, &report.steps, step_ids).await?;
                    let answered = state == State::Sent;
                    let now = held.now;
                    held.save().await?;
                    turns::count_activity(&tx, end.agent.id, answered, now).await?;
                    Ok(true)
                })
            })
            .await
    }
}

/// What the report means for the conversation; the state in which the turn ends.
async fn conclude(held: &mut Held, end: &LiveEnd) -> Result<State, Error> {
    let report = &end.report;
    if report.opted_out {
        // Nothing decided before is sent any more.
        held.live.control_epoch += 1;
        automation::stop(held, "opted_out").await?;
    }
    if report.outcome == Outcome::HandedOff {
        held.pass_to_human(&report.handoff_reason, None).await?;
    }
    if report.sentences.is_empty() || report.state != State::Sent {
        return fall_silent(held, end).await;
    }
    held.live.silence_reason.clear();
    let kind = kind_of(report);
    if end.mode == AnswerMode::Auto {
        let turn_id = Some(end.turn_id);
        let parts = parts(&report.sentences, &end.agent);
        let new = NewReplies {
            kind,
            turn_id,
            request_id: None,
            parts,
        };
        replies::queue(held, new).await?;
        return Ok(State::Sent);
    }
    drafts::keep(held, end.turn_id, kind, report).await?;
    held.settle("draft", Some(end.turn_id)).await?;
    Ok(State::Draft)
}

/// The lead that the turn's actions are done to.
pub(super) fn lead_of(held: &Held) -> Option<LeadRef> {
    let lead_id = held.live.lead_id;
    (lead_id != 0).then_some(LeadRef {
        connection_id: held.live.connection_id,
        lead_id,
    })
}

async fn fall_silent(held: &mut Held, end: &LiveEnd) -> Result<State, Error> {
    let report = &end.report;
    let reason = match report.skip_reason.as_str() {
        "" => "turn_failed",
        reason => reason,
    };
    reason.clone_into(&mut held.live.silence_reason);
    if reason == "small_talk_ack" {
        held.live.answered = held.live.last_inbound;
        held.live.unanswered = false;
    }
    held.settle(reason, Some(end.turn_id)).await?;
    Ok(match report.state {
        State::Sent | State::Running => State::Skipped,
        state => state,
    })
}

fn kind_of(report: &Report) -> ReplyKind {
    if report.opted_out {
        ReplyKind::OptOut
    } else if report.outcome == Outcome::HandedOff {
        ReplyKind::HandOff
    } else {
        ReplyKind::Answer
    }
}

/// The messages of an answer, each with its sentences and its delay.
pub(super) fn parts(sentences: &[Sentence], agent: &Agent) -> Vec<Part> {
    let texts: Vec<_> = sentences.iter().map(|one| one.text.as_str()).collect();
    let mut rest = sentences;
    let mut parts = Vec::new();
    for part in pace::parts(&texts, agent.settings.max_parts) {
        let (own, others) = rest.split_at(part.len());
        rest = others;
        let text = part.join(" ");
        let text: String = text.chars().take(MOST_CHARS).collect();
        parts.push(Part {
            delay: pace::delay(&text, &agent.settings),
            sentences: own.to_vec(),
            text,
        });
    }
    parts
}

async fn begin(
    held: &mut Held,
    ticket: Uuid,
    fence: i64,
    known: Option<Model>,
    answering: Answering,
) -> Result<LiveBeginning, Error> {
    // A message that comes from now on opens a window of its own.
    held.live.burst_time = None;
    let id = known
        .as_ref()
        .map_or_else(|| held.world.new_id(), |row| row.id);
    let create_time = known.as_ref().map_or(held.now, |row| row.create_time);
    if known.is_some() {
        take_over(held, id, fence, &answering.agent).await?;
    } else {
        let row = Model {
            request_id: Some(ticket),
            mode: turns::LIVE.to_owned(),
            expire_time: held.now + LONGEST,
            fence,
            control_epoch: held.live.control_epoch,
            inbound_sequence: held.live.last_inbound,
            ..turns::begun(&held.tx, id, held.id(), &answering.agent, held.now)?
        };
        turns::insert(&held.tx, row).await?;
    }
    Ok(LiveBeginning {
        turn: Turn {
            id,
            conversation_id: held.id(),
            agent_id: answering.agent.id,
            version: answering.agent.version(),
            state: State::Running,
            create_time,
            report: None,
        },
        agent: answering.agent,
        settings: answering.settings,
        mode: answering.mode,
        stage: answering.stage,
        conversation: held.conversation.clone(),
        text: answering.text,
        past: answering.past,
        answers_last_hour: answering.answers_last_hour,
    })
}

async fn take_over(held: &Held, id: Uuid, fence: i64, agent: &Agent) -> Result<(), Error> {
    let version = agent.version();
    let taking = held
        .tx
        .update_many::<Entity>()?
        .filter(Column::Id.eq(id))
        .col_expr(Column::State, Expr::value(State::Running.as_str()))
        .col_expr(Column::ErrorReason, Expr::value(""))
        .col_expr(Column::ErrorMessage, Expr::value(""))
        .col_expr(Column::Fence, Expr::value(fence))
        .col_expr(Column::VersionId, Expr::value(version.map(|one| one.id)))
        .col_expr(
            Column::VersionNumber,
            Expr::value(version.map_or(0, |one| one.number)),
        )
        .col_expr(Column::ControlEpoch, Expr::value(held.live.control_epoch))
        .col_expr(Column::InboundSequence, Expr::value(held.live.last_inbound))
        .col_expr(Column::ExpireTime, Expr::value(held.now + LONGEST));
    taking.exec(&held.tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// A try that was interrupted may be made again, under a later lease.
fn may_be_run(row: &Model, fence: i64) -> bool {
    let running = row.state == State::Running.as_str();
    let interrupted = row.state == State::Failed.as_str() && row.error_reason == turns::INTERRUPTED;
    (running || interrupted) && row.fence <= fence
}

fn is_held_by(row: &Model, fence: i64) -> bool {
    row.state == State::Running.as_str() && row.fence == fence
}

async fn of_ticket(tx: &Tx, conversation: Uuid, ticket: Uuid) -> Result<Option<Model>, Error> {
    let found = tx
        .find::<Entity>()?
        .filter(Column::ConversationId.eq(conversation))
        .filter(Column::RequestId.eq(ticket))
        .one(tx)
        .await;
    Ok(found.map_err(StoreError::from)?)
}

async fn by_id(tx: &Tx, id: Uuid) -> Result<Option<Model>, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    Ok(found.map_err(StoreError::from)?)
}
