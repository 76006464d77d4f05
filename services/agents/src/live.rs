//! Live conversations: from what happens in the CRM to what is said there.
//!
//! Each step is one commit that also enqueues the job of the next: an event schedules a turn, a
//! turn queues replies, a reply that has left queues the one behind it. Any of these jobs may run
//! twice or die at any point. What keeps that harmless: a turn runs under the ticket that the
//! conversation holds, its report is taken under the lease of the job, and a reply goes out under
//! its own id as the idempotency key, after a commit in which nobody had spoken since.

mod automation;
pub(crate) mod event;
pub(crate) mod news;

use std::sync::Arc;

use t11_core::World;
use t11_core::{Fault as _, FaultKind, OrgScope};
use t11_grpc::Peer;
use uuid::Uuid;

use crate::Error;
use crate::briefing::Briefing;
use crate::chat::{Nobody, ScopedSources, past_of};
use crate::clients::crm::Crm;
use crate::clients::{Accounts, Llm, OrganizationSettings};
use crate::conversation::Delivery;
use crate::knowledge_search::KnowledgeSearch;
use crate::store::{LiveBeginning, LiveEnd, Outgoing, Sending, Store};
use crate::turn::{self, Inbound, Mode, Report, State};
use event::CrmEvent;
use news::{Change, News, Watch};

/// Failed tries of a job after which it does what needs no neighbour.
const LAST_ATTEMPT: i32 = 7;
/// Failed tries of the models after which a person takes over.
const MODEL_TRIES: i32 = 2;

/// A try of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Of its lease: grows with every lease of the job.
    pub(crate) fence: i64,
    /// Failed tries before it.
    pub(crate) number: i32,
}

impl Attempt {
    fn is_last(self) -> bool {
        self.number >= LAST_ATTEMPT
    }
}

/// How a message fared that was handed to crm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fared {
    pub(crate) delivery: Delivery,
    /// Of one that failed.
    pub(crate) reason: String,
    /// Kommo's id of it; may be empty.
    pub(crate) external_id: String,
}

impl Fared {
    fn without_id(delivery: Delivery, reason: &str) -> Self {
        Self {
            delivery,
            reason: reason.to_owned(),
            external_id: String::new(),
        }
    }
}

/// Where live conversations are led.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) search: Arc<KnowledgeSearch>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) llm: Peer,
    pub(crate) crm: Crm,
    pub(crate) world: World,
    pub(crate) news: Arc<News>,
    pub(crate) briefing: Arc<Briefing>,
}

impl Desk {
    /// Takes what happened in the CRM.
    pub(crate) async fn handle(&self, scope: &OrgScope, event: CrmEvent) -> Result<(), Error> {
        let zone = self.accounts.organization(scope.org()).await?.zone;
        for conversation in self.store.take_event(scope, event, zone).await? {
            self.news.tell(scope.org(), conversation);
        }
        Ok(())
    }

    /// Answers what a client has written, unless somebody has spoken since.
    pub(crate) async fn run_turn(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
        ticket: Uuid,
        attempt: Attempt,
    ) -> Result<(), Error> {
        let organization = self.accounts.organization(scope.org()).await?;
        // From before it begins, so that nothing is missed that is said from then on.
        let news = self.news.watch(scope.org()).await;
        let begun = self
            .store
            .begin_live_turn(
                scope,
                conversation,
                ticket,
                attempt.fence,
                organization.zone,
            )
            .await;
        self.news.tell(scope.org(), conversation);
        let beginning = match begun {
            Ok(Some(beginning)) => beginning,
            Ok(None) => return Ok(()),
            // Deleted meanwhile.
            Err(Error::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let inbound = self.inbound(scope, &beginning, organization).await?;
        let report = tokio::select! {
            report = Box::pin(self.answer(scope, &beginning, &inbound)) => report,
            stopped = self.until_stopped(scope, &beginning, attempt.fence, news) => return stopped,
        };
        let end = LiveEnd {
            conversation_id: conversation,
            turn_id: beginning.turn.id,
            fence: attempt.fence,
            report: settled(report?, attempt, &inbound)?,
            agent: beginning.agent,
            mode: beginning.mode,
            zone: inbound.zone,
        };
        Box::pin(self.store.end_live_turn(scope, end)).await?;
        self.news.tell(scope.org(), conversation);
        Ok(())
    }

    async fn answer(
        &self,
        scope: &OrgScope,
        beginning: &LiveBeginning,
        inbound: &Inbound,
    ) -> Result<Report, Error> {
        let (llm, world) = (self.llm.clone(), self.world.clone());
        let model = Llm::of_turn(llm, world, &beginning.turn, &beginning.agent).whole();
        let sources = ScopedSources {
            store: &self.store,
            search: &self.search,
            scope,
            editions: &inbound.known.editions,
        };
        turn::run(inbound, &model, &sources, &Nobody).await
    }

    async fn inbound(
        &self,
        scope: &OrgScope,
        beginning: &LiveBeginning,
        organization: OrganizationSettings,
    ) -> Result<Inbound, Error> {
        let LiveBeginning {
            agent,
            settings,
            stage,
            conversation,
            ..
        } = beginning;
        let known = self
            .briefing
            .live(scope, agent, settings, stage.as_ref(), conversation)
            .await?;
        Ok(Inbound {
            agent: beginning.agent.clone(),
            mode: Mode::Live,
            text: beginning.text.clone(),
            past: beginning.past.iter().cloned().map(past_of).collect(),
            opted_out: conversation.opted_out,
            turns: conversation.turn_count,
            answers_last_hour: beginning.answers_last_hour,
            chat_cost_micro_usd: conversation.cost_micro_usd,
            now: self.world.now(),
            zone: organization.zone,
            language: organization.language,
            known,
        })
    }

    /// Returns when somebody has spoken since the turn began, so that no more is asked of a model.
    /// That nothing is sent then does not rest on it.
    async fn until_stopped(
        &self,
        scope: &OrgScope,
        beginning: &LiveBeginning,
        fence: i64,
        mut news: Watch,
    ) -> Result<(), Error> {
        let (turn, conversation) = (beginning.turn.id, beginning.turn.conversation_id);
        // The first news is that it has begun, unless more was missed.
        let mut is_own = news.about(conversation).await != Change::Any;
        while is_own || self.store.is_running(scope, turn, fence).await? {
            is_own = false;
            news.about(conversation).await;
        }
        Ok(())
    }

    /// Sends one message, if nobody has spoken since it was decided.
    pub(crate) async fn send(
        &self,
        scope: &OrgScope,
        reply: Uuid,
        attempt: Attempt,
    ) -> Result<(), Error> {
        match self.store.begin_reply(scope, reply, attempt.fence).await? {
            Sending::Nothing => Ok(()),
            Sending::Send(outgoing) => {
                self.news.tell(scope.org(), outgoing.conversation_id);
                let fared = self.hand_over(&outgoing, attempt).await?;
                self.note_delivery(scope, reply, fared).await
            }
            Sending::Ask(outgoing, reason) => match self.crm.delivery(reply).await? {
                Some(fared) => self.note_delivery(scope, reply, fared).await,
                None => {
                    let fence = attempt.fence;
                    self.store
                        .give_up_reply(scope, reply, fence, reason)
                        .await?;
                    self.news.tell(scope.org(), outgoing.conversation_id);
                    Ok(())
                }
            },
        }
    }

    async fn hand_over(&self, outgoing: &Outgoing, attempt: Attempt) -> Result<Fared, Error> {
        let fault = match self.crm.send(outgoing).await {
            Ok(fared) => return Ok(fared),
            Err(fault) => fault,
        };
        let reason = fault.reason().to_owned();
        if is_refusal(fault.kind()) {
            Ok(Fared::without_id(Delivery::Failed, &reason))
        } else if attempt.is_last() {
            // It may be there; nobody sends it again.
            Ok(Fared::without_id(Delivery::Unknown, &reason))
        } else {
            Err(fault)
        }
    }

    /// Notes how a message fared; what follows it is sent.
    pub(crate) async fn note_delivery(
        &self,
        scope: &OrgScope,
        reply: Uuid,
        fared: Fared,
    ) -> Result<(), Error> {
        if let Some(conversation) = self.store.note_reply(scope, reply, fared).await? {
            self.news.tell(scope.org(), conversation);
        }
        Ok(())
    }
}

/// Whether trying again cannot help, and nothing was sent.
fn is_refusal(kind: FaultKind) -> bool {
    match kind {
        FaultKind::Invalid
        | FaultKind::Unauthenticated
        | FaultKind::Forbidden
        | FaultKind::NotFound
        | FaultKind::AlreadyExists
        | FaultKind::Precondition
        | FaultKind::Unimplemented => true,
        FaultKind::Stale
        | FaultKind::Exhausted
        | FaultKind::Unavailable
        | FaultKind::Timeout
        | FaultKind::Internal => false,
    }
}

/// What a turn ends with whose models have failed: another try, in the end a person.
fn settled(report: Report, attempt: Attempt, inbound: &Inbound) -> Result<Report, Error> {
    if report.state != State::Failed {
        return Ok(report);
    }
    if attempt.number >= MODEL_TRIES {
        return Ok(turn::give_up(report, inbound));
    }
    let (reason, message) = report.error.unwrap_or_default();
    Err(Error::ModelAway { reason, message })
}

#[cfg(test)]
mod tests;
