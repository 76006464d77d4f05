//! Rows of turns: begun with the client's message in one commit, ended with the answer in one.

mod stored;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
};
use t11_core::OrgScope;
use t11_store::{StoreError, System, Tx};
use uuid::Uuid;

use super::entity::turn::{ActiveModel, Column, Entity, Model};
use super::entity::{agent, turn_step};
use super::write_back::{self, Ending};
use super::{Store, conversations, to_json, versions};
use crate::Error;
use crate::agent::Agent;
use crate::briefing::client_key;
use crate::conversation::{Author, Carriage, Conversation, EVAL, Message, Turn, title};
use crate::turn::{Language, Report, State, Step};
use crate::version::Frozen;
use stored::with_steps;

/// A turn that has not ended by then was interrupted: the chat's deadline and a little.
pub(super) const LONGEST: TimeDelta = TimeDelta::seconds(200);
/// Messages of the past a turn may look at.
pub(super) const PAST: u64 = 40;
/// Words of a turn's mode.
const TEST: &str = "test";
/// See [`TEST`].
pub(super) const LIVE: &str = "live";
/// What a turn failed of whose process died.
pub(super) const INTERRUPTED: &str = "INTERRUPTED";

/// What a client's message set going.
pub(crate) enum Begun {
    /// A new turn, with all that it needs to know.
    Turn(Box<Beginning>),
    /// The request was answered before.
    Repeated(Box<(Message, Turn, Option<Message>)>),
}

/// What a client says in a test.
pub(crate) struct Saying {
    pub(crate) text: String,
    pub(crate) from: AnsweringFrom,
    pub(crate) request_id: Option<Uuid>,
}

/// What a test is answered from.
pub(crate) enum AnsweringFrom {
    Draft,
    /// By its agent and itself.
    Version((Uuid, Uuid)),
    /// In a run of a suite.
    Frozen(Arc<Frozen>),
}

/// A turn at its beginning.
pub(crate) struct Beginning {
    pub(crate) turn: Turn,
    /// The client's message.
    pub(crate) message: Message,
    pub(crate) agent: Agent,
    pub(crate) conversation: Conversation,
    /// Before the client's message, oldest first.
    pub(crate) past: Vec<Message>,
    pub(crate) answers_last_hour: i64,
}

impl Store {
    /// Stores the client's message and begins a turn, in one commit.
    pub(crate) async fn begin_turn(
        &self,
        scope: &OrgScope,
        conversation_id: Uuid,
        saying: Saying,
    ) -> Result<Begun, Error> {
        let Saying {
            text,
            from,
            request_id,
        } = saying;
        let (now, turn_id, message_id) =
            (self.world.now(), self.world.new_id(), self.world.new_id());
        self.db
            .write(scope, move |tx| async move {
                let mut conversation = conversations::held(&tx, conversation_id).await?;
                let agent_id = match (&conversation.live, conversation.agent_id) {
                    (None, Some(agent_id)) => agent_id,
                    _ => return Err(Error::ConversationLive),
                };
                if let Some(repeated) = repeated(&tx, conversation_id, request_id).await? {
                    return Ok(Begun::Repeated(Box::new(repeated)));
                }
                refuse_second(&tx, conversation_id, now).await?;
                let agent = super::agents::by_id(&tx, agent_id).await?;
                let mode = match &from {
                    AnsweringFrom::Frozen(_) => EVAL,
                    AnsweringFrom::Draft | AnsweringFrom::Version(_) => TEST,
                };
                let agent = answering(&tx, agent, from).await?;
                let past = conversations::newest(&tx, conversation_id, PAST).await?;
                let message = Message {
                    id: message_id,
                    conversation_id,
                    sequence: conversation.last_sequence + 1,
                    author: Author::Client,
                    content: text,
                    sentences: Vec::new(),
                    turn_id: Some(turn_id),
                    create_time: now,
                    carriage: Carriage::default(),
                };
                conversations::insert_message(&tx, &message).await?;
                note_inbound(&mut conversation, &message);
                conversations::save(&tx, &conversation).await?;
                let row = Model {
                    request_id,
                    mode: mode.to_owned(),
                    ..begun(&tx, turn_id, conversation_id, &agent, now)?
                };
                insert(&tx, row).await?;
                let turn = Turn {
                    id: turn_id,
                    conversation_id,
                    agent_id: agent.id,
                    version: agent.version(),
                    state: State::Running,
                    create_time: now,
                    report: None,
                };
                let answers_last_hour = answers_last_hour(&tx, &agent, now).await?;
                let beginning = Beginning {
                    turn,
                    message,
                    agent,
                    conversation,
                    past,
                    answers_last_hour,
                };
                Ok(Begun::Turn(Box::new(beginning)))
            })
            .await
    }

    /// Stores the report and the answer, in one commit. A turn that was ended meanwhile (cancelled,
    /// or swept as interrupted) stays as it is.
    pub(crate) async fn end_turn(
        &self,
        scope: &OrgScope,
        turn: &Turn,
        report: Report,
    ) -> Result<Option<Message>, Error> {
        let (now, answer_id) = (self.world.now(), self.world.new_id());
        let world = self.world.clone();
        let step_ids: Vec<_> = report.steps.iter().map(|_| self.world.new_id()).collect();
        let (id, conversation_id, agent_id) = (turn.id, turn.conversation_id, turn.agent_id);
        // It would be most of the future's size.
        let report = Box::new(report);
        self.db
            .write(scope, move |tx| async move {
                let mut conversation = conversations::held(&tx, conversation_id).await?;
                if by_id(&tx, conversation_id, id).await?.state != State::Running {
                    return Ok(None);
                }
                update(&tx, id, &report).await?;
                insert_steps(&tx, id, &report.steps, step_ids).await?;
                note_report(&mut conversation, &report, now);
                let answer = answer(&mut conversation, id, answer_id, &report, now);
                if let Some(answer) = &answer {
                    conversations::insert_message(&tx, answer).await?;
                }
                conversations::save(&tx, &conversation).await?;
                let client = client_key(&conversation);
                let agent = super::agents::by_id(&tx, agent_id).await?;
                let ending = Ending {
                    conversation_id,
                    turn_id: id,
                    client: &client,
                    memory_days: agent.settings.memory_days,
                    lead: None,
                    is_live: false,
                    state: report.state,
                };
                Box::pin(write_back::keep(&tx, &world, &ending, &report)).await?;
                if conversation.channel != EVAL {
                    count_activity(&tx, agent_id, answer.is_some(), now).await?;
                }
                Ok(answer)
            })
            .await
    }

    /// Ends a running turn without an answer.
    pub(crate) async fn abandon_turn(
        &self,
        scope: &OrgScope,
        turn: &Turn,
        state: State,
        error: Option<(String, String)>,
    ) -> Result<(), Error> {
        let id = turn.id;
        let (reason, message) = error.unwrap_or_default();
        self.db
            .write(scope, move |tx| async move {
                let ending = tx
                    .update_many::<Entity>()?
                    .filter(Column::Id.eq(id))
                    .filter(Column::State.eq(State::Running.as_str()))
                    .col_expr(
                        Column::State,
                        sea_orm::sea_query::Expr::value(state.as_str()),
                    )
                    .col_expr(Column::ErrorReason, sea_orm::sea_query::Expr::value(reason))
                    .col_expr(
                        Column::ErrorMessage,
                        sea_orm::sea_query::Expr::value(message),
                    );
                ending.exec(&tx).await.map_err(StoreError::from)?;
                Ok(())
            })
            .await
    }

    /// Marks turns that a dead process left behind; with `all`, every running one of the test chat:
    /// those of the CRM's clients are run again by their jobs.
    pub(crate) async fn sweep_interrupted_turns(&self, all: bool) -> Result<u64, Error> {
        use sea_orm::sea_query::Expr;
        let now = self.world.now();
        self.db
            .write(System("sweep of interrupted turns"), move |tx| async move {
                let mut sweep = Entity::update_many()
                    .filter(Column::State.eq(State::Running.as_str()))
                    .col_expr(Column::State, Expr::value(State::Failed.as_str()))
                    .col_expr(Column::ErrorReason, Expr::value(INTERRUPTED))
                    .col_expr(
                        Column::ErrorMessage,
                        Expr::value("the process stopped meanwhile"),
                    );
                sweep = if all {
                    sweep.filter(Column::Mode.eq(TEST))
                } else {
                    sweep.filter(Column::ExpireTime.lt(now))
                };
                let swept = sweep.exec(&tx).await.map_err(StoreError::from)?;
                Ok(swept.rows_affected)
            })
            .await
    }

    /// One turn with its trace.
    pub(crate) async fn turn(
        &self,
        scope: &OrgScope,
        conversation_id: Uuid,
        id: Uuid,
    ) -> Result<Turn, Error> {
        self.db
            .read(scope, move |tx| async move {
                let turn = by_id(&tx, conversation_id, id).await?;
                Ok(turn)
            })
            .await
    }
}

pub(super) fn note_report(conversation: &mut Conversation, report: &Report, now: DateTime<Utc>) {
    conversation.turn_count += 1;
    conversation.cost_micro_usd += report.usage.cost_micro_usd;
    conversation.opted_out |= report.opted_out;
    conversation.update_time = now;
}

pub(super) fn note_inbound(conversation: &mut Conversation, message: &Message) {
    if conversation.display_name.is_empty() {
        conversation.display_name = title(&message.content);
    }
    if let Some(language) = Language::of(&message.content) {
        conversation.language = language.code().to_owned();
    }
    conversation.last_sequence = message.sequence;
    conversation.update_time = message.create_time;
}

fn answer(
    conversation: &mut Conversation,
    turn_id: Uuid,
    id: Uuid,
    report: &Report,
    now: DateTime<Utc>,
) -> Option<Message> {
    if report.sentences.is_empty() || report.state != State::Sent {
        return None;
    }
    conversation.last_sequence += 1;
    Some(Message {
        id,
        conversation_id: conversation.id,
        sequence: conversation.last_sequence,
        author: Author::Agent,
        content: report.text(),
        sentences: report.sentences.clone(),
        turn_id: Some(turn_id),
        create_time: now,
        carriage: Carriage::default(),
    })
}

async fn repeated(
    tx: &Tx,
    conversation_id: Uuid,
    request_id: Option<Uuid>,
) -> Result<Option<(Message, Turn, Option<Message>)>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let found = tx
        .find::<Entity>()?
        .filter(Column::ConversationId.eq(conversation_id))
        .filter(Column::RequestId.eq(request_id))
        .one(tx)
        .await
        .map_err(StoreError::from)?;
    let Some(row) = found else { return Ok(None) };
    let turn = with_steps(tx, row).await?;
    if turn.state == State::Running {
        return Err(Error::TurnRunning);
    }
    let messages = messages_of(tx, turn.id).await?;
    let (inbound, answers): (Vec<_>, Vec<_>) = messages
        .into_iter()
        .partition(|message| message.author == Author::Client);
    let inbound = inbound.into_iter().next().ok_or(Error::Corrupt("turn"))?;
    Ok(Some((inbound, turn, answers.into_iter().next())))
}

async fn messages_of(tx: &Tx, turn_id: Uuid) -> Result<Vec<Message>, Error> {
    use super::entity::message;
    let rows = tx
        .find::<message::Entity>()?
        .filter(message::Column::TurnId.eq(turn_id))
        .order_by_asc(message::Column::Sequence)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter().map(Message::try_from).collect()
}

async fn answering(tx: &Tx, agent: Agent, from: AnsweringFrom) -> Result<Agent, Error> {
    match from {
        AnsweringFrom::Draft => Ok(agent),
        AnsweringFrom::Version((of, id)) if of == agent.id => {
            let frozen = versions::frozen(tx, of, id).await?;
            Ok(agent.answering_from(frozen))
        }
        AnsweringFrom::Version((of, id)) => Err(versions::missing(of, id)),
        AnsweringFrom::Frozen(frozen) => Ok(agent.answering_from(frozen)),
    }
}

/// One turn of a conversation at a time.
async fn refuse_second(tx: &Tx, conversation_id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    let running = tx
        .find::<Entity>()?
        .filter(Column::ConversationId.eq(conversation_id))
        .filter(Column::State.eq(State::Running.as_str()))
        .filter(Column::ExpireTime.gt(now))
        .count(tx)
        .await
        .map_err(StoreError::from)?;
    if running == 0 {
        Ok(())
    } else {
        Err(Error::TurnRunning)
    }
}

/// How many answers an agent has given, counted only where there is a limit; 0 else.
pub(super) async fn answers_last_hour(
    tx: &Tx,
    agent: &Agent,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    if agent.settings.max_answers_per_hour == 0 {
        return Ok(0);
    }
    let count = tx
        .find::<Entity>()?
        .filter(Column::AgentId.eq(agent.id))
        .filter(Column::Mode.ne(EVAL))
        .filter(Column::State.eq(State::Sent.as_str()))
        .filter(Column::CreateTime.gt(now - TimeDelta::hours(1)))
        .count(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

/// To be called last in its transaction: all turns of the agent change this one row, and each holds
/// it until its commit is on disk.
pub(super) async fn count_activity(
    tx: &Tx,
    agent_id: Uuid,
    answered: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use sea_orm::sea_query::{Expr, ExprTrait as _};
    let messages = agent::Column::MessagesTotal;
    let counting = tx
        .update_many::<agent::Entity>()?
        .filter(agent::Column::Id.eq(agent_id))
        .col_expr(messages, Expr::col(messages).add(i64::from(answered)))
        .col_expr(agent::Column::LastActivityTime, Expr::value(now));
    counting.exec(tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// A turn of the test chat at its beginning.
pub(super) fn begun(
    tx: &Tx,
    id: Uuid,
    conversation_id: Uuid,
    agent: &Agent,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    let version = agent.version();
    let empty = || serde_json::Value::Array(Vec::new());
    Ok(Model {
        id,
        org_id: tx.org_id()?.0,
        conversation_id,
        agent_id: agent.id,
        request_id: None,
        mode: TEST.to_owned(),
        state: State::Running.as_str().to_owned(),
        outcome: String::new(),
        skip_reason: String::new(),
        error_reason: String::new(),
        error_message: String::new(),
        passages: empty(),
        prompt: empty(),
        actions: empty(),
        model: String::new(),
        prompt_tokens: 0,
        completion_tokens: 0,
        cost_micro_usd: 0,
        total_ms: 0,
        first_token_ms: 0,
        lexical_only: false,
        create_time: now,
        expire_time: now + LONGEST,
        fence: 0,
        control_epoch: 0,
        inbound_sequence: 0,
        version_id: version.map(|version| version.id),
        version_number: version.map_or(0, |version| version.number),
    })
}

pub(super) async fn insert(tx: &Tx, row: Model) -> Result<(), Error> {
    let inserting = Entity::insert(row.into_active_model());
    let inserted = inserting.exec_without_returning(tx).await;
    inserted.map_err(StoreError::from)?;
    Ok(())
}

pub(super) async fn update(tx: &Tx, id: Uuid, report: &Report) -> Result<(), Error> {
    let (reason, message) = report.error.clone().unwrap_or_default();
    let row = ActiveModel {
        id: ActiveValue::Unchanged(id),
        state: ActiveValue::Set(report.state.as_str().to_owned()),
        outcome: ActiveValue::Set(report.outcome.as_str().to_owned()),
        skip_reason: ActiveValue::Set(report.skip_reason.clone()),
        error_reason: ActiveValue::Set(reason),
        error_message: ActiveValue::Set(message),
        passages: ActiveValue::Set(to_json(&report.passages, "passages")?),
        prompt: ActiveValue::Set(to_json(&report.prompt, "prompt")?),
        actions: ActiveValue::Set(to_json(&report.actions, "actions")?),
        model: ActiveValue::Set(report.model.clone()),
        prompt_tokens: ActiveValue::Set(report.usage.prompt_tokens),
        completion_tokens: ActiveValue::Set(report.usage.completion_tokens),
        cost_micro_usd: ActiveValue::Set(report.usage.cost_micro_usd),
        total_ms: ActiveValue::Set(millis(report.total)),
        first_token_ms: ActiveValue::Set(millis(report.first_token)),
        lexical_only: ActiveValue::Set(report.lexical_only),
        ..Default::default()
    };
    let updated = row.update_without_returning(tx).await;
    updated.map_err(StoreError::from)?;
    Ok(())
}

pub(super) async fn insert_steps(
    tx: &Tx,
    turn_id: Uuid,
    steps: &[Step],
    ids: Vec<Uuid>,
) -> Result<(), Error> {
    let org_id = tx.org_id()?.0;
    let rows = steps
        .iter()
        .zip(ids)
        .enumerate()
        .map(|(index, (step, id))| {
            turn_step::Model {
                id,
                org_id,
                turn_id,
                step_index: i32::try_from(index).unwrap_or(i32::MAX),
                kind: step.kind.as_str().to_owned(),
                verdict: step.verdict.as_str().to_owned(),
                detail: step.detail.clone(),
                took_micros: i64::try_from(step.took.as_micros()).unwrap_or(i64::MAX),
                prompt_tokens: step.usage.prompt_tokens,
                completion_tokens: step.usage.completion_tokens,
                cost_micro_usd: step.usage.cost_micro_usd,
            }
            .into_active_model()
        });
    let inserting = turn_step::Entity::insert_many(rows.collect::<Vec<_>>());
    inserting
        .exec_without_returning(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(())
}

pub(super) async fn by_id(tx: &Tx, conversation_id: Uuid, id: Uuid) -> Result<Turn, Error> {
    let found = tx
        .find::<Entity>()?
        .filter(Column::Id.eq(id))
        .filter(Column::ConversationId.eq(conversation_id))
        .one(tx)
        .await
        .map_err(StoreError::from)?;
    let name = || format!("conversations/{conversation_id}/turns/{id}");
    let row = found.ok_or_else(|| Error::NotFound(name()))?;
    with_steps(tx, row).await
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
