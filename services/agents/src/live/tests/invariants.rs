//! Whatever clients, people, duplicates, failing neighbours and dying workers do in between: one
//! burst gets at most one answer, nothing is sent after somebody else took the word, an event that
//! comes twice changes nothing, and in the end nobody is forgotten.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, Notify};
use uuid::Uuid;

use super::rig::{Rig, at_once};
use super::stand_ins::{CrmPlan, ModelPlan};
use crate::agent::Settings;
use crate::conversation::{Author, Controller, Conversation};
use crate::jobs::run_turn;
use crate::live::Fared;
use crate::live::event::CrmEvent;

/// What happens next.
#[derive(Debug, Clone)]
enum Op {
    ClientWrites,
    PersonWrites,
    /// An event comes once more, under its own name or another.
    Duplicate(prop::sample::Index, bool),
    TakeOver,
    HandBack,
    Wait(i64),
    /// A job that is due runs.
    Run(prop::sample::Index),
    /// It runs, and then once more: what it was settled with was lost.
    RunTwice(prop::sample::Index),
    /// Its worker dies where it waits for a neighbour.
    Die(prop::sample::Index, bool),
    /// It runs, and this happens while the model thinks.
    RunMeanwhile(prop::sample::Index, bool),
    Crm(CrmPlan),
    ModelFails,
    /// Late news of a message.
    News(prop::sample::Index),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let index = any::<prop::sample::Index>;
    let crm = prop_oneof![
        Just(CrmPlan::Unknown),
        Just(CrmPlan::Fail),
        Just(CrmPlan::Refuse),
        Just(CrmPlan::LoseAnswer),
    ];
    let op = prop_oneof![
        4 => Just(Op::ClientWrites),
        1 => Just(Op::PersonWrites),
        2 => (index(), any::<bool>()).prop_map(|(at, same)| Op::Duplicate(at, same)),
        1 => Just(Op::TakeOver),
        2 => Just(Op::HandBack),
        4 => (0..20_i64).prop_map(Op::Wait),
        6 => index().prop_map(Op::Run),
        2 => index().prop_map(Op::RunTwice),
        3 => (index(), any::<bool>()).prop_map(|(at, after)| Op::Die(at, after)),
        2 => (index(), any::<bool>()).prop_map(|(at, person)| Op::RunMeanwhile(at, person)),
        2 => crm.prop_map(Op::Crm),
        1 => Just(Op::ModelFails),
        1 => index().prop_map(Op::News),
    ];
    prop::collection::vec(op, 1..30)
}

/// What was seen from outside, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Client,
    /// A person wrote.
    Person,
    /// A person took the word without writing.
    Taken,
    Back,
    /// By its key.
    Sent(String),
    /// One that was sent did not arrive: what it answers is open again.
    Lost,
}

struct Case<'a> {
    rig: &'a mut Rig,
    seen: Vec<Seen>,
    events: Vec<CrmEvent>,
    /// Messages that neighbours had taken when they were looked at last.
    sent: usize,
}

#[test]
fn nothing_is_doubled_forgotten_or_said_out_of_turn() {
    let runtime = Runtime::new().unwrap();
    let settings = Settings {
        quiet_window_seconds: 4,
        max_parts: 2,
        min_reply_delay_seconds: 1,
        ..at_once()
    };
    let rig = Mutex::new(runtime.block_on(Rig::start(settings)));
    let config = Config {
        cases: 150,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&ops(), |ops| {
        runtime.block_on(async {
            let mut rig = rig.lock().await;
            // A client of its own, whom no case before knows.
            rig.chat += 1;
            rig.collect().await;
            rig.jobs.clear();
            rig.clear_plans();
            let sent = rig.said().len();
            let case = Case {
                rig: &mut rig,
                seen: Vec::new(),
                events: Vec::new(),
                sent,
            };
            case.play(ops).await
        })
    });
    outcome.unwrap();
}

impl Case<'_> {
    async fn play(mut self, ops: Vec<Op>) -> Result<(), TestCaseError> {
        for op in ops {
            self.step(op).await?;
            self.look();
        }
        self.rig.clear_plans();
        self.rig.run_all().await;
        self.look();
        self.check().await?;
        self.nobody_is_forgotten().await
    }

    async fn step(&mut self, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::ClientWrites => self.client_writes().await,
            Op::PersonWrites => self.person_writes().await,
            Op::Duplicate(at, same) => return self.duplicate(at, same).await,
            Op::TakeOver => {
                if let Some(conversation) = self.rig.find_conversation().await {
                    let taking = self.rig.inbox.take_over(&self.rig.scope, conversation.id);
                    taking.await.unwrap();
                    self.seen.push(Seen::Taken);
                }
            }
            Op::HandBack => {
                if let Some(conversation) = self.rig.find_conversation().await {
                    self.rig.hand_back(conversation.id).await;
                    self.seen.push(Seen::Back);
                }
            }
            Op::Wait(seconds) => self.rig.advance(TimeDelta::seconds(seconds)),
            Op::Run(at) => {
                if let Some(index) = self.due(at).await {
                    self.rig.run(index).await;
                }
            }
            Op::RunTwice(at) => {
                if let Some(index) = self.due(at).await {
                    let job = self.rig.jobs[index].clone();
                    self.rig.run(index).await;
                    self.look();
                    drop(self.rig.lease(&job).await);
                }
            }
            Op::Die(at, after) => {
                if let Some(index) = self.due(at).await {
                    self.die(index, after).await;
                }
            }
            Op::RunMeanwhile(at, person) => {
                if let Some(index) = self.due(at).await {
                    self.run_meanwhile(index, person).await;
                }
            }
            Op::Crm(plan) => self.rig.plan_crm(plan),
            Op::ModelFails => self.rig.plan_model(ModelPlan::Fail),
            Op::News(at) => self.news(at).await,
        }
        Ok(())
    }

    async fn client_writes(&mut self) {
        let text = format!("Вопрос {}", "а".repeat(self.events.len() + 1));
        let event = self.rig.client_event(&text);
        self.events.push(event.clone());
        self.rig.handle(event).await;
        self.seen.push(Seen::Client);
    }

    async fn person_writes(&mut self) {
        let event = self.rig.person_event("Я отвечу сам.");
        self.events.push(event.clone());
        self.rig.handle(event).await;
        self.seen.push(Seen::Person);
    }

    /// What comes twice changes nothing.
    async fn duplicate(
        &mut self,
        at: prop::sample::Index,
        same: bool,
    ) -> Result<(), TestCaseError> {
        if self.events.is_empty() {
            return Ok(());
        }
        let mut event = at.get(&self.events).clone();
        if !same {
            event.name = format!("events/{}", Uuid::from_u128(u128::MAX));
        }
        self.rig.collect().await;
        let before = (self.conversation().await, self.rig.jobs.len());
        let lost = |one: &Conversation| one.live.as_ref().is_some_and(|live| live.has_error);
        if same && before.0.as_ref().is_some_and(lost) {
            // Handled again, a message whose answer did not arrive is answered again.
            return Ok(());
        }
        let messages = self.rig.messages().await.len();
        self.rig.handle(event).await;
        self.rig.collect().await;
        prop_assert_eq!(before, (self.conversation().await, self.rig.jobs.len()));
        prop_assert_eq!(messages, self.rig.messages().await.len());
        Ok(())
    }

    /// The conversation, but for when it changed last.
    async fn conversation(&self) -> Option<Conversation> {
        let conversation = self.rig.find_conversation().await?;
        Some(Conversation {
            update_time: conversation.create_time,
            ..conversation
        })
    }

    async fn due(&mut self, at: prop::sample::Index) -> Option<usize> {
        self.rig.collect().await;
        let due = self.rig.due();
        (!due.is_empty()).then(|| *at.get(&due))
    }

    async fn die(&mut self, index: usize, after: bool) {
        if self.rig.jobs[index].kind == run_turn::KIND {
            self.rig.neighbours.model.lock().push_front(ModelPlan::Hang);
        } else {
            let plan = if after {
                CrmPlan::HangAfter
            } else {
                CrmPlan::HangBefore
            };
            self.rig.neighbours.crm.lock().push_front(plan);
        }
        self.rig.die(index).await;
        self.rig.clear_plans();
    }

    async fn run_meanwhile(&mut self, index: usize, person: bool) {
        if self.rig.jobs[index].kind != run_turn::KIND {
            return;
        }
        let go = Arc::new(Notify::new());
        self.rig
            .neighbours
            .model
            .lock()
            .push_front(ModelPlan::Hold(go.clone()));
        let job = self.rig.jobs.remove(index);
        let text = format!("Вопрос {}", "б".repeat(self.events.len() + 1));
        let (event, seen) = if person {
            (self.rig.person_event("Я отвечу сам."), Seen::Person)
        } else {
            (self.rig.client_event(&text), Seen::Client)
        };
        let neighbours = self.rig.neighbours.clone();
        let (run, rig) = self.rig.beside(&job);
        let meanwhile = async {
            neighbours.reached.notified().await;
            rig.handle(event.clone()).await;
            go.notify_one();
        };
        let mut happened = false;
        let ended = {
            let mut run = std::pin::pin!(run);
            tokio::select! {
                ended = &mut run => ended,
                () = meanwhile => {
                    happened = true;
                    run.await
                }
            }
        };
        self.rig.settle(index, job, ended);
        self.rig.clear_plans();
        if happened {
            self.events.push(event);
            self.seen.push(seen);
        }
    }

    async fn news(&mut self, at: prop::sample::Index) {
        use crate::conversation::Delivery::{Accepted, Delivered, Failed, Read, Unknown};
        let keys: Vec<_> = self.seen.iter().filter_map(key).collect();
        if keys.is_empty() {
            return;
        }
        let delivery = *at.get(&[Unknown, Accepted, Delivered, Read, Failed]);
        let fared = Fared {
            delivery,
            reason: String::new(),
            external_id: String::new(),
        };
        let key: &String = at.get(&keys);
        let reply = Uuid::try_parse(key).unwrap();
        let noting = self.rig.desk.note_delivery(&self.rig.scope, reply, fared);
        noting.await.unwrap();
        if delivery == Failed {
            self.seen.push(Seen::Lost);
        }
    }

    /// Notes what neighbours have taken since.
    fn look(&mut self) {
        let sent = self.rig.neighbours.sent.lock();
        let new = sent[self.sent..].iter();
        self.seen
            .extend(new.map(|(key, _)| Seen::Sent(key.clone())));
        self.sent = sent.len();
    }

    async fn check(&self) -> Result<(), TestCaseError> {
        if self.events.is_empty() {
            return Ok(());
        }
        let messages = self.rig.messages().await;
        let turns: HashMap<_, _> = messages
            .iter()
            .map(|message| (message.id.to_string(), message.turn_id))
            .collect();
        let (mut is_human, mut asked, mut speaking) = (false, false, None);
        let mut begun = HashSet::new();
        for seen in &self.seen {
            match seen {
                Seen::Client => (asked, speaking) = (true, None),
                Seen::Person => (is_human, asked, speaking) = (true, false, None),
                Seen::Taken => (is_human, speaking) = (true, None),
                Seen::Back => is_human = false,
                Seen::Sent(key) => {
                    prop_assert!(!is_human, "out of turn: {:?}", self.seen);
                    let turn = turns[key];
                    prop_assert!(turn.is_some());
                    let continues = speaking == turn;
                    let begins = asked && begun.insert(turn);
                    prop_assert!(continues || begins, "doubled: {:?}", self.seen);
                    (asked, speaking) = (false, turn);
                }
                Seen::Lost => asked = true,
            }
        }
        Ok(())
    }

    /// Who waits either has been answered, or people see that somebody waits, and why.
    async fn nobody_is_forgotten(&self) -> Result<(), TestCaseError> {
        let Some(conversation) = self.rig.find_conversation().await else {
            return Ok(());
        };
        let live = conversation.live().unwrap();
        let said_last = self
            .rig
            .messages()
            .await
            .into_iter()
            .rfind(|message| message.author != Author::System);
        let client_waits = live.last_inbound > live.answered
            && said_last.is_some_and(|message| message.author == Author::Client);
        let is_shown = live.controller == Controller::Human || live.has_error;
        prop_assert!(
            !client_waits || is_shown,
            "forgotten: {:?} {:?}",
            live,
            self.seen
        );
        prop_assert!(live.ticket.is_none() || live.controller == Controller::Human);
        Ok(())
    }
}

fn key(seen: &Seen) -> Option<String> {
    match seen {
        Seen::Sent(key) => Some(key.clone()),
        _ => None,
    }
}
