//! Uses, names, lists and the log.

use t11_core::Permission;

use super::*;
use crate::harness::violations;

#[tokio::test]
async fn its_last_use_is_written_down_once_a_minute() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, name) = made(&accounts, &anna, READ).await;
    let used = async || {
        let key = get(&accounts, &anna, &name).await.unwrap();
        key.last_used_time.map(|time| time.seconds - 1_800_000_000)
    };
    assert_eq!(used().await, None);
    for (seconds, expected) in [(0, 0), (59, 0), (1, 60), (30, 60), (300, 390)] {
        accounts.clock.advance(TimeDelta::seconds(seconds));
        accounts.exchange_key(&key).await.unwrap();
        assert_eq!(used().await, Some(expected));
    }
    let before = accounts.db.counters().writes;
    for _ in 0..10 {
        accounts.exchange_key(&key).await.unwrap();
    }
    assert_eq!(accounts.db.counters().writes, before);
    let wrong = forged(&key, "t11_dev_12345678_".len(), "0000");
    accounts.clock.advance(TimeDelta::hours(1));
    accounts.exchange_key(&wrong).await.unwrap_err();
    assert_eq!(
        used().await,
        Some(390),
        "a wrong secret is no use of the key"
    );
}

#[tokio::test]
async fn only_the_name_of_a_key_changes() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, name) = made(&accounts, &anna, READ).await;
    for mask in [vec![], vec!["display_name"], vec!["*"]] {
        let renamed = rename(&accounts, &anna, &name, "Nightly", &mask)
            .await
            .unwrap();
        assert_eq!(
            (renamed.display_name.as_str(), renamed.scopes.as_slice()),
            ("Nightly", &["agents.read".to_owned()][..])
        );
    }
    for field in ["scopes", "expire_time", "state", "revoke_time", "creator"] {
        let refused = rename(&accounts, &anna, &name, "Nightly", &[field]).await;
        assert_eq!(
            violations(refused),
            [("update_mask".to_owned(), "UNKNOWN_FIELD".to_owned())]
        );
    }
    let nameless = rename(&accounts, &anna, &name, " ", &["display_name"]).await;
    assert_eq!(
        violations(nameless),
        [("api_key.display_name".to_owned(), "REQUIRED".to_owned())]
    );
    assert!(
        !caller(&accounts, &key)
            .await
            .unwrap()
            .may(Permission::AgentsWrite)
    );
}

#[tokio::test]
async fn lists_come_in_pages_newest_first() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    for number in 0..5 {
        accounts.clock.advance(TimeDelta::seconds(1));
        let key = new_key(&format!("key {number}"), READ);
        create(&accounts, &anna, key).await.unwrap();
    }
    let mut request = pb::ListApiKeysRequest {
        page_size: 2,
        ..Default::default()
    };
    let mut names = Vec::new();
    loop {
        let page = list(&accounts, &anna, request.clone()).await.unwrap();
        names.extend(page.api_keys.into_iter().map(|key| key.display_name));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
        let other = pb::ListApiKeysRequest {
            show_revoked: true,
            ..request.clone()
        };
        let refused = list(&accounts, &anna, other).await;
        assert_eq!(reason(refused), "PAGE_TOKEN_INVALID");
    }
    assert_eq!(names, ["key 4", "key 3", "key 2", "key 1", "key 0"]);
}

#[tokio::test]
async fn the_log_tells_who_made_renamed_and_revoked_a_key() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, name) = made(&accounts, &anna, READ).await;
    rename(&accounts, &anna, &name, "Nightly", &[])
        .await
        .unwrap();
    revoke(&accounts, &anna, &name).await.unwrap();
    accounts.exchange_key(&key).await.unwrap_err();
    let records: Vec<_> = accounts
        .records(&anna)
        .await
        .into_iter()
        .filter(|record| record.action.contains("ApiKeyService"))
        .map(|record| {
            assert_eq!(record.actor, anna.member().replace("members/", "user:"));
            assert_eq!(record.resource, name);
            record.action.rsplit('/').next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(records, ["RevokeApiKey", "UpdateApiKey", "CreateApiKey"]);
}
