//! F07: Redis is killed, and comes back with nothing.

use std::time::Duration;

use serde_json::json;
use t11_tests::client::{PASSWORD, name};
use t11_tests::servers::Redis;
use t11_tests::{Client, eventually};
use tokio::time::{Instant, sleep};

use crate::mesh::{Services, add_agent};

/// The longest any request may take without Redis.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

/// Everything that Redis has a part in: a session, a limited sign-in, a job and its wake-up.
async fn all_works(owner: &Client, email: &str, round: &str) {
    let asked = Instant::now();
    add_agent(owner, round).await.ok();
    let sign_in = json!({"email": email, "password": PASSWORD,
        "token_delivery": "TOKEN_DELIVERY_BODY"});
    let stranger = owner.clone().anonymous();
    let signed_in = stranger.post("/api/auth/sign-in", sign_in).await.ok();
    assert!(signed_in["session_token"].is_string());
    let took = asked.elapsed();
    assert!(took < ANSWERED_WITHIN, "{round}: {took:?}");
    let article = json!({"display_name": round, "content": "# Доставка\n\nЗавтра."});
    let path = "/api/knowledge/sources:createArticle";
    let source = name(&owner.post(path, article).await.ok());
    eventually("the article is read", || async {
        let path = format!("/api/knowledge/{source}");
        let read = owner.get(&path).await.ok();
        (read["state"] == "SOURCE_STATE_READY").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f07_without_redis_all_works_and_no_job_is_lost() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    let url = server.url();
    let limits = ("T11_EDGE__LIMITS__ENABLED", "true");
    let services = Services::start(&[("REDIS_URL", &url), limits]).await;
    let owner = services.owner("F07").await;
    let email = owner.email.clone();
    all_works(&owner, &email, "with").await;
    for round in 0..3 {
        server.kill();
        all_works(&owner, &email, &format!("without-{round}")).await;
        server.start_again();
        sleep(Duration::from_millis(700)).await;
        all_works(&owner, &email, &format!("back-{round}")).await;
    }
    services.stop().await;
}
