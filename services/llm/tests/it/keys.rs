//! Organizations' own keys: which one serves, and what becomes of those that do not.

use std::time::Duration;

use serde_json::json;
use t11_core::Fault as _;
use t11_grpc::RemoteFault;
use t11_proto::llm::v1 as pb;
use t11_proto::llm::v1::provider_key_service_client::ProviderKeyServiceClient;
use t11_testkit::fake_model::{EMBEDDING_MODEL, Script};
use tonic::Status;

use crate::rig::{KEY, Rig};
use crate::routes::{by, to};

const FIRST: &str = "sk-or-v1-first-0001";
const SECOND: &str = "sk-or-v1-second-0002";
const MODEL: &str = "acme/one";

impl Rig {
    fn keys(&self) -> ProviderKeyServiceClient<t11_grpc::Peer> {
        ProviderKeyServiceClient::new(self.peer())
    }

    async fn add_key(&self, key: pb::ProviderKey) -> Result<pb::ProviderKey, Status> {
        let request = pb::CreateProviderKeyRequest {
            provider_key: Some(key),
            request_id: String::new(),
        };
        let mut keys = self.keys();
        let made = self.call(keys.create_provider_key(request)).await;
        made.map(tonic::Response::into_inner)
    }

    /// A key that the provider accepts.
    async fn own_key(&self, secret: &str) -> pb::ProviderKey {
        self.model.require_key(secret);
        self.add_key(key(secret)).await.unwrap()
    }

    async fn list_keys(&self) -> pb::ListProviderKeysResponse {
        let mut keys = self.keys();
        let request = pb::ListProviderKeysRequest {};
        let list = self.call(keys.list_provider_keys(request)).await;
        list.unwrap().into_inner()
    }

    async fn get_key(&self, name: &str) -> Result<pb::ProviderKey, Status> {
        let request = pb::GetProviderKeyRequest {
            name: name.to_owned(),
        };
        let mut keys = self.keys();
        let got = self.call(keys.get_provider_key(request)).await;
        got.map(tonic::Response::into_inner)
    }

    async fn update_key(&self, key: pb::ProviderKey) -> Result<pb::ProviderKey, Status> {
        let request = pb::UpdateProviderKeyRequest {
            provider_key: Some(key),
            update_mask: None,
        };
        let mut keys = self.keys();
        let updated = self.call(keys.update_provider_key(request)).await;
        updated.map(tonic::Response::into_inner)
    }

    async fn delete_key(&self, name: &str) -> Result<(), Status> {
        let request = pb::DeleteProviderKeyRequest {
            name: name.to_owned(),
        };
        let mut keys = self.keys();
        self.call(keys.delete_provider_key(request)).await.map(drop)
    }

    async fn check_key(&self, name: &str) -> pb::CheckProviderKeyResponse {
        let request = pb::CheckProviderKeyRequest {
            name: name.to_owned(),
        };
        let mut keys = self.keys();
        let checked = self.call(keys.check_provider_key(request)).await;
        checked.unwrap().into_inner()
    }

    async fn allow_fallback(&self) {
        let policy = pb::ProviderKeyPolicy {
            fallback_to_platform_key: true,
            update_time: None,
        };
        let request = pb::UpdateProviderKeyPolicyRequest {
            provider_key_policy: Some(policy),
        };
        let mut keys = self.keys();
        let set = self.call(keys.update_provider_key_policy(request)).await;
        assert!(set.unwrap().into_inner().update_time.is_some());
    }

    /// The keys that models were asked with, in order.
    fn asked_with(&self) -> Vec<String> {
        let asked = self.asked().into_iter();
        asked
            .filter_map(|one| {
                one.header("authorization")?
                    .strip_prefix("Bearer ")
                    .map(Into::into)
            })
            .collect()
    }

    fn yes(&self) {
        self.model.script(by(MODEL, "да"));
    }
}

fn key(secret: &str) -> pb::ProviderKey {
    pb::ProviderKey {
        display_name: format!("Key {secret}"),
        secret: secret.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_secret_goes_in_and_never_out() {
    let mut rig = Rig::openrouter().await;
    let made = rig.add_key(key(FIRST)).await.unwrap();
    assert_eq!((made.secret.as_str(), made.hint.as_str()), ("", "0001"));
    assert_eq!(made.provider, "openrouter");
    assert_eq!(made.state(), pb::ProviderKeyState::Active);
    assert_eq!(rig.get_key(&made.name).await.unwrap(), made);
    let list = rig.list_keys().await;
    assert_eq!(list.provider_keys, std::slice::from_ref(&made));
    assert_eq!(
        (list.provider.as_str(), list.has_platform_key),
        ("openrouter", true)
    );
    rig.in_org(8);
    assert_eq!(rig.list_keys().await.provider_keys, []);
    assert!(rig.get_key(&made.name).await.is_err());
    assert!(rig.update_key(made.clone()).await.is_err());
    assert!(rig.delete_key(&made.name).await.is_err());
    rig.in_org(7);
    let bad = pb::ProviderKey {
        provider: "acme".to_owned(),
        secret: "short".to_owned(),
        priority: 101,
        ..Default::default()
    };
    let fault = RemoteFault::from(&rig.add_key(bad).await.unwrap_err());
    assert_eq!(fault.violations().len(), 4, "{:?}", fault.violations());
    rig.delete_key(&made.name).await.unwrap();
    assert!(rig.get_key(&made.name).await.is_err());
}

#[tokio::test]
async fn own_keys_serve_in_turn_and_the_ledger_names_them() {
    let mut rig = Rig::openrouter().await;
    let one = rig.own_key(FIRST).await;
    let two = rig.own_key(SECOND).await;
    rig.may_spend(1_000_000).await;
    for _ in 0..3 {
        rig.yes();
        assert_eq!(rig.complete(to(MODEL)).await.text, "да");
    }
    let asked = rig.asked_with();
    assert_eq!(
        asked.iter().filter(|key| *key == FIRST).count(),
        2,
        "{asked:?}"
    );
    assert_eq!(asked.iter().filter(|key| *key == SECOND).count(), 1);
    let by_key = pb::QueryUsageRequest {
        group_by: pb::UsageGrouping::Key.into(),
        ..Default::default()
    };
    let usage = rig.query_usage(by_key.clone()).await.unwrap();
    let calls = |name: &str| {
        usage
            .groups
            .iter()
            .find(|group| group.key == name)
            .unwrap()
            .calls
    };
    assert_eq!((calls(&one.name), calls(&two.name)), (2, 1));
    assert_eq!(
        rig.budgets().await[0].spent_micro_usd,
        3 * 21,
        "budgets hold"
    );
    loop {
        if rig
            .get_key(&one.name)
            .await
            .unwrap()
            .last_used_time
            .is_some()
        {
            break;
        }
        tokio::task::yield_now().await;
    }
    // Others are served with the platform's.
    rig.in_org(8);
    rig.yes();
    assert_eq!(rig.complete(to(MODEL)).await.text, "да");
    assert_eq!(rig.asked_with().last().unwrap(), KEY);
    assert_eq!(rig.query_usage(by_key).await.unwrap().groups[0].key, "");
}

#[tokio::test]
async fn a_key_that_is_refused_is_followed_by_the_next_and_benched_until_it_is_changed() {
    let rig = Rig::openrouter().await;
    let first = rig.add_key(key(FIRST)).await.unwrap();
    rig.model.require_key(SECOND);
    let second = pb::ProviderKey {
        priority: 1,
        ..key(SECOND)
    };
    rig.add_key(second).await.unwrap();
    rig.model
        .script(Script::refuse(401, "No auth credentials found"));
    rig.yes();
    assert_eq!(rig.complete(to(MODEL)).await.text, "да");
    assert_eq!(rig.asked_with(), [FIRST, SECOND]);
    let bench = rig.get_key(&first.name).await.unwrap().bench.unwrap();
    assert_eq!(bench.reason(), pb::KeyBenchReason::Refused);
    assert_eq!(bench.end_time, None);
    assert_eq!(rig.usage().await.days[0].failed_calls, 0);
    rig.yes();
    assert_eq!(rig.complete(to(MODEL)).await.text, "да");
    assert_eq!(rig.asked_with().last().unwrap(), SECOND);
    let changed = pb::ProviderKey {
        name: first.name.clone(),
        secret: format!("{FIRST}-new"),
        ..Default::default()
    };
    let changed = rig.update_key(changed).await.unwrap();
    assert_eq!((changed.bench, changed.hint.as_str()), (None, "-new"));
    rig.yes();
    assert_eq!(rig.complete(to(MODEL)).await.text, "да");
    assert_eq!(*rig.asked_with().last().unwrap(), format!("{FIRST}-new"));
}

#[tokio::test]
async fn with_every_key_benched_the_call_says_what_to_do() {
    let rig = Rig::openrouter().await;
    let only = rig.own_key(FIRST).await;
    rig.model.script(Script::refuse(402, "no credits"));
    let first = rig.complete(to(MODEL)).await;
    assert_eq!(first.reason(), "KEY_EXHAUSTED");
    assert!(
        first.fault().to_string().contains("platform's key"),
        "{}",
        first.fault()
    );
    let wait = first.fault().retry_after().unwrap();
    let hour = Duration::from_secs(3_600);
    assert!(wait <= hour && wait > hour / 2, "{wait:?}");
    assert_eq!(
        rig.usage().await.days[0].failed_calls,
        1,
        "the provider was asked"
    );
    assert_eq!(rig.complete(to(MODEL)).await.reason(), "KEY_EXHAUSTED");
    assert_eq!(rig.asked().len(), 1, "and is left alone then");
    assert!(rig.explain(to(MODEL)).await.keys_exhausted);
    rig.allow_fallback().await;
    rig.yes();
    assert_eq!(rig.complete(to(MODEL)).await.text, "да");
    assert_eq!(rig.asked_with(), [FIRST, KEY]);
    assert!(!rig.explain(to(MODEL)).await.keys_exhausted);
    let disabled = pb::ProviderKey {
        name: only.name,
        state: pb::ProviderKeyState::Disabled.into(),
        ..Default::default()
    };
    assert_eq!(rig.update_key(disabled).await.unwrap().bench, None);
}

#[tokio::test]
async fn a_limited_key_rests_as_long_as_the_provider_asks() {
    let rig = Rig::openrouter().await;
    let one = rig.own_key(FIRST).await;
    rig.model
        .script(Script::refuse(429, "slow down").header("retry-after", "17"));
    let limited = rig.complete(to(MODEL)).await;
    assert_eq!(limited.reason(), "PROVIDER_LIMITED");
    assert_eq!(limited.fault().retry_after(), Some(Duration::from_secs(17)));
    let bench = rig.get_key(&one.name).await.unwrap().bench.unwrap();
    assert_eq!(bench.reason(), pb::KeyBenchReason::Limited);
    assert!(bench.end_time.is_some());
    let resting = rig.complete(to(MODEL)).await;
    assert_eq!(resting.reason(), "KEY_EXHAUSTED");
    assert!(resting.fault().retry_after().unwrap() <= Duration::from_secs(17));
    let second = rig.own_key(SECOND).await;
    rig.yes();
    assert_eq!(rig.complete(to(MODEL)).await.text, "да");
    assert_eq!(rig.explain(to(MODEL)).await.provider_key, second.name);
}

#[tokio::test]
async fn a_short_limit_of_the_only_key_is_waited_for() {
    let rig = Rig::openrouter().await;
    rig.own_key(FIRST).await;
    rig.model
        .script(Script::refuse(429, "slow down").header("retry-after-ms", "1"));
    rig.yes();
    assert_eq!(rig.complete(to(MODEL)).await.text, "да");
    assert_eq!(rig.asked_with(), [FIRST, FIRST]);
}

#[tokio::test]
async fn what_is_not_the_keys_fault_does_not_bench_it() {
    let rig = Rig::openrouter().await;
    let only = rig.own_key(FIRST).await;
    let behind = json!({"provider_name": "Acme", "raw": "overloaded"});
    for (code, metadata) in [
        (429, behind.clone()),
        (403, behind),
        (403, json!({"reasons": ["violence"]})),
        (403, json!({"patterns": ["secret"]})),
    ] {
        let error = json!({"code": code, "message": "no", "metadata": metadata});
        let script = Script::refuse_with(code, &error).header("retry-after", "60");
        rig.model.script(script);
        let reason = rig.complete(to(MODEL)).await.reason();
        assert_ne!(reason, "KEY_EXHAUSTED", "{code} {metadata}");
        assert_eq!(
            rig.get_key(&only.name).await.unwrap().bench,
            None,
            "{code} {metadata}"
        );
    }
}

#[tokio::test]
async fn a_check_tells_what_the_provider_says() {
    let rig = Rig::openrouter().await;
    let good = rig.own_key(FIRST).await;
    let account = json!({"usage": 1.5, "limit": 10, "limit_remaining": 8.5});
    rig.model.account(FIRST, account);
    let checked = rig.check_key(&good.name).await;
    assert_eq!(checked.verdict(), pb::KeyVerdict::Accepted);
    let told = (checked.spent_micro_usd, checked.limit_left_micro_usd);
    assert_eq!(told, (Some(1_500_000), Some(8_500_000)));
    assert_eq!(rig.asked().len(), 0, "no model is called");
    let bad = rig.add_key(key(SECOND)).await.unwrap();
    let checked = rig.check_key(&bad.name).await;
    assert_eq!(checked.verdict(), pb::KeyVerdict::Refused);
    assert!(!checked.message.is_empty());
    let bench = checked.provider_key.unwrap().bench.unwrap();
    assert_eq!(bench.reason(), pb::KeyBenchReason::Refused);
    // It is accepted later on.
    rig.model.require_key(SECOND);
    let checked = rig.check_key(&bad.name).await;
    assert_eq!(checked.verdict(), pb::KeyVerdict::Accepted);
    assert_eq!(checked.provider_key.unwrap().bench, None);
    let spent = json!({"usage": 10, "limit": 10, "limit_remaining": 0});
    rig.model.account(SECOND, spent);
    assert_eq!(
        rig.check_key(&bad.name).await.verdict(),
        pb::KeyVerdict::Unpaid
    );
    let other = pb::ProviderKey {
        provider: "openai-compatible".to_owned(),
        ..key("sk-elsewhere")
    };
    let other = rig.add_key(other).await.unwrap();
    assert_eq!(
        rig.check_key(&other.name).await.verdict(),
        pb::KeyVerdict::Unknown
    );
}

#[tokio::test]
async fn vectors_are_made_with_own_keys_too() {
    let rig = Rig::with(&[("T11_LLM__EMBEDDING_MODEL", EMBEDDING_MODEL)]).await;
    rig.add_key(key(FIRST)).await.unwrap();
    rig.model.require_key(SECOND);
    let second = pb::ProviderKey {
        priority: 1,
        ..key(SECOND)
    };
    rig.add_key(second).await.unwrap();
    let request = pb::EmbedRequest {
        texts: vec!["цена".to_owned()],
        ..Default::default()
    };
    assert_eq!(rig.embed(request).await.unwrap().vectors.len(), 1);
    assert_eq!(rig.asked_with(), [FIRST, SECOND]);
}

#[tokio::test]
async fn what_a_call_that_was_left_came_to_is_asked_with_its_key() {
    let rig = Rig::openrouter().await;
    rig.own_key(FIRST).await;
    let bill = json!({"model": MODEL, "total_cost": 0.000033});
    rig.model.bill("gen-fake-1", bill);
    rig.model.script(Script::stream().text("Дос").hold());
    let mut events = rig.begin(to(MODEL)).await.unwrap();
    assert!(events.message().await.unwrap().is_some());
    drop(events);
    let usage = rig.until_recorded(1).await;
    assert_eq!(usage.total.unwrap().cost_micro_usd, 33);
    let received = rig.model.received();
    let asked = received.iter().find(|one| one.route == "GET /generation");
    let bearer = format!("Bearer {FIRST}");
    assert_eq!(asked.unwrap().header("authorization"), Some(&*bearer));
}

#[tokio::test]
async fn a_repeated_request_makes_one_key() {
    let rig = Rig::openrouter().await;
    let request = pb::CreateProviderKeyRequest {
        provider_key: Some(key(FIRST)),
        request_id: uuid::Uuid::from_u128(1).to_string(),
    };
    let mut keys = rig.keys();
    let first = rig.call(keys.create_provider_key(request.clone())).await;
    let again = rig.call(keys.create_provider_key(request)).await;
    let name =
        |made: Result<tonic::Response<pb::ProviderKey>, Status>| made.unwrap().into_inner().name;
    assert_eq!(name(first), name(again));
    for number in 1..20 {
        let more = key(&format!("{FIRST}-{number}"));
        rig.add_key(more).await.unwrap();
    }
    let fault = RemoteFault::from(&rig.add_key(key(SECOND)).await.unwrap_err());
    assert_eq!(fault.reason(), "TOO_MANY_KEYS");
}
