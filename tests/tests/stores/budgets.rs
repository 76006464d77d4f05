//! What is spent on models stays what the records say, however often the process is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use t11_testkit::fake_model::{CHAT_MODEL, FakeModel, Script};
use t11_tests::Client;
use t11_tests::client::new_id;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::program::Program;

/// Kills of the short form; `T11_BUDGET_KILLS` asks for more.
const KILLS: u32 = 5;
/// Programs that call without a pause.
const CALLERS: u32 = 4;
/// What a call costs: less than it may at the listed price.
const COST_MICRO_USD: i64 = 5;
const CAP_MICRO_USD: i64 = 1_000_000_000;
/// A process lives for at most so long after it is ready.
const LIFE_MS: u128 = 250;

/// What the organization's books say.
#[derive(Debug)]
struct Books {
    /// Of all records.
    recorded: i64,
    spent: i64,
    reserved: i64,
}

impl Books {
    async fn read(owner: &Client) -> Self {
        let budgets = owner.get("/api/llm/budgets").await.ok();
        let usage = owner.get("/api/llm/usage").await.ok();
        let number = |value: &Value| value.as_str().unwrap().parse().unwrap();
        let budget = &budgets["budgets"][0];
        Self {
            recorded: number(&usage["total"]["cost_micro_usd"]),
            spent: number(&budget["spent_micro_usd"]),
            reserved: number(&budget["reserved_micro_usd"]),
        }
    }
}

fn answer() -> Script {
    Script::stream()
        .text("Да")
        .finish("stop")
        .usage(10, 1, "0.000005")
        .done()
}

/// Calls until told to stop or until its process is dead.
async fn call(client: Client, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let question = json!({
            "model": CHAT_MODEL, "max_tokens": 10,
            "messages": [{"role": "user", "content": "Есть доставка?"}],
        });
        let asked = client.request(reqwest::Method::POST, "/v1/chat/completions");
        let Ok(answer) = asked.json(&question).send().await else {
            return;
        };
        let Ok(_read) = answer.bytes().await else {
            return;
        };
    }
}

/// Lets programs call the process, and kills it while they do.
async fn life(process: Program, token: &str) {
    let client = process.stranger().with_token(token);
    let stop = Arc::<AtomicBool>::default();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(call(client.clone(), stop.clone()));
    }
    let life = new_id().as_u128() % LIFE_MS;
    sleep(Duration::from_millis(u64::try_from(life).unwrap())).await;
    // Dropped, it is killed.
    drop(process);
    stop.store(true, Ordering::Relaxed);
    callers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_budget_drifts_however_often_the_process_is_killed() {
    let asked = std::env::var("T11_BUDGET_KILLS").ok();
    let kills = asked.and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let model = FakeModel::start().await;
    let folder = TempDir::new().unwrap();
    let url = model.base_url();
    let variables = [
        ("OPENROUTER_BASE_URL", &*url),
        ("OPENROUTER_API_KEY", "sk-or-v1-test"),
        ("T11_LLM__SERVER", "openrouter"),
    ];
    let start = || Program::dev_with(folder.path(), &variables);
    let first = start();
    let owner = first.stranger().register("Killed").await;
    let token = owner.token().to_owned();
    let budget = json!({
        "resource": "organization", "period": "BUDGET_PERIOD_MONTH",
        "cap_micro_usd": CAP_MICRO_USD.to_string(),
    });
    owner.put("/api/llm/budgets", budget).await.ok();
    owner.get("/api/llm/models").await.ok();
    drop(first);
    for kill in 0..kills {
        // More than are asked for in a life.
        for _ in 0..500 {
            model.script(answer());
        }
        life(start(), &token).await;
        let process = start();
        let books = Books::read(&process.stranger().with_token(&token)).await;
        let asked = i64::try_from(model.completions().len()).unwrap();
        let upstream = asked * COST_MICRO_USD;
        assert_eq!(books.recorded, books.spent, "after kill {kill}: {books:?}");
        assert!(books.spent + books.reserved <= CAP_MICRO_USD, "{books:?}");
        assert!(
            books.spent + books.reserved >= upstream,
            "after kill {kill}: {books:?}, and the provider took {upstream}"
        );
    }
    let asked = model.completions().len();
    assert!(asked > 0, "nothing was called");
    eprintln!("budgets: {kills} kills, {asked} calls, no drift");
}
