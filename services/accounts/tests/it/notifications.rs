//! What people are told of: once, only those it is for, and in their organization alone.

use std::collections::HashMap;

use futures::StreamExt as _;
use t11_proto::accounts::v1 as pb;
use t11_proto::accounts::v1::NotificationType;
use tonic::{Code, Status};

use crate::api_keys::{create, new_key};
use crate::harness::{Accounts, Person, reason, violations};

fn notification(kind: NotificationType, key: &str, role: &str) -> pb::RaiseNotification {
    pb::RaiseNotification {
        r#type: kind.into(),
        parameters: HashMap::from([("client".to_owned(), key.to_owned())]),
        resource: "conversations/01".to_owned(),
        dedupe_key: key.to_owned(),
        audience: Some(pb::NotificationAudience {
            role: role.to_owned(),
            email: String::new(),
        }),
    }
}

fn draft(key: &str) -> pb::RaiseNotification {
    notification(NotificationType::DraftWaiting, key, "operator")
}

async fn list(
    accounts: &Accounts,
    person: &Person,
    request: pb::ListNotificationsRequest,
) -> Result<pb::ListNotificationsResponse, Status> {
    let call = async { accounts.notifications().list_notifications(request).await };
    let listed = accounts.as_person(person, call).await?;
    Ok(listed.into_inner())
}

/// The names of clients in what a person was told, newest first, and how many they have not read.
async fn told(accounts: &Accounts, person: &Person) -> (Vec<String>, i32) {
    let listed = list(accounts, person, Default::default()).await.unwrap();
    let clients = listed.notifications.iter();
    let clients = clients.map(|one| one.parameters["client"].clone());
    (clients.collect(), listed.unread_count)
}

async fn read(
    accounts: &Accounts,
    person: &Person,
    name: &str,
) -> Result<pb::Notification, Status> {
    let request = pb::MarkNotificationReadRequest {
        name: name.to_owned(),
    };
    let call = async {
        accounts
            .notifications()
            .mark_notification_read(request)
            .await
    };
    Ok(accounts.as_person(person, call).await?.into_inner())
}

async fn prefer(
    accounts: &Accounts,
    person: &Person,
    kind: NotificationType,
    in_app: bool,
) -> Result<Vec<pb::NotificationPreference>, Status> {
    let request = pb::UpdateNotificationPreferencesRequest {
        preferences: vec![pb::NotificationPreference {
            r#type: kind.into(),
            in_app,
        }],
    };
    let call = async {
        accounts
            .notifications()
            .update_notification_preferences(request)
            .await
    };
    let all = accounts.as_person(person, call).await?;
    Ok(all.into_inner().preferences)
}

#[tokio::test]
async fn those_it_is_for_are_told_once() {
    let accounts = Accounts::start().await;
    let owner = accounts.register("anna@example.com").await;
    let operator = accounts.join(&owner, "boris@example.com", "operator").await;
    let viewer = accounts.join(&owner, "vera@example.com", "viewer").await;
    for _ in 0..3 {
        accounts.raise(owner.org(), &draft("Ольга")).await.unwrap();
    }
    let admins = notification(NotificationType::Budget80, "budget", "admin");
    accounts.raise(owner.org(), &admins).await.unwrap();
    let (once, both) = (vec!["Ольга".to_owned()], vec!["budget", "Ольга"]);
    assert_eq!(told(&accounts, &owner).await.0, both);
    assert_eq!(told(&accounts, &operator).await, (once, 1));
    assert_eq!(told(&accounts, &viewer).await, (vec![], 0));
}

#[tokio::test]
async fn one_person_is_told_or_else_the_role() {
    let accounts = Accounts::start().await;
    let owner = accounts.register("anna@example.com").await;
    let operator = accounts.join(&owner, "boris@example.com", "operator").await;
    let stranger = accounts.register("stranger@example.com").await;
    let to = |key: &str, email: &str| pb::RaiseNotification {
        audience: Some(pb::NotificationAudience {
            role: "owner".to_owned(),
            email: email.to_owned(),
        }),
        ..notification(NotificationType::HandoffWaiting, key, "")
    };
    let own = to("his", "Boris@Example.com");
    accounts.raise(owner.org(), &own).await.unwrap();
    let foreign = to("foreign", "stranger@example.com");
    accounts.raise(owner.org(), &foreign).await.unwrap();
    assert_eq!(told(&accounts, &operator).await.0, ["his"]);
    assert_eq!(told(&accounts, &owner).await.0, ["foreign"]);
    assert_eq!(told(&accounts, &stranger).await.0.len(), 0);
}

#[tokio::test]
async fn each_person_reads_for_themselves() {
    let accounts = Accounts::start().await;
    let owner = accounts.register("anna@example.com").await;
    let operator = accounts.join(&owner, "boris@example.com", "operator").await;
    for key in ["one", "two", "three"] {
        accounts.raise(owner.org(), &draft(key)).await.unwrap();
    }
    let listed = list(&accounts, &owner, Default::default()).await.unwrap();
    let name = &listed.notifications[0].name;
    let first = read(&accounts, &owner, name).await.unwrap();
    accounts.clock.advance(chrono::TimeDelta::seconds(5));
    let again = read(&accounts, &owner, name).await.unwrap();
    assert!(first.read_time.is_some());
    assert_eq!(first.read_time, again.read_time);
    let unread = pb::ListNotificationsRequest {
        unread: true,
        page_size: 1,
        ..Default::default()
    };
    let page = list(&accounts, &owner, unread.clone()).await.unwrap();
    assert_eq!((page.notifications.len(), page.unread_count), (1, 2));
    let next = pb::ListNotificationsRequest {
        page_token: page.next_page_token,
        ..unread
    };
    let last = list(&accounts, &owner, next).await.unwrap();
    assert_eq!(last.notifications[0].parameters["client"], "one");
    assert_eq!(last.next_page_token, "");

    let all = async {
        accounts
            .notifications()
            .mark_all_notifications_read(pb::MarkAllNotificationsReadRequest {})
            .await
    };
    accounts.as_person(&owner, all).await.unwrap();
    assert_eq!(told(&accounts, &owner).await.1, 0);
    assert_eq!(told(&accounts, &operator).await.1, 3, "his own");
}

#[tokio::test]
async fn who_does_not_want_a_type_is_not_told() {
    let accounts = Accounts::start().await;
    let owner = accounts.register("anna@example.com").await;
    let operator = accounts.join(&owner, "boris@example.com", "operator").await;
    let kind = NotificationType::DraftWaiting;
    let all = prefer(&accounts, &owner, kind, false).await.unwrap();
    let off: Vec<_> = all.iter().filter(|one| !one.in_app).collect();
    assert_eq!((all.len(), off.len()), (8, 1));
    assert_eq!(off[0].r#type(), kind);
    accounts.raise(owner.org(), &draft("one")).await.unwrap();
    assert_eq!(told(&accounts, &owner).await.1, 0);
    assert_eq!(told(&accounts, &operator).await.1, 1);
    prefer(&accounts, &owner, kind, true).await.unwrap();
    accounts.raise(owner.org(), &draft("two")).await.unwrap();
    assert_eq!(told(&accounts, &owner).await.0, ["two"]);

    let none = prefer(&accounts, &owner, NotificationType::Unspecified, true).await;
    let field = "preferences[0].type".to_owned();
    assert_eq!(violations(none), [(field, "UNKNOWN_VALUE".to_owned())]);
}

#[tokio::test]
async fn a_watch_hears_what_is_raised_and_read() {
    let accounts = Accounts::start().await;
    let owner = accounts.register("anna@example.com").await;
    let watch = async {
        accounts
            .notifications()
            .watch_notifications(pb::WatchNotificationsRequest {})
            .await
    };
    let mut heard = accounts
        .as_person(&owner, watch)
        .await
        .unwrap()
        .into_inner();
    let first = heard.next().await.unwrap().unwrap();
    assert_eq!((first.unread_count, first.newest.as_str()), (0, ""));
    accounts.raise(owner.org(), &draft("one")).await.unwrap();
    let raised = heard.next().await.unwrap().unwrap();
    assert_eq!(raised.unread_count, 1);
    read(&accounts, &owner, &raised.newest).await.unwrap();
    let read = heard.next().await.unwrap().unwrap();
    assert_eq!((read.unread_count, &read.newest), (0, &raised.newest));
}

#[tokio::test]
async fn what_another_was_told_is_not_there() {
    let accounts = Accounts::start().await;
    let owner = accounts.register("anna@example.com").await;
    let viewer = accounts.join(&owner, "vera@example.com", "viewer").await;
    let stranger = accounts.register("stranger@example.com").await;
    accounts.raise(owner.org(), &draft("one")).await.unwrap();
    let listed = list(&accounts, &owner, Default::default()).await.unwrap();
    let name = &listed.notifications[0].name;
    let nowhere = format!("notifications/{}", uuid::Uuid::from_u128(404));
    for person in [&viewer, &stranger] {
        let foreign = read(&accounts, person, name).await.unwrap_err();
        let unknown = read(&accounts, person, &nowhere).await.unwrap_err();
        assert_eq!(foreign.code(), Code::NotFound);
        assert_eq!(foreign.message(), unknown.message());
        assert_eq!(foreign.details(), unknown.details());
    }
    // The same key is another's business elsewhere.
    accounts.raise(stranger.org(), &draft("one")).await.unwrap();
    assert_eq!(told(&accounts, &stranger).await.1, 1);
}

#[tokio::test]
async fn programs_have_no_notifications() {
    let accounts = Accounts::start().await;
    let owner = accounts.register("anna@example.com").await;
    let key = create(&accounts, &owner, new_key("program", &["agents.read"]))
        .await
        .unwrap();
    let token = accounts.exchange_key(&key.key).await.unwrap().caller_token;
    let call = async {
        let request = pb::ListNotificationsRequest::default();
        accounts.notifications().list_notifications(request).await
    };
    let refused = accounts.with_token(&token, call).await;
    assert_eq!(reason(refused), "PERMISSION_DENIED");
}

#[tokio::test]
async fn what_is_for_nobody_is_refused_for_good() {
    let accounts = Accounts::start().await;
    let owner = accounts.register("anna@example.com").await;
    let unknown = notification(NotificationType::Unspecified, "key", "owner");
    let no_key = draft("");
    let long_key = draft(&"k".repeat(201));
    let no_role = notification(NotificationType::Budget80, "key", "emperor");
    for bad in [unknown, no_key, long_key, no_role] {
        let failure = accounts.raise(owner.org(), &bad).await.unwrap_err();
        assert_eq!(failure.reason, "NOTIFICATION_INVALID");
        assert!(failure.permanent);
    }
    assert_eq!(told(&accounts, &owner).await.0.len(), 0);
}
