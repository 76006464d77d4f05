//! The limit of requests, and what goes wrong on demand.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use t11_fake_kommo::{FakeKommoOptions, Fault, FaultKind, Integration, RateLimit};

use crate::harness::{NOW, Setting};

const LEADS: &str = "GET /api/v4/leads";
const SEND: &str = "POST /api/v4/talks/{id}/send_message";

async fn limited(limit: RateLimit) -> Setting {
    let app = Integration::new("http://127.0.0.1:1/callback");
    let options = FakeKommoOptions {
        rate_limit: limit,
        ..FakeKommoOptions::with(app)
    };
    Setting::start(options.frozen_at(NOW)).await
}

/// The statuses of this many requests at once.
async fn burst(setting: &Setting, count: usize) -> Vec<u16> {
    let requests = (0..count).map(|_| setting.get("/account"));
    let answers = futures::future::join_all(requests).await;
    answers.into_iter().map(|answer| answer.status).collect()
}

#[tokio::test]
async fn more_than_seven_requests_a_second_are_refused() {
    let setting = limited(RateLimit::default()).await;
    // So many that even a busy machine asks more than seven times in a second.
    let statuses = burst(&setting, 60).await;
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert!(refused > 0 && statuses.len() - refused >= 7, "{statuses:?}");
    assert_eq!(setting.kommo.refused_for_rate(), refused);
    assert!(setting.kommo.peak_rate() > 7);
    setting.kommo.set_rate_limit(RateLimit {
        per_second: 1,
        ..RateLimit::default()
    });
    let answers = futures::future::join_all((0..20).map(|_| setting.get("/account"))).await;
    let refusal = answers.into_iter().find(|answer| answer.status == 429);
    let body = refusal.unwrap().is(429);
    assert_eq!(
        (&body["retry_after"], &body["title"]),
        (&json!(300), &json!("Too Many Requests"))
    );
    tokio::time::sleep(Duration::from_millis(1100)).await;
    setting.get("/account").await.is(200);
}

#[tokio::test]
async fn who_goes_on_after_refusals_is_blocked() {
    let limit = RateLimit {
        per_second: 1,
        is_page: true,
        block_after: 2,
    };
    let setting = limited(limit).await;
    let statuses = burst(&setting, 30).await;
    assert!(statuses.contains(&403), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 2);
    let blocked = setting.get("/account").await;
    assert_eq!(blocked.content_type, "text/html; charset=utf-8");
    assert!(blocked.text.contains("403 Forbidden") && blocked.status == 403);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(setting.get("/account").await.status, 403, "for good");
    setting.kommo.set_rate_limit(RateLimit::default());
    setting.get("/account").await.is(200);
}

#[tokio::test]
async fn faults_befall_their_route_as_often_as_told() {
    let setting = Setting::new().await;
    setting.lead(json!({})).await;
    let once = |kind: FaultKind| setting.kommo.fault(Fault::once(LEADS, kind));
    for (kind, status) in [
        (FaultKind::TooManyRequests, 429),
        (FaultKind::TooManyRequestsPage, 429),
        (FaultKind::Blocked, 403),
        (FaultKind::Unauthorized, 401),
        (
            FaultKind::PaymentRequired("Over chat API limit".to_owned()),
            402,
        ),
        (FaultKind::Unprocessable("Talk is closed".to_owned()), 422),
        (FaultKind::Internal, 500),
        (FaultKind::GatewayTimeout, 504),
        (FaultKind::ForeignRedirect, 302),
    ] {
        once(kind);
        assert_eq!(setting.get("/leads").await.status, status);
    }
    setting.get("/leads").await.is(200);
    setting.kommo.fault(Fault {
        count: Some(2),
        ..Fault::once(LEADS, FaultKind::Internal)
    });
    setting.get("/account").await.is(200);
    let internal = setting.get("/leads").await.is(500);
    assert!(internal["trace_id"].is_string() && internal["type"].is_null());
    setting.get("/leads").await.is(500);
    setting.get("/leads").await.is(200);
    setting
        .kommo
        .fault(Fault::everywhere(FaultKind::GatewayTimeout));
    setting.get("/account").await.is(504);
    setting.kommo.clear_faults();
    setting.get("/account").await.is(200);
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_the_effect() {
    let setting = Setting::new().await;
    let talk = setting.account.newcomer(&Default::default(), "Hi").talk_id;
    let url = setting.api(&format!("/talks/{talk}/send_message"));
    let send = || {
        setting
            .http
            .post(&url)
            .bearer_auth(&setting.token)
            .json(&json!({"text": "x"}))
            .send()
    };
    setting
        .kommo
        .fault(Fault::once(SEND, FaultKind::CutBeforeEffect));
    assert!(send().await.is_err());
    assert_eq!(setting.account.messages_of(talk).len(), 1);
    setting
        .kommo
        .fault(Fault::once(SEND, FaultKind::CutAfterEffect));
    assert!(send().await.is_err());
    assert_eq!(setting.account.messages_of(talk).len(), 2);
    assert_eq!(setting.kommo.count(SEND), 2);
    let calls = setting.kommo.calls();
    assert!(
        calls
            .iter()
            .filter(|call| call.route == SEND)
            .all(|call| call.status == 0 && call.body["text"] == "x")
    );
}

#[tokio::test]
async fn answers_are_slow_cut_short_or_lead_elsewhere() {
    let setting = Setting::new().await;
    setting.lead(json!({})).await;
    let once = |kind: FaultKind| setting.kommo.fault(Fault::once(LEADS, kind));
    once(FaultKind::SlowBody(300));
    let start = Instant::now();
    setting.get("/leads").await.is(200);
    assert!(start.elapsed() >= Duration::from_millis(300));
    once(FaultKind::TruncatedJson);
    let short = setting.get("/leads").await;
    assert!(short.status == 200 && short.body == Value::Null && short.text.starts_with('{'));
    once(FaultKind::ForeignNext);
    let foreign = setting.get("/leads").await.is(200);
    let next = foreign["_links"]["next"]["href"].as_str().unwrap();
    assert!(next.starts_with("https://elsewhere.example/"));
    assert_eq!(foreign["_embedded"]["leads"][0]["id"], 5001);
}

#[tokio::test]
async fn a_request_that_names_another_host_is_not_for_here() {
    let setting = Setting::new().await;
    let request = setting
        .http
        .get(setting.api("/account"))
        .header("host", "evil.example");
    assert_eq!(request.send().await.unwrap().status(), 421);
    let options = FakeKommoOptions {
        address: "0.0.0.0:0".parse().unwrap(),
        ..FakeKommoOptions::default()
    };
    assert!(t11_fake_kommo::FakeKommo::start(options).await.is_err());
}

#[tokio::test]
async fn a_dropped_fake_is_gone() {
    let setting = Setting::new().await;
    let url = setting.url("/_ctl/clock");
    assert_eq!(setting.http.get(&url).send().await.unwrap().status(), 200);
    drop(setting.kommo);
    // Aborted tasks end when the runtime comes to them.
    while setting.http.get(&url).send().await.is_ok() {
        tokio::task::yield_now().await;
    }
}
