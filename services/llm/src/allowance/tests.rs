use chrono::TimeDelta;
use t11_store::testing::TestDb;

use super::*;
use crate::budget::{Budget, Exhaustion, ORGANIZATION};
use crate::provider::Tokens;
use crate::store::Store;
use crate::sweep::sweep;
use crate::usage::{Bill, CallRecord, Outcome, UsageQuery, UsageSum};

const ORG: OrgId = OrgId(Uuid::from_u128(7));
const WORST: NanoUsd = NanoUsd(1_000);
const COST: NanoUsd = NanoUsd(10);

/// A process with its ledger.
struct Process {
    allowances: Allowances,
    store: Store,
    world: World,
    shutdown: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Process {
    fn start(db: &TestDb) -> Self {
        let (store, world) = (Store::new(db.db()), World::system());
        let ledger = Ledger::new(store.clone(), world.clone(), Duration::from_secs(1));
        let allowances = Allowances::new(store.clone(), ledger.clone(), world.clone());
        let shutdown = CancellationToken::new();
        let keeping = allowances.clone().keep(shutdown.clone());
        let tasks = vec![tokio::spawn(keeping), tokio::spawn(ledger.write())];
        Self {
            allowances,
            store,
            world,
            shutdown,
            tasks,
        }
    }

    async fn draw(&self) -> Result<Draw, Error> {
        let call = Reservation {
            id: self.world.new_id(),
            request_id: self.world.new_id(),
            purpose: "turn".to_owned(),
            agent: "agents/1".to_owned(),
            provider: "openrouter".to_owned(),
            model: "a/b".to_owned(),
            amount: WORST,
            create_time: self.world.now(),
            expire_time: self.world.now() + TimeDelta::milliseconds(300),
        };
        self.allowances.draw(&scope(), call, Vec::new()).await
    }

    /// A call that ends well.
    async fn call(&self) -> Result<(), Error> {
        let draw = self.draw().await?;
        let keeping = self.allowances.ledger.begin(self.record(), draw);
        keeping.kept().await;
        Ok(())
    }

    fn record(&self) -> CallRecord {
        CallRecord {
            id: self.world.new_id(),
            request_id: self.world.new_id(),
            create_time: self.world.now(),
            purpose: "turn".to_owned(),
            agent: "agents/1".to_owned(),
            provider: "openrouter".into(),
            model: "a/b".to_owned(),
            key: None,
            cached: false,
            generation: String::new(),
            outcome: Outcome::Ok,
            reason: None,
            bill: Bill {
                tokens: Tokens::default(),
                cost: COST,
                cost_known: true,
            },
            attempts: 1,
            first_token_ms: None,
            total_ms: 1,
        }
    }

    /// Spent and held.
    async fn purse(&self) -> (i64, i64) {
        let budgets = self
            .store
            .budgets(&scope(), self.world.now())
            .await
            .unwrap();
        (budgets[0].spent.0, budgets[0].held.0)
    }

    async fn recorded(&self) -> UsageSum {
        let now = self.world.now();
        let all = UsageQuery {
            start: now - TimeDelta::days(1),
            end: now + TimeDelta::days(1),
            agent: String::new(),
        };
        let days = self.store.usage_by_day(&scope(), all).await.unwrap();
        UsageSum::total(&days)
    }

    async fn stop(self) {
        self.shutdown.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

fn scope() -> OrgScope {
    crate::own_scope(ORG).unwrap()
}

async fn database() -> TestDb {
    TestDb::new(|db| async move { t11_migrations::migrate("llm", &db).await }).await
}

async fn cap(process: &Process, cap: i64) {
    let budget = Budget {
        id: process.world.new_id(),
        resource: ORGANIZATION.to_owned(),
        period: Period::Month,
        cap: NanoUsd(cap),
        exhaustion: Exhaustion::Degrade,
    };
    let (scope, now) = (scope(), process.world.now());
    let set = process.store.set_budget(&scope, budget, now).await;
    set.unwrap();
    process.allowances.renew(&scope).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_follow_each_other_share_reservations() {
    let db = database().await;
    let process = Process::start(&db);
    cap(&process, 1_000_000_000).await;
    for _ in 0..200 {
        process.call().await.unwrap();
    }
    process.allowances.settled(&scope()).await;
    let (spent, held) = process.purse().await;
    assert_eq!(spent, 200 * COST.0);
    assert!(held < 1_000_000_000 / 16, "{held} is held");
    let sum = process.recorded().await;
    assert_eq!((sum.calls, sum.bill.cost.0), (200, spent));
    let reserved = db.db().counters().writes;
    assert!(reserved < 100, "{reserved} transactions for 200 calls");

    let (store, world) = (process.store.clone(), process.world.clone());
    process.stop().await;
    let budgets = store.budgets(&scope(), world.now()).await.unwrap();
    assert_eq!(budgets[0].held, NanoUsd(0), "it is given back at the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_needed_is_there_for_the_next_call() {
    let db = database().await;
    let process = Process::start(&db);
    // Each call may cost 1,000 and costs 10.
    cap(&process, 1_050).await;
    for call in 1..=6 {
        assert!(process.call().await.is_ok(), "call {call}");
    }
    let refused = process.call().await.unwrap_err();
    assert!(matches!(refused, Error::BudgetExceeded(_)), "{refused}");
    assert_eq!(process.purse().await, (60, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_together_hold_no_more_than_the_cap() {
    let db = database().await;
    let processes = [Process::start(&db), Process::start(&db)];
    cap(&processes[0], 20 * WORST.0).await;
    let draws = (0..200).map(|number| processes[number % 2].draw());
    let draws = futures::future::join_all(draws).await;
    let drawn = draws.iter().filter(|draw| draw.is_ok()).count();
    assert!(drawn <= 20, "{drawn} calls run");
    let (spent, held) = processes[0].purse().await;
    assert_eq!(spent, 0);
    assert!(held <= 20 * WORST.0, "{held} is held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_cap_is_felt_by_the_next_call() {
    let db = database().await;
    let process = Process::start(&db);
    cap(&process, 1_000_000_000).await;
    for _ in 0..20 {
        process.call().await.unwrap();
    }
    cap(&process, 0).await;
    let refused = process.call().await.unwrap_err();
    assert!(matches!(refused, Error::BudgetExceeded(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_costs_what_it_had_drawn_and_no_purse_drifts() {
    let db = database().await;
    let mut answered = 0;
    let process = Process::start(&db);
    cap(&process, 1_000_000_000).await;
    for _ in 0..20 {
        let dying = Process::start(&db);
        for _ in 0..10 {
            dying.call().await.unwrap();
            answered += 1;
        }
        // Nothing of it is told.
        std::mem::forget(dying.draw().await.unwrap());
        dying.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    sweep(&process.store, &process.world).await.unwrap();
    let (spent, held) = process.purse().await;
    let sum = process.recorded().await;
    assert_eq!(held, 0);
    assert_eq!(spent, sum.bill.cost.0);
    assert!(spent >= answered * COST.0, "{spent} for {answered} calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_allowance_is_given_back() {
    let db = database().await;
    let process = Process::start(&db);
    cap(&process, 1_000_000_000).await;
    for _ in 0..20 {
        process.call().await.unwrap();
    }
    process.allowances.settled(&scope()).await;
    assert!(process.purse().await.1 > 0);
    while process.purse().await.1 > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
