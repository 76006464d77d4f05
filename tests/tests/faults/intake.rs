//! F20: leads write while everything that takes their messages in, and everything below it, is
//! killed. What Kommo was told is kept, is kept; each lead is answered once.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use t11_fake_kommo::{FakeKommo, FakeKommoOptions, Newcomer, Sending};
use t11_tests::live::{Beside, Company, teach};
use t11_tests::processes::{Plan, ProcessMesh, free_address};
use t11_tests::servers::{Postgres, Redis};
use tokio::time::sleep;

use crate::{ROOM, dice, kills, report};

/// Webhooks in the short form; `T11_WEBHOOKS` asks for another number.
const WEBHOOKS: u64 = 400;
/// Webhooks a second in the short form; `T11_RATE` asks for another rate.
const RATE: u64 = 80;
/// What Kommo tells of a lead that writes: the lead, its contact, the talk, the message.
const WEBHOOKS_A_LEAD: u64 = 4;
/// Longest wait before a kill, and before the killed one is started again.
const WAIT_MS: u64 = 1_500;
/// Until the last lead is answered after the last kill.
const PATIENCE: Duration = Duration::from_secs(900);
/// What Kommo waits before it repeats what was not taken, the longest first try.
const REPEATED_AFTER: Duration = Duration::from_secs(15 * 60);

/// Everything that takes a message in.
struct Victims {
    mesh: ProcessMesh,
    postgres: Postgres,
    redis: Redis,
}

impl Victims {
    async fn kill_one(&mut self, number: u64) {
        sleep(Duration::from_millis(dice(WAIT_MS))).await;
        let replica = usize::try_from(number / 6 % 2).unwrap();
        let service = match number % 6 {
            0 => "edge",
            1 => "crm",
            2 => "agents",
            3 => "jobs",
            4 => {
                self.postgres.kill();
                sleep(Duration::from_millis(dice(WAIT_MS))).await;
                self.postgres.start_again().await;
                return;
            }
            _ => {
                self.redis.kill();
                sleep(Duration::from_millis(dice(WAIT_MS))).await;
                self.redis.start_again();
                return;
            }
        };
        self.mesh.kill(service, replica);
        sleep(Duration::from_millis(dice(WAIT_MS))).await;
        self.mesh.restart(service, replica);
        self.mesh.until_ready().await;
    }
}

fn told(variable: &str, short: u64) -> u64 {
    let told = std::env::var(variable).ok();
    told.and_then(|number| number.parse().ok()).unwrap_or(short)
}

/// Each lead writes once; the talks.
async fn leads_write(kommo: &FakeKommo, count: usize, rate: u64) -> Vec<i64> {
    let account = kommo.account();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
    let mut talks = Vec::new();
    for number in 0..count {
        ticks.tick().await;
        let lead = Newcomer {
            name: format!("Lead {number}"),
            ..Newcomer::default()
        };
        let text = format!("Какая гарантия на диваны? Заявка {number}");
        talks.push(account.newcomer(&lead, &text).talk_id);
    }
    talks
}

/// How many answers each talk has.
fn answers(company: &Company, talks: &[i64]) -> HashMap<i64, usize> {
    let count = |talk: &i64| (*talk, company.said(*talk).len());
    talks.iter().map(count).collect()
}

async fn until_answered(company: &Company, talks: &[i64]) {
    let began = Instant::now();
    loop {
        let answers = answers(company, talks);
        let silent: Vec<_> = talks.iter().filter(|talk| answers[talk] == 0).collect();
        if silent.is_empty() {
            return;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{} leads were never answered: {:?}",
            silent.len(),
            &silent[..silent.len().min(5)]
        );
        // What was not taken is repeated after minutes, which need not pass here; and what was
        // refused too often is disabled until somebody repairs it.
        company.kommo.advance(REPEATED_AFTER);
        let repair = format!("/api/crm/{}:repair", company.connection);
        drop(company.owner.post(&repair, json!({})).await);
        sleep(Duration::from_secs(5)).await;
    }
}

/// The messages that crm knows of.
async fn known(company: &Company) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    let mut token = String::new();
    loop {
        let path = format!("/api/crm/events?entity=message&page_size=200&page_token={token}");
        let page: Value = company.owner.get(&path).await.ok();
        let events = page["events"].as_array().cloned().unwrap_or_default();
        known.extend(
            events
                .iter()
                .map(|event| event["entity_id"].as_str().unwrap().to_owned()),
        );
        token = page["next_page_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if token.is_empty() {
            return known;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f20_what_kommo_was_told_is_kept_is_answered_once_whoever_is_killed() {
    let (Some(postgres), Some(redis)) = (Postgres::start("F20").await, Redis::start()) else {
        return;
    };
    let _room = ROOM.acquire().await.unwrap();
    let front = free_address();
    let options = FakeKommoOptions::default().unlimited();
    let beside = Beside::start(options, front).await;
    let told_of_kommo = beside.variables.iter();
    let variables: Vec<_> = told_of_kommo
        .map(|(name, value)| (*name, value.as_str()))
        // What Kommo bears would make the longest part of the test a wait for it.
        .chain([("T11_CRM__IS_PACED", "false")])
        .collect();
    let plan = Plan {
        replicas: 2,
        front: Some(front),
        stores: Some((&postgres.url(), &redis.url())),
        variables: &variables,
        ..Plan::default()
    };
    let Some(mesh) = ProcessMesh::planned(plan).await else {
        return;
    };
    let owner = mesh.owner("Leads").await;
    let company = beside.connect(owner).await;
    teach(
        &company.owner,
        "# Гарантия\n\nГарантия на диваны 24 месяца.",
    )
    .await;
    company.agent(json!({})).await;
    company.kommo.set_parallel_deliveries(64);
    // The month's messages of the add-on are not what is tested.
    company.account().set_sending(Sending {
        quota: u32::MAX,
        ..company.account().sending()
    });

    let leads = told("T11_WEBHOOKS", WEBHOOKS) / WEBHOOKS_A_LEAD;
    let leads = usize::try_from(leads).unwrap();
    let rate = told("T11_RATE", RATE) / WEBHOOKS_A_LEAD;
    let mut victims = Victims {
        mesh,
        postgres,
        redis,
    };
    let wanted = kills(6);
    let writing = leads_write(&company.kommo, leads, rate);
    let killing = async {
        for number in 0..wanted {
            victims.kill_one(number).await;
        }
    };
    let (talks, ()) = tokio::join!(writing, killing);
    victims.mesh.until_ready().await;
    until_answered(&company, &talks).await;
    company.settled_within(PATIENCE).await;

    let answers = answers(&company, &talks);
    let doubled: Vec<_> = answers.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    let known = known(&company).await;
    let missing = written(&company, &talks)
        .filter(|message| !known.contains(message))
        .count();
    assert_eq!(missing, 0, "messages that were taken are not there");
    let deliveries = company.kommo.deliveries();
    let refused = deliveries.iter().filter(|one| one.status >= 300).count();
    let unheard = deliveries.iter().filter(|one| one.status == 0).count();
    let taken = deliveries.iter().filter(|one| one.status / 100 == 2);
    let longest = taken.map(|one| one.took).max().unwrap_or_default();
    report(&json!({
        "rows": "F20", "kills": wanted, "leads": leads, "deliveries": deliveries.len(),
        "refused": refused, "unanswered": unheard,
        "longest_ack_ms": longest.as_millis(), "lost": 0, "doubled": 0,
    }));
    // The mesh goes before its stores.
    drop(victims.mesh);
}

/// What the leads have written, by Kommo's ids.
fn written<'a>(company: &'a Company, talks: &'a [i64]) -> impl Iterator<Item = String> + 'a {
    let messages = talks
        .iter()
        .flat_map(|talk| company.account().messages_of(*talk));
    messages
        .filter(|message| message.author == "client")
        .map(|message| message.id)
}
