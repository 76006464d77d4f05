//! What the platform itself takes of the time between a lead's message and Kommo's «accepted», on
//! the mesh as processes: the quiet window is off, answers are too short to be typed slowly, the model
//! answers at once, and the database knows what its tables hold. `cargo xtask bench mesh` brings what
//! it needs. Prints lines of JSON; among them what tells whether two runs can be compared, which is
//! how much of the processors other machines took meanwhile, and what a conversation costs however
//! much that was.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use t11_fake_kommo::{FakeKommoOptions, Newcomer, Sending};
use t11_testkit::fake_model::{FakeModel, Script};
use t11_tests::live::{Beside, Company};
use t11_tests::machine::Processors;
use t11_tests::processes::{Plan, ProcessMesh, free_address};
use tokio::task::JoinSet;

/// Leads that write one after the other, and then as many at once; `T11_LEADS` asks for another
/// number.
const LEADS: usize = 400;
const WARM_UP: usize = 40;
/// A rate at which nobody waits for another, and the one that is asked for.
const PER_SECOND: [u32; 2] = [5, 20];
const PATIENCE: Duration = Duration::from_secs(120);

type Bench<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Bench<()> {
    let leads = match std::env::var("T11_LEADS") {
        Ok(leads) => leads.parse()?,
        Err(_) => LEADS,
    };
    let model = FakeModel::start().await;
    for _ in 0..WARM_UP + (PER_SECOND.len() + 1) * leads {
        model.script(answer());
    }
    let front = free_address();
    let options = FakeKommoOptions::default().unlimited();
    let beside = Beside::start(options, front).await;
    let model_url = model.base_url();
    let mut variables: Vec<(&str, &str)> = vec![
        ("OPENROUTER_BASE_URL", &model_url),
        // What is measured is not what Kommo bears.
        ("T11_CRM__IS_PACED", "false"),
    ];
    let told = beside.variables.iter();
    variables.extend(told.map(|(name, value)| (*name, value.as_str())));
    let plan = Plan {
        front: Some(front),
        variables: &variables,
        ..Plan::default()
    };
    let mesh = ProcessMesh::planned(plan).await;
    let mesh = mesh.ok_or("no PostgreSQL, Redis or Envoy is given")?;
    let company = Arc::new(beside.connect(mesh.owner("Bench").await).await);
    company.kommo.set_parallel_deliveries(64);
    company.agent(json!({})).await;
    company.account().set_sending(Sending {
        quota: u32::MAX,
        ..company.account().sending()
    });

    paced(&company, WARM_UP, PER_SECOND[0]).await?;
    mesh.analyze().await;
    for rate in PER_SECOND {
        let before = company.kommo.deliveries().len();
        let began = Processors::now();
        let waited = paced(&company, leads, rate).await?;
        let at = format!("{rate} conversations/s");
        print(&of_processors(&at, began, leads))?;
        print(&latencies("reply", rate, waited))?;
        let deliveries = company.kommo.deliveries().split_off(before);
        let taken = deliveries.iter().map(|delivery| delivery.took).collect();
        print(&latencies("webhook", rate, taken))?;
    }
    print(&sustained(&company, leads).await?)
}

fn answer() -> Script {
    let answer = json!({
        "sentences": [{"text": "Да, конечно.", "sources": []}], "actions": [], "memory": [],
        "handoff": null, "no_answer": false,
    });
    Script::stream().text(&answer.to_string()).stop()
}

fn print(figures: &Value) -> Bench<()> {
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

/// How long each lead waited, when they write at a fixed rate.
async fn paced(company: &Arc<Company>, count: usize, rate: u32) -> Bench<Vec<Duration>> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut waiting = JoinSet::new();
    for _ in 0..count {
        ticks.tick().await;
        let (company, account) = (company.clone(), company.account());
        waiting.spawn(async move {
            let began = Instant::now();
            let talk = account
                .newcomer(&Newcomer::default(), "Есть доставка?")
                .talk_id;
            let is_answered = || account.messages_of(talk).len() > 1;
            let answered = tokio::time::timeout(PATIENCE, company.kommo.until(is_answered)).await;
            answered.map(|()| began.elapsed())
        });
    }
    let waited = waiting.join_all().await;
    Ok(waited.into_iter().collect::<Result<_, _>>()?)
}

/// What was taken of the processors since, by everything: the leads, Kommo and the model too.
fn of_processors(at: &str, began: Processors, conversations: usize) -> Value {
    let now = Processors::now();
    json!({
        "bench": format!("processors, {at}"),
        "stolen_percent": now.stolen_since(began) * 100.0,
        "cpu_ms_a_conversation":
            now.busy_since(began).as_secs_f64() * 1_000.0 / conversations as f64,
    })
}

fn latencies(bench: &str, rate: u32, mut waited: Vec<Duration>) -> Value {
    waited.sort_unstable();
    let at =
        |share: f64| waited[((waited.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    json!({
        "bench": format!("{bench}, {rate} conversations/s"), "count": waited.len(),
        "p50_ms": at(0.5), "p99_ms": at(0.99),
    })
}

/// How many leads are answered a second when many have written at once.
async fn sustained(company: &Company, leads: usize) -> Bench<Value> {
    let account = company.account();
    let (began, before) = (Instant::now(), Processors::now());
    let talks: Vec<_> = (0..leads)
        .map(|_| {
            account
                .newcomer(&Newcomer::default(), "Есть доставка?")
                .talk_id
        })
        .collect();
    let are_answered = || {
        talks
            .iter()
            .all(|talk| account.messages_of(*talk).len() > 1)
    };
    tokio::time::timeout(PATIENCE, company.kommo.until(are_answered)).await?;
    let per_second = leads as f64 / began.elapsed().as_secs_f64();
    print(&of_processors("replies at once", before, leads))?;
    Ok(json!({"bench": "replies at once", "leads": leads, "per_s": per_second}))
}
