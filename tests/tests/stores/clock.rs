//! F18: the clock of one replica is wrong, by months and by a day.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection, Row as _};
use t11_core::{Clock, OrgId, World};
use t11_proto::jobs::v1::schedule_service_client::ScheduleServiceClient;
use t11_proto::jobs::v1::{JobSpec, PutScheduleRequest, Schedule};
use t11_runtime::Shape;
use t11_tests::client::name;
use t11_tests::processes::{OwnDatabase, free_address};
use t11_tests::{Client, eventually};
use tokio::time::sleep;

use crate::mesh::{SERVICES, Services, add_agent};

/// A machine whose clock is off by this.
struct Skewed(TimeDelta);

impl Clock for Skewed {
    fn now(&self) -> DateTime<Utc> {
        World::system().now() + self.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_replica_ninety_days_ahead_takes_and_ends_nothing() {
    a_wrong_clock_does_no_harm(TimeDelta::days(90)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_replica_a_day_behind_takes_and_ends_nothing() {
    a_wrong_clock_does_no_harm(TimeDelta::days(-1)).await;
}

/// An edge that runs alone has no database to take the time from.
#[tokio::test(flavor = "multi_thread")]
async fn f18_an_edge_whose_clock_is_wrong_signs_nobody_out() {
    let Some(database) = OwnDatabase::given().await else {
        return;
    };
    let url = ("DATABASE_URL", database.url.as_str());
    let right = Services::start(&[url]).await;
    let owner = right.owner("F18").await;
    let behind = &SERVICES[..5];
    let addresses: Vec<_> = behind
        .iter()
        .map(|service| (service, free_address()))
        .collect();
    let told = |way: &str, scheme: &str| {
        let named = addresses.iter().map(|(service, address)| {
            let variable = format!("T11_{way}__{}", service.to_uppercase());
            (variable, format!("{scheme}{address}"))
        });
        named.collect::<Vec<_>>()
    };
    let (listen, peers) = (told("LISTEN", ""), told("PEERS", "http://"));
    let mut variables = vec![
        ("T11_ADMIN_ADDR", "127.0.0.1:0"),
        ("T11_DRAIN_DELAY_SECONDS", "0"),
    ];
    variables.extend(
        listen
            .iter()
            .chain(&peers)
            .map(|(name, value)| (&name[..], &value[..])),
    );
    let with_database = [&variables[..], &[url]].concat();
    let services = Services::of(behind, World::system(), Shape::Apart, &with_database).await;
    for skew in [TimeDelta::days(90), TimeDelta::days(-1)] {
        let world = World::system().with_clock(Arc::new(Skewed(skew)));
        let edge = Services::of(&["edge"], world, Shape::Apart, &variables).await;
        let through = edge.client().with_token(owner.token());
        through.get("/api/auth/me").await.ok();
        add_agent(&through, &format!("{skew}")).await.ok();
        // Whoever comes anew is let in, too.
        edge.owner(&format!("F18 {skew}"))
            .await
            .get("/api/auth/me")
            .await
            .ok();
        edge.stop().await;
    }
    services.stop().await;
    right.stop().await;
}

/// Two replicas of all services on one database, the clock of the second of them off by `skew`.
async fn a_wrong_clock_does_no_harm(skew: TimeDelta) {
    let Some(database) = OwnDatabase::given().await else {
        return;
    };
    let url = ("DATABASE_URL", database.url.as_str());
    let right = Services::start(&[url]).await;
    let owner = right.owner("F18").await;
    put_monthly_schedule(&right).await;
    let options: PgConnectOptions = database.url.parse().unwrap();
    let mut tables = options.connect().await.unwrap();
    // Row security binds the tests' login as well.
    tables.execute("SET app.system = 'on'").await.unwrap();
    let due = next_run(&mut tables).await;
    let before = articles(&owner, "before").await;

    let world = World::system().with_clock(Arc::new(Skewed(skew)));
    let wrong = Services::of(&SERVICES, world, Shape::OneProcess, &[url]).await;
    let through_wrong = wrong.client().with_token(owner.token());
    // Each replica reaps, promotes and fires every second, and sweeps when it starts.
    let during = articles(&owner, "during").await;
    let there = articles(&through_wrong, "there").await;
    sleep(Duration::from_millis(1_500)).await;

    // Nobody is signed out, on either of them.
    owner.get("/api/auth/me").await.ok();
    through_wrong.get("/api/auth/me").await.ok();
    add_agent(&through_wrong, "Анна").await.ok();
    // No job was taken from who had it, none was forgotten.
    let jobs = "SELECT count(*), coalesce(sum(lost), 0)::bigint FROM jobs.jobs WHERE kind = 'agents.ingest_source'";
    let row = tables.fetch_one(jobs).await.unwrap();
    let (jobs, lost): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!(lost, 0, "leases were taken away");
    assert_eq!(
        jobs,
        i64::from(before + during + there),
        "history was deleted"
    );
    // No schedule ran before its time.
    assert_eq!(next_run(&mut tables).await, due);
    let fired = "SELECT count(*) FROM jobs.jobs WHERE kind = 'agents.resync'";
    assert_eq!(tables.fetch_one(fired).await.unwrap().get::<i64, _>(0), 0);
    wrong.stop().await;
    right.stop().await;
}

/// Some work that takes its time; how many jobs it made.
async fn articles(owner: &Client, about: &str) -> u32 {
    const NUMBER: u32 = 6;
    let text: String = (0..600)
        .map(|line| format!("Строка {line} о доставке диванов ({about}).\n\n"))
        .collect();
    let mut sources = Vec::new();
    for number in 0..NUMBER {
        let article = json!({"display_name": format!("{about} {number}"), "content": text});
        let path = "/api/knowledge/sources:createArticle";
        sources.push(name(&owner.post(path, article).await.ok()));
    }
    for source in sources {
        eventually("the article is read", || async {
            let read = owner.get(&format!("/api/knowledge/{source}")).await.ok();
            (read["state"] == "SOURCE_STATE_READY").then_some(())
        })
        .await;
    }
    NUMBER
}

async fn put_monthly_schedule(services: &Services) {
    let context = services.mesh().context();
    let schedule = Schedule {
        key: "agents.resync/f18".to_owned(),
        cron: "0 0 1 * *".to_owned(),
        job: Some(JobSpec {
            queue: "agents".to_owned(),
            kind: "agents.resync".to_owned(),
            organization_id: context.world().new_id().to_string(),
            ..JobSpec::default()
        }),
        ..Schedule::default()
    };
    let request = PutScheduleRequest {
        schedule: Some(schedule),
    };
    let mut jobs = ScheduleServiceClient::new(context.peer("jobs"));
    let put = jobs.put_schedule(request);
    let (signer, world) = (context.signer(), context.world());
    let put = t11_grpc::as_service(&signer, &world, "agents", OrgId::NONE, put);
    put.await.unwrap();
}

async fn next_run(tables: &mut PgConnection) -> String {
    let next = "SELECT next_run_time::text FROM jobs.schedules";
    tables.fetch_one(next).await.unwrap().get(0)
}
