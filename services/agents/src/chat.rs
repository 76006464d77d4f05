//! The test chat: a client's message in, a stream of what happens out. The turn runs beside the
//! stream, so that a client who leaves ends it in a known state.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use t11_core::{OrgScope, World, format_name};
use t11_grpc::Peer;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Error;
use crate::agent::Settings;
use crate::briefing::Briefing;
use crate::clients::{Accounts, Llm};
use crate::conversation::{Author, Message, Turn};
use crate::evaluation::Setup;
use crate::knowledge::index::Filter;
use crate::knowledge_search::KnowledgeSearch;
use crate::store::{Beginning, Store};
use crate::turn::{
    self, Editions, Found, Inbound, Language, Mode, Observer, Past, Report, Sentence, Sources,
    State, Step,
};

/// What happens in a chat.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Step(usize, Step),
    Sentence(Sentence),
    Retracted,
    Finished(Box<(Option<Message>, Turn)>),
    Failed(Arc<Error>),
}

/// Where a case begins, and what its calls are paid from.
pub(crate) struct Tried<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) run: Uuid,
    pub(crate) budget_micro_usd: i64,
}

/// Runs turns of the test chat.
pub(crate) struct Chat {
    pub(crate) store: Store,
    pub(crate) search: Arc<KnowledgeSearch>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) llm: Peer,
    pub(crate) world: World,
    pub(crate) briefing: Arc<Briefing>,
}

impl Chat {
    /// Runs a begun turn to its end and stores how it ended, whatever happens: an answer, a fault,
    /// or `cancelled`.
    pub(crate) async fn run(
        &self,
        scope: &OrgScope,
        beginning: Beginning,
        events: mpsc::Sender<Event>,
        cancelled: CancellationToken,
    ) {
        let turn = beginning.turn.clone();
        let ended = tokio::select! {
            ended = Box::pin(self.answer(scope, beginning, &events)) => ended,
            () = cancelled.cancelled() => {
                self.abandon(scope, &turn, State::Cancelled, None).await;
                return;
            }
        };
        let event = match ended {
            Ok(finished) => Event::Finished(Box::new(finished)),
            Err(error) => {
                let reason = t11_core::Fault::reason(&error).to_owned();
                self.abandon(
                    scope,
                    &turn,
                    State::Failed,
                    Some((reason, error.to_string())),
                )
                .await;
                Event::Failed(Arc::new(error))
            }
        };
        // A client that has left needs no last event; the turn is stored.
        drop(events.send(event).await);
    }

    async fn answer(
        &self,
        scope: &OrgScope,
        beginning: Beginning,
        events: &mpsc::Sender<Event>,
    ) -> Result<(Option<Message>, Turn), Error> {
        let turn = beginning.turn.clone();
        let inbound = self.inbound(scope, beginning).await?;
        let (llm, world) = (self.llm.clone(), self.world.clone());
        let model = Llm::of_turn(llm, world, &turn, &inbound.agent);
        let sources = ScopedSources {
            store: &self.store,
            search: &self.search,
            scope,
            editions: &inbound.known.editions,
        };
        let observer = Channel(events.clone());
        let report = turn::run(&inbound, &model, &sources, &observer).await?;
        let ending = self.store.end_turn(scope, &turn, report.clone());
        let answer = Box::pin(ending).await?;
        Ok((answer, finished(turn, report)))
    }

    /// Runs a begun turn of a case and stores how it ended.
    ///
    /// # Errors
    /// What kept it from its end; the turn is stored as failed.
    pub(crate) async fn evaluate(
        &self,
        scope: &OrgScope,
        beginning: Beginning,
        tried: Tried<'_>,
    ) -> Result<Report, Error> {
        let turn = beginning.turn.clone();
        let ended = Box::pin(self.evaluated(scope, beginning, tried)).await;
        if let Err(error) = &ended {
            let fault = (t11_core::Fault::reason(error).to_owned(), error.to_string());
            self.abandon(scope, &turn, State::Failed, Some(fault)).await;
        }
        ended
    }

    async fn evaluated(
        &self,
        scope: &OrgScope,
        beginning: Beginning,
        tried: Tried<'_>,
    ) -> Result<Report, Error> {
        let turn = beginning.turn.clone();
        let inbound = self.inbound(scope, beginning).await?;
        let mut inbound = Inbound {
            mode: Mode::Eval,
            language: Language::parse(&tried.setup.language).unwrap_or(inbound.language),
            ..inbound
        };
        if let Some(crm) = &mut inbound.known.crm {
            crm.stand_at(tried.setup.pipeline_id, tried.setup.stage_id);
        }
        let run = format_name("evalRuns", tried.run);
        let model = Llm::of_turn(self.llm.clone(), self.world.clone(), &turn, &inbound.agent)
            .whole()
            .paid_from(run, tried.budget_micro_usd);
        let sources = ScopedSources {
            store: &self.store,
            search: &self.search,
            scope,
            editions: &inbound.known.editions,
        };
        let report = turn::run(&inbound, &model, &sources, &Nobody).await?;
        Box::pin(self.store.end_turn(scope, &turn, report.clone())).await?;
        Ok(report)
    }

    async fn inbound(&self, scope: &OrgScope, beginning: Beginning) -> Result<Inbound, Error> {
        let organization = self.accounts.organization(scope.org()).await?;
        let Beginning {
            message,
            agent,
            conversation,
            past,
            answers_last_hour,
            ..
        } = beginning;
        let known = self.briefing.test(scope, &agent, &conversation).await?;
        Ok(Inbound {
            agent,
            mode: Mode::Test,
            text: message.content,
            past: past.into_iter().map(past_of).collect(),
            opted_out: conversation.opted_out,
            turns: conversation.turn_count,
            answers_last_hour,
            chat_cost_micro_usd: conversation.cost_micro_usd,
            now: self.world.now(),
            zone: organization.zone,
            language: organization.language,
            known,
        })
    }

    async fn abandon(
        &self,
        scope: &OrgScope,
        turn: &Turn,
        state: State,
        error: Option<(String, String)>,
    ) {
        if let Err(error) = self.store.abandon_turn(scope, turn, state, error).await {
            // It stays running until it expires, and is swept then.
            tracing::error!(turn.id = %turn.id, error = &error as &dyn std::error::Error, "turn not ended");
        }
    }
}

fn finished(turn: Turn, report: Report) -> Turn {
    Turn {
        state: report.state,
        report: Some(report),
        ..turn
    }
}

pub(crate) fn past_of(message: Message) -> Past {
    Past {
        from_client: message.author == Author::Client,
        text: message.content,
    }
}

/// Nobody watches; the trace is stored at the end.
pub(crate) struct Nobody;

#[async_trait]
impl Observer for Nobody {
    async fn step(&self, _: usize, _: &Step) {}
    async fn sentence(&self, _: &Sentence) {}
    async fn retracted(&self) {}
}

struct Channel(mpsc::Sender<Event>);

#[async_trait]
impl Observer for Channel {
    async fn step(&self, index: usize, step: &Step) {
        self.tell(Event::Step(index, step.clone())).await;
    }
    async fn sentence(&self, sentence: &Sentence) {
        self.tell(Event::Sentence(sentence.clone())).await;
    }
    async fn retracted(&self) {
        self.tell(Event::Retracted).await;
    }
}

impl Channel {
    async fn tell(&self, event: Event) {
        // Fails only when the client has left, which cancels the turn.
        drop(self.0.send(event).await);
    }
}

/// The organization's knowledge and prices, as the agent answers from them.
pub(crate) struct ScopedSources<'a> {
    pub(crate) store: &'a Store,
    pub(crate) search: &'a KnowledgeSearch,
    pub(crate) scope: &'a OrgScope,
    pub(crate) editions: &'a Editions,
}

#[async_trait]
impl Sources for ScopedSources<'_> {
    async fn find(
        &self,
        query: &str,
        settings: &Settings,
        today: NaiveDate,
        limit: usize,
    ) -> Result<Found, Error> {
        let filter = Filter {
            agent: None,
            categories: settings.searched(),
            valid_on: Some(today),
            pinned: self.editions.pinned.clone(),
        };
        let hits = self
            .search
            .passages(self.scope, self.editions.knowledge, query, &filter, limit)
            .await?;
        let prices = match self.editions.prices {
            Some(version) => {
                let naming = self
                    .store
                    .prices_named(self.scope, version, query, today, limit);
                naming.await?
            }
            None => Vec::new(),
        };
        Ok(Found {
            passages: hits.passages,
            prices,
            lexical_only: hits.lexical_only,
        })
    }
}
