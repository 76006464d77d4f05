//! A conversation held for a change.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use t11_core::World;
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::automation;
use super::drafts::DraftState;
use super::replies::{self, NewReplies, ReplyKind};
use crate::Error;
use crate::agent::{Agent, AnswerMode};
use crate::conversation::{Author, Carriage, Controller, Conversation, Delivery, Live, Message};
use crate::crm_settings::{CrmSettings, Placement, StageSettings};
use crate::jobs::{note_verdict, run_turn, tell_handoff};
use crate::store::entity::{draft, message, reply, turn};
use crate::store::{agents, conversations, crm_settings, turns};
use crate::turn::skip_rules::{Situation, SkipReason, opening, skip_reason};
use crate::turn::{Mode, Sentence, State, window};

/// Messages of the client that a turn answers at most.
const BURST: u64 = 50;

/// A live conversation, locked until the transaction ends. What was changed is kept by
/// [`Held::save`].
pub(super) struct Held {
    pub(super) tx: Tx,
    pub(super) world: World,
    pub(super) now: DateTime<Utc>,
    pub(super) conversation: Conversation,
    pub(super) live: Live,
}

/// What becomes of the client's unanswered messages.
pub(super) enum Decision {
    /// Nothing is said, and why.
    Silent(&'static str),
    Answer(Box<Answering>),
}

/// Who answers what.
pub(super) struct Answering {
    pub(super) agent: Agent,
    pub(super) settings: CrmSettings,
    pub(super) mode: AnswerMode,
    pub(super) stage: Option<StageSettings>,
    /// The agent is closed until then.
    pub(super) opening: Option<DateTime<Utc>>,
    /// What the client has written since it was answered.
    pub(super) text: String,
    /// What was said before, oldest first.
    pub(super) past: Vec<Message>,
    pub(super) answers_last_hour: i64,
}

/// A message to be kept.
pub(super) struct NewMessage {
    pub(super) id: Uuid,
    pub(super) author: Author,
    pub(super) content: String,
    pub(super) sentences: Vec<Sentence>,
    pub(super) turn_id: Option<Uuid>,
    pub(super) carriage: Carriage,
}

/// Whose words take the place of what was about to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The client's: an answer would be to an old question. What needs no question still goes out.
    Client,
    /// A person's, or the end of the talk: nothing goes out.
    Other(&'static str),
}

impl Held {
    pub(super) fn new(tx: &Tx, world: &World, mut held: Conversation) -> Result<Self, Error> {
        let live = held.live.take().ok_or(Error::ConversationNotLive)?;
        Ok(Self {
            tx: tx.clone(),
            world: world.clone(),
            now: world.now(),
            conversation: held,
            live,
        })
    }

    pub(super) async fn open(tx: &Tx, world: &World, id: Uuid) -> Result<Self, Error> {
        Self::new(tx, world, conversations::held(tx, id).await?)
    }

    pub(super) fn id(&self) -> Uuid {
        self.conversation.id
    }

    pub(super) async fn save(mut self) -> Result<Conversation, Error> {
        self.conversation.update_time = self.now;
        self.conversation.live = Some(self.live);
        conversations::save(&self.tx, &self.conversation).await?;
        Ok(self.conversation)
    }

    pub(super) async fn append(&mut self, new: NewMessage) -> Result<Message, Error> {
        self.conversation.last_sequence += 1;
        let message = Message {
            id: new.id,
            conversation_id: self.id(),
            sequence: self.conversation.last_sequence,
            author: new.author,
            content: new.content,
            sentences: new.sentences,
            turn_id: new.turn_id,
            create_time: self.now,
            carriage: Carriage {
                connection_id: Some(self.live.connection_id),
                ..new.carriage
            },
        };
        conversations::insert_message(&self.tx, &message).await?;
        Ok(message)
    }

    /// Whatever was about to be said is not said any more.
    pub(super) async fn supersede(&mut self, by: By) -> Result<(), Error> {
        let reason = match by {
            By::Client => "newer_inbound",
            By::Other(reason) => reason,
        };
        self.stop_turns(State::Running, reason).await?;
        if self.live.has_draft {
            self.expire_drafts().await?;
            self.stop_turns(State::Draft, reason).await?;
        }
        self.suppress_replies(by, reason).await?;
        self.live.ticket = None;
        Ok(())
    }

    async fn stop_turns(&self, state: State, reason: &str) -> Result<(), Error> {
        let stopping = self
            .tx
            .update_many::<turn::Entity>()?
            .filter(turn::Column::ConversationId.eq(self.id()))
            .filter(turn::Column::State.eq(state.as_str()))
            .col_expr(turn::Column::State, Expr::value(State::Superseded.as_str()))
            .col_expr(turn::Column::SkipReason, Expr::value(reason));
        stopping.exec(&self.tx).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn expire_drafts(&mut self) -> Result<(), Error> {
        self.live.has_draft = false;
        let expiring = self
            .tx
            .update_many::<draft::Entity>()?
            .filter(draft::Column::ConversationId.eq(self.id()))
            .filter(draft::Column::State.eq(DraftState::Pending.as_str()))
            .col_expr(
                draft::Column::State,
                Expr::value(DraftState::Expired.as_str()),
            )
            .col_expr(draft::Column::EndTime, Expr::value(self.now));
        expiring.exec(&self.tx).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn suppress_replies(&self, by: By, reason: &str) -> Result<(), Error> {
        let queued = self
            .tx
            .find::<reply::Entity>()?
            .filter(reply::Column::ConversationId.eq(self.id()))
            .filter(reply::Column::State.eq(Delivery::Queued.as_str()))
            .all(&self.tx)
            .await
            .map_err(StoreError::from)?;
        for row in queued {
            let kind = ReplyKind::parse(&row.kind).ok_or(Error::Corrupt("reply"))?;
            let stops = match by {
                By::Client => kind.answers_a_question(),
                By::Other(_) => kind != ReplyKind::Human,
            };
            if stops {
                replies::suppress(&self.tx, &row, reason, self.now).await?;
            }
        }
        Ok(())
    }

    /// A person has the word from now on.
    pub(super) async fn pass_to_human(
        &mut self,
        reason: &str,
        user: Option<Uuid>,
    ) -> Result<(), Error> {
        let hours = self.resume_after_hours().await?;
        automation::stop(self, automation::reason_of(reason)).await?;
        self.live.control_epoch += 1;
        self.live.controller = Controller::Human;
        self.live.controller_user = user;
        reason.clone_into(&mut self.live.handoff_reason);
        self.live.resume_time = (hours > 0).then(|| self.now + TimeDelta::hours(hours.into()));
        self.live.burst_time = None;
        if user.is_none() && automation::reason_of(reason) == "handed_off" {
            let job = tell_handoff::job(&self.world, self.id(), self.live.control_epoch);
            self.tx.enqueue(job).await?;
        }
        Ok(())
    }

    /// The agent has the word from now on.
    pub(super) fn pass_to_bot(&mut self) {
        self.live.control_epoch += 1;
        self.live.controller = Controller::Bot;
        self.live.controller_user = None;
        self.live.handoff_reason.clear();
        self.live.resume_time = None;
    }

    async fn resume_after_hours(&self) -> Result<i32, Error> {
        let agent_id = match self.conversation.agent_id {
            Some(agent_id) => agent_id,
            None => match self.placement().await? {
                Placement::Agent { agent, .. } => agent.id,
                Placement::Off(_) => return Ok(0),
            },
        };
        let agent = agents::by_id(&self.tx, agent_id).await?;
        let (_, settings) = crm_settings::answering(&self.tx, agent).await?;
        Ok(settings.rules.resume_after_hours)
    }

    pub(super) async fn placement(&self) -> Result<Placement, Error> {
        let Live {
            connection_id,
            pipeline_id,
            stage_id,
            ..
        } = self.live;
        let channel = &self.conversation.channel;
        crm_settings::agent_at(&self.tx, connection_id, pipeline_id, stage_id, channel).await
    }

    /// Decides what becomes of the client's unanswered messages. Gives the word back to the agent
    /// when its time has come.
    pub(super) async fn decide(&mut self, zone: Tz) -> Result<Decision, Error> {
        if self.live.controller == Controller::Human {
            if self.live.resume_time.is_none_or(|time| time > self.now) {
                return Ok(Decision::Silent("human"));
            }
            self.pass_to_bot();
        }
        let (agent, settings, mode, stage) = match self.placement().await? {
            Placement::Off(reason) => return Ok(Decision::Silent(reason)),
            Placement::Agent {
                agent,
                settings,
                answer_mode,
                stage,
            } => (*agent, *settings, answer_mode, stage),
        };
        self.conversation.agent_id = Some(agent.id);
        let (burst, past) = self.burst().await?;
        let texts: Vec<_> = burst.iter().map(|one| one.content.as_str()).collect();
        let text = texts.join("\n");
        let answers_last_hour = turns::answers_last_hour(&self.tx, &agent, self.now).await?;
        let situation = Situation {
            agent: &agent,
            mode: Mode::Live,
            text: &text,
            after_answer: past.last().is_some_and(|one| one.author != Author::Client),
            opted_out: self.conversation.opted_out,
            turns: self.conversation.turn_count,
            answers_last_hour,
            chat_cost_micro_usd: self.conversation.cost_micro_usd,
            now: self.now,
            zone,
        };
        let opening = match skip_reason(&situation) {
            None => None,
            Some(SkipReason::OutsideHours) => {
                let opening = opening(&agent.settings, self.now, zone);
                if opening.is_none() {
                    let reason = SkipReason::OutsideHours.as_str();
                    return Ok(Decision::Silent(reason));
                }
                opening
            }
            Some(reason) => return Ok(Decision::Silent(reason.as_str())),
        };
        Ok(Decision::Answer(Box::new(Answering {
            agent,
            settings,
            mode,
            stage,
            opening,
            text,
            past,
            answers_last_hour,
        })))
    }

    /// The client's unanswered messages, and what was said before them, oldest first.
    async fn burst(&self) -> Result<(Vec<Message>, Vec<Message>), Error> {
        let all = conversations::newest(&self.tx, self.id(), turns::PAST + BURST).await?;
        let (burst, past): (Vec<_>, Vec<_>) = all.into_iter().partition(|message| {
            message.author == Author::Client && message.sequence > self.live.answered
        });
        let past = past.into_iter().filter(was_said).collect();
        Ok((burst, past))
    }

    /// Answers the client's unanswered messages later, or says why not.
    pub(super) async fn consider(&mut self, zone: Tz) -> Result<Verdict, Error> {
        match self.decide(zone).await? {
            Decision::Silent(reason) => {
                self.fall_silent(reason).await?;
                Ok(Verdict::Noted(reason.to_owned()))
            }
            Decision::Answer(answering) => {
                let time = self.answer_time(&answering).await?;
                self.schedule(time).await?;
                let is_draft = answering.mode == AnswerMode::Draft;
                let word = if is_draft { "draft" } else { "answered" };
                Ok(Verdict::Later(word.to_owned()))
            }
        }
    }

    async fn answer_time(&mut self, answering: &Answering) -> Result<DateTime<Utc>, Error> {
        if let Some(opening) = answering.opening {
            self.give_notice(answering, opening).await?;
            SkipReason::OutsideHours
                .as_str()
                .clone_into(&mut self.live.silence_reason);
            return Ok(opening);
        }
        self.live.silence_reason.clear();
        let first = *self.live.burst_time.get_or_insert(self.now);
        let seconds = answering.agent.settings.quiet_window_seconds;
        Ok(window::answer_time(first, self.now, seconds).max(self.now))
    }

    /// Says once, until it opens, that the agent is closed.
    pub(super) async fn give_notice(
        &mut self,
        answering: &Answering,
        opening: DateTime<Utc>,
    ) -> Result<(), Error> {
        let text = &answering.agent.settings.outside_hours_text;
        let said = self.live.notice_time.is_some_and(|told| told >= opening);
        if said || text.is_empty() || answering.mode != AnswerMode::Auto {
            return Ok(());
        }
        self.live.notice_time = Some(opening);
        let notice = NewReplies::of_text(ReplyKind::Notice, text.clone());
        replies::queue(self, notice).await?;
        Ok(())
    }

    /// Says nothing, and shows why.
    pub(super) async fn fall_silent(&mut self, reason: &'static str) -> Result<(), Error> {
        self.live.ticket = None;
        self.live.burst_time = None;
        reason.clone_into(&mut self.live.silence_reason);
        if reason == SkipReason::SmallTalkAck.as_str() {
            self.live.answered = self.live.last_inbound;
            self.live.unanswered = false;
        }
        self.settle(reason, None).await
    }

    /// A turn runs at `time`; what was to run before does not.
    pub(super) async fn schedule(&mut self, time: DateTime<Utc>) -> Result<(), Error> {
        let ticket = self.world.new_id();
        self.live.ticket = Some(ticket);
        let job = run_turn::job(&self.world, self.id(), ticket, time);
        Ok(self.tx.enqueue(job).await?)
    }

    /// Notes what became of the client's messages at their events, where that was open.
    pub(super) async fn settle(&self, verdict: &str, turn: Option<Uuid>) -> Result<(), Error> {
        self.settle_until(i64::MAX, verdict, turn).await
    }

    /// The same up to a message.
    pub(super) async fn settle_until(
        &self,
        sequence: i64,
        verdict: &str,
        turn: Option<Uuid>,
    ) -> Result<(), Error> {
        let open = self
            .tx
            .find::<message::Entity>()?
            .filter(message::Column::ConversationId.eq(self.id()))
            .filter(message::Column::Author.eq(Author::Client.as_str()))
            .filter(message::Column::Verdict.eq(""))
            .filter(message::Column::Sequence.lte(sequence))
            .order_by_asc(message::Column::Sequence)
            .all(&self.tx)
            .await
            .map_err(StoreError::from)?;
        for row in open {
            self.set_verdict(row.id, verdict).await?;
            self.note(&row.event, verdict, turn).await?;
        }
        Ok(())
    }

    /// What became of the messages of a turn is open again.
    pub(super) async fn reopen(&self, turn: Uuid) -> Result<(), Error> {
        let Some(sequence) = self.inbound_of(turn).await? else {
            return Ok(());
        };
        let opening = self
            .tx
            .update_many::<message::Entity>()?
            .filter(message::Column::ConversationId.eq(self.id()))
            .filter(message::Column::Author.eq(Author::Client.as_str()))
            .filter(message::Column::Verdict.eq("draft"))
            .filter(message::Column::Sequence.lte(sequence))
            .col_expr(message::Column::Verdict, Expr::value(""));
        opening.exec(&self.tx).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn inbound_of(&self, turn: Uuid) -> Result<Option<i64>, Error> {
        let found = self
            .tx
            .find::<turn::Entity>()?
            .select_only()
            .column(turn::Column::InboundSequence)
            .filter(turn::Column::Id.eq(turn))
            .into_tuple()
            .one(&self.tx)
            .await;
        Ok(found.map_err(StoreError::from)?)
    }

    pub(super) async fn set_verdict(&self, message: Uuid, verdict: &str) -> Result<(), Error> {
        let setting = self
            .tx
            .update_many::<message::Entity>()?
            .filter(message::Column::Id.eq(message))
            .col_expr(message::Column::Verdict, Expr::value(verdict));
        setting.exec(&self.tx).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn note(&self, event: &str, verdict: &str, turn: Option<Uuid>) -> Result<(), Error> {
        if event.is_empty() {
            return Ok(());
        }
        let job = note_verdict::job(&self.world, event, verdict, Some(self.id()), turn);
        Ok(self.tx.enqueue(job).await?)
    }

    /// Whether a message of ours is on its way to the client.
    pub(super) async fn is_speaking(&self) -> Result<bool, Error> {
        let moving = [Delivery::Queued, Delivery::Sending, Delivery::Unknown];
        self.has_reply(&moving).await
    }

    /// Whether a message of ours has not left yet.
    pub(super) async fn is_sending(&self) -> Result<bool, Error> {
        self.has_reply(&[Delivery::Queued, Delivery::Sending]).await
    }

    async fn has_reply(&self, states: &[Delivery]) -> Result<bool, Error> {
        let states = states.iter().map(|state| state.as_str());
        let found = self
            .tx
            .find::<reply::Entity>()?
            .filter(reply::Column::ConversationId.eq(self.id()))
            .filter(reply::Column::State.is_in(states))
            .limit(1)
            .one(&self.tx)
            .await;
        Ok(found.map_err(StoreError::from)?.is_some())
    }
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Noted with the client's message.
    Noted(String),
    /// To be noted.
    Note(String),
    /// A turn will tell; as it looks now, this.
    Later(String),
}

/// The client has seen it, as far as is known.
pub(super) fn was_said(message: &Message) -> bool {
    !matches!(
        message.carriage.delivery,
        Some(Delivery::Queued | Delivery::Failed | Delivery::Suppressed)
    )
}
