//! Making a key, which is shown once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, Statement};
use t11_core::{Clock, Entropy, Fault as _, ManualWorld, Permission, Role, Subject, World};
use t11_grpc::RemoteFault;
use t11_store::{StoreError, System};
use tonic::Code;

use super::*;
use crate::harness::violations;

#[tokio::test]
async fn a_key_calls_for_its_organization_within_its_scopes() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, name) = made(&accounts, &anna, READ).await;
    let caller = caller(&accounts, &key).await.unwrap();
    assert_eq!(caller.org, anna.org());
    let id = t11_core::parse_name("apiKeys", &name).unwrap();
    assert_eq!(caller.subject, Subject::ApiKey { key: id });
    assert_eq!(caller.role, Role::Owner);
    assert!(caller.may(Permission::AgentsRead));
    for other in Permission::ALL
        .iter()
        .filter(|p| **p != Permission::AgentsRead)
    {
        assert!(!caller.may(*other), "{other}");
    }
}

#[tokio::test]
async fn the_answer_tells_all_about_the_key() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let asked = pb::ApiKey {
        expire_time: in_future(&accounts, TimeDelta::days(90)),
        // What a client may not choose.
        name: "apiKeys/mine".to_owned(),
        creator: "members/x".to_owned(),
        state: pb::ApiKeyState::Revoked.into(),
        effective_scopes: vec!["internal".to_owned()],
        ..new_key("  CI  ", &["jobs.read", "agents.read", "jobs.read"])
    };
    let created = create(&accounts, &anna, asked.clone()).await.unwrap();
    let key = created.api_key.unwrap();
    assert_eq!(key.display_name, "CI");
    assert_eq!(key.scopes, ["agents.read", "jobs.read"]);
    assert_eq!(key.effective_scopes, key.scopes);
    assert_eq!(key.creator, anna.member());
    assert_eq!(key.creator_display_name, "Anna");
    assert_eq!(key.state(), pb::ApiKeyState::Active);
    assert_eq!(key.expire_time, asked.expire_time);
    assert_eq!((&key.last_used_time, &key.revoke_time), (&None, &None));
    assert_eq!(key.create_time.as_ref().unwrap().seconds, 1_800_000_000);
    assert!(
        created.key.starts_with(&format!("{}_", key.prefix)),
        "{key:?}"
    );
    assert_eq!(key.prefix.len(), "t11_dev_".len() + 8);
    assert_eq!(get(&accounts, &anna, &key.name).await.unwrap(), key);
    assert_eq!(listed(&accounts, &anna).await, [key]);
}

#[tokio::test]
async fn the_key_is_shown_once_and_stored_nowhere() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, name) = made(&accounts, &anna, READ).await;
    accounts.exchange_key(&key).await.unwrap();
    let secret = &key["t11_dev_12345678_".len()..key.len() - "_123456".len()];
    let rows = rows(&accounts).await;
    let hash = rows.split('|').find(|column| column.len() == 64).unwrap();
    let answers = format!(
        "{:?} {:?} {:?} {:?}",
        get(&accounts, &anna, &name).await.unwrap(),
        listed(&accounts, &anna).await,
        accounts.records(&anna).await,
        revoke(&accounts, &anna, &name).await.unwrap(),
    );
    assert!(answers.contains(&key[.."t11_dev_12345678".len()]));
    for hidden in [secret, hash] {
        assert!(!answers.contains(hidden), "{hidden} in {answers}");
    }
    assert!(!rows.contains(secret), "{rows}");
}

/// The texts of all keys as they are stored.
async fn rows(accounts: &Accounts) -> String {
    let read = accounts.db.read(System("test"), |tx| async move {
        let sql = "SELECT key_id || '|' || key_hash || '|' || prefix || '|' || display_name \
                   || '|' || scopes FROM api_keys";
        let statement = Statement::from_string(tx.get_database_backend(), sql);
        let rows = tx.query_all_raw(statement).await?;
        let texts = rows.iter().map(|row| row.try_get_by_index::<String>(0));
        Ok::<_, StoreError>(texts.collect::<Result<Vec<_>, _>>()?)
    });
    read.await.unwrap().join("\n")
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let broken = |field: &str, reason: &str| (format!("api_key.{field}"), reason.to_owned());
    let nothing = create(&accounts, &anna, pb::ApiKey::default()).await;
    assert_eq!(
        violations(nothing),
        [
            broken("display_name", "REQUIRED"),
            broken("scopes", "REQUIRED")
        ]
    );
    let wrong = pb::ApiKey {
        expire_time: in_future(&accounts, TimeDelta::zero()),
        ..new_key(&"x".repeat(101), &["agents.read", "agents.fly"])
    };
    assert_eq!(
        violations(create(&accounts, &anna, wrong).await),
        [
            broken("display_name", "TOO_LONG"),
            broken("scopes[1]", "UNKNOWN_VALUE"),
            broken("expire_time", "OUT_OF_RANGE"),
        ]
    );
    for time in [
        in_future(&accounts, TimeDelta::days(3_654)),
        Some(Timestamp {
            seconds: 1,
            nanos: 0,
        }),
    ] {
        let key = pb::ApiKey {
            expire_time: time,
            ..new_key("CI", READ)
        };
        let refused = violations(create(&accounts, &anna, key).await);
        assert_eq!(refused, [broken("expire_time", "OUT_OF_RANGE")]);
    }
    let endless = pb::ApiKey {
        expire_time: Some(Timestamp {
            seconds: i64::MAX,
            nanos: -1,
        }),
        ..new_key("CI", READ)
    };
    let refused = violations(create(&accounts, &anna, endless).await);
    assert_eq!(refused, [broken("expire_time", "MALFORMED")]);
    let id = create_once(&accounts, &anna, new_key("CI", READ), "7").await;
    assert_eq!(
        violations(id),
        [("request_id".to_owned(), "MALFORMED".to_owned())]
    );
    assert!(listed(&accounts, &anna).await.is_empty());
}

#[tokio::test]
async fn what_governs_the_organization_is_no_scope() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    for permission in Permission::ALL {
        let created = create(&accounts, &anna, new_key("CI", &[permission.as_str()])).await;
        assert_eq!(created.is_ok(), permission.is_scope(), "{permission}");
    }
    for word in ["", "*", "agents", "Agents.Read", "agents.read agents.write"] {
        let refused = violations(create(&accounts, &anna, new_key("CI", &[word])).await);
        assert_eq!(refused[0].1, "UNKNOWN_VALUE", "{word}");
    }
}

#[tokio::test]
async fn a_repeated_request_makes_no_second_key_and_shows_none() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let first = create_once(&accounts, &anna, new_key("CI", BOTH), REQUEST).await;
    let first = first.unwrap().api_key.unwrap();
    let again = create_once(&accounts, &anna, new_key("CI", BOTH), REQUEST).await;
    let status = again.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    let fault = RemoteFault::from(&status);
    assert_eq!(fault.reason(), "API_KEY_ALREADY_SHOWN");
    assert_eq!(fault.fact("name"), Some(first.name.as_str()));
    let other = create_once(&accounts, &anna, new_key("CI", READ), REQUEST).await;
    assert_eq!(
        violations(other),
        [("request_id".to_owned(), "REUSED".to_owned())]
    );
    assert_eq!(listed(&accounts, &anna).await, [first]);
}

#[tokio::test]
async fn of_two_equal_requests_at_once_one_makes_the_key() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let create = || create_once(&accounts, &anna, new_key("CI", READ), REQUEST);
    let (first, second) = tokio::join!(create(), create());
    let (made, refused) = if first.is_ok() {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!(reason(refused), "API_KEY_ALREADY_SHOWN");
    accounts.exchange_key(&made.unwrap().key).await.unwrap();
    assert_eq!(listed(&accounts, &anna).await.len(), 1);
}

#[tokio::test]
async fn another_organization_may_use_the_same_request_id() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.register("boris@example.com").await;
    for person in [&anna, &boris] {
        create_once(&accounts, person, new_key("CI", READ), REQUEST)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_organization_has_at_most_a_hundred_live_keys() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let soon = pb::ApiKey {
        expire_time: in_future(&accounts, TimeDelta::hours(1)),
        ..new_key("CI", READ)
    };
    let mut names = Vec::new();
    for _ in 0..100 {
        let made = create(&accounts, &anna, soon.clone()).await.unwrap();
        names.push(made.api_key.unwrap().name);
    }
    let full = || create(&accounts, &anna, soon.clone());
    assert_eq!(reason(full().await), "API_KEY_LIMIT");
    revoke(&accounts, &anna, &names[0]).await.unwrap();
    full().await.unwrap();
    assert_eq!(reason(full().await), "API_KEY_LIMIT");
    accounts.clock.advance(TimeDelta::hours(1));
    made(&accounts, &anna, READ).await;
}

/// Gives the same eight bytes, of which ids of keys are made, until it was asked often enough.
struct Repeating {
    inner: Arc<ManualWorld>,
    left: Arc<AtomicUsize>,
}

impl Clock for Repeating {
    fn now(&self) -> DateTime<Utc> {
        self.inner.now()
    }
}

impl Entropy for Repeating {
    fn fill(&self, bytes: &mut [u8]) {
        let left = self.left.load(Ordering::SeqCst);
        if bytes.len() == 8 && left > 0 {
            self.left.store(left - 1, Ordering::SeqCst);
            bytes.fill(7);
        } else {
            self.inner.fill(bytes);
        }
    }
}

#[tokio::test]
async fn two_keys_never_share_an_id() {
    let left = Arc::new(AtomicUsize::new(3));
    let accounts = Accounts::in_world(|clock| {
        let world = Arc::new(Repeating {
            inner: clock.clone(),
            left: left.clone(),
        });
        World::new(world.clone(), world)
    })
    .await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.register("boris@example.com").await;
    let (first, _) = made(&accounts, &anna, READ).await;
    // Of another organization, whose keys it cannot see.
    let (second, _) = made(&accounts, &boris, READ).await;
    let id = |key: &str| key["t11_dev_".len()..][..8].to_owned();
    assert_ne!(id(&first), id(&second));
    assert_eq!(left.load(Ordering::SeqCst), 0, "the second was drawn anew");
    for (key, owner) in [(first, anna), (second, boris)] {
        assert_eq!(caller(&accounts, &key).await.unwrap().org, owner.org());
    }
}
