//! That Kommo tells us of events, and what is done when it does not.

use chrono::TimeDelta;
use t11_fake_kommo::{Fault, FaultKind, Manners, Newcomer};
use t11_proto::agents::v1::CrmEvent;
use t11_proto::crm::v1 as pb;

use crate::intake_rig::{Rig, client_message, reason};

/// A poll files what Kommo kept from us, once, and costs one call when there is nothing.
#[tokio::test]
async fn a_poll_finds_what_webhooks_lost() {
    let rig = Rig::start().await;
    let ana = rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    rig.told();
    rig.advance(TimeDelta::seconds(5));
    rig.account.set_webhook_manners(Manners {
        drop_next: 2,
        ..Manners::default()
    });
    rig.account
        .client_writes(ana.talk_id, "Are you there?")
        .unwrap();
    rig.work().await;
    assert!(rig.told().is_empty());
    rig.run_for_connection("crm.poll").await.unwrap();
    rig.work().await;
    let (_, event) = rig.told_one();
    let message = client_message(&event);
    assert_eq!(message.text, "Are you there?");
    assert_eq!(Some(message.lead_id), ana.lead_id);
    assert_eq!(rig.event(&event.event).await.source, "poll");

    let (calls, writes) = (rig.kommo.calls().len(), rig.db.counters().writes);
    rig.run_for_connection("crm.poll").await.unwrap();
    assert_eq!(rig.kommo.calls().len(), calls + 1);
    assert_eq!(rig.db.counters().writes, writes);
    rig.work().await;
    assert!(rig.told().is_empty());
    // A webhook that comes late is the same event.
    let (id, message_id) = (rig.account.id(), &message.message_id);
    rig.post(format!("account[id]={id}&message[add][0][id]={message_id}"))
        .await
        .unwrap();
    rig.work().await;
    assert!(rig.told().is_empty());
    assert_eq!(rig.event(&event.event).await.deliveries, 2);
}

#[tokio::test]
async fn an_address_that_kommo_gave_up_is_subscribed_again() {
    let rig = Rig::start().await;
    let webhook = rig.webhook().await;
    assert_eq!(webhook.state, "active");
    assert!(webhook.events.contains(&"add_message".to_owned()));
    let subscribed = rig.account.webhooks().remove(0);
    assert!(subscribed.destination.ends_with('/'));
    assert!(
        subscribed
            .destination
            .starts_with(&format!("http://{}/hooks/kommo/", rig.door()))
    );
    // The door forgets the connection's secret: Kommo is answered 404 until it gives up.
    rig.execute("UPDATE webhook_secrets SET secret_hash = 'lost'".to_owned())
        .await;
    rig.advance(TimeDelta::minutes(1));
    let ana = rig.account.newcomer(&Newcomer::default(), "0");
    for n in 1..=101 {
        rig.account
            .client_writes(ana.talk_id, &n.to_string())
            .unwrap();
    }
    rig.kommo.settle().await;
    assert!(rig.account.webhooks()[0].is_disabled);
    rig.execute("DELETE FROM webhook_secrets".to_owned()).await;
    rig.run_for_connection("crm.subscribe").await.unwrap();
    assert_eq!(rig.webhook().await.state, "active");
    let webhooks = rig.account.webhooks();
    assert_eq!(webhooks.len(), 1, "the old address is taken back");
    assert!(!webhooks[0].is_disabled);
    assert_ne!(webhooks[0].destination, subscribed.destination);
    rig.account.client_writes(ana.talk_id, "Hi again").unwrap();
    rig.work().await;
    let told = rig.told();
    let heard = |(_, event): &(_, CrmEvent)| client_message(event).text == "Hi again";
    assert!(told.iter().any(heard), "{told:?}");
    // What was lost meanwhile is found by a poll, which nobody need wait for.
    rig.look().await;
    rig.work().await;
    assert_eq!(rig.told().len(), 102);
}

#[tokio::test]
async fn a_person_sees_to_a_plan_without_webhooks() {
    let rig = Rig::connected().await;
    rig.kommo.fault(Fault {
        route: Some("POST /api/v4/webhooks".to_owned()),
        kind: FaultKind::PaymentRequired("not in your plan".to_owned()),
        count: Some(1),
    });
    rig.work().await;
    let webhook = rig.webhook().await;
    assert_eq!(webhook.state, "missing");
    assert!(webhook.check_time.is_some());
    rig.run_for_connection("crm.subscribe").await.unwrap();
    assert_eq!(rig.webhook().await.state, "active");
}

#[tokio::test]
async fn an_old_address_works_until_kommo_cannot_be_repeating_itself() {
    let rig = Rig::start().await;
    let old = rig.secret();
    rig.advance(TimeDelta::days(91));
    // The token of the tests has ended by then.
    rig.execute("UPDATE tokens SET access_expire_time = NULL".to_owned())
        .await;
    rig.kommo.set_clock(rig.kommo.now() - 91 * 24 * 3600);
    rig.run_for_connection("crm.subscribe").await.unwrap();
    assert_eq!(rig.account.webhooks().len(), 2);
    assert_ne!(rig.secret(), old);
    let mut intake = rig.intake();
    let mut post = async |secret: &str| {
        let request = pb::AcceptWebhookRequest {
            secret: secret.to_owned(),
            body: "x=1".into(),
        };
        rig.as_edge(intake.accept_webhook(request)).await.is_ok()
    };
    assert!(post(&old).await && post(&rig.secret()).await);
    rig.advance(TimeDelta::minutes(101));
    rig.run_for_connection("crm.subscribe").await.unwrap();
    assert_eq!(rig.account.webhooks().len(), 1);
    assert!(post(&old).await, "longer than it is subscribed");
    rig.advance(TimeDelta::hours(4));
    assert!(!post(&old).await);
    assert!(post(&rig.secret()).await);
}

#[tokio::test]
async fn a_deleted_connection_has_no_door() {
    let rig = Rig::start().await;
    let secret = rig.secret();
    let id = rig.account.id();
    rig.post(format!("account[id]={id}&message[add][0][id]=m-1"))
        .await
        .unwrap();
    let jobs = rig.take_jobs().await;
    let request = pb::DeleteConnectionRequest {
        name: rig.connection.clone(),
    };
    let mut connections = rig.connections();
    rig.as_owner(connections.delete_connection(request))
        .await
        .unwrap();
    assert!(rig.account.webhooks().is_empty(), "Kommo posts no more");
    let request = pb::AcceptWebhookRequest {
        secret,
        body: "x=1".into(),
    };
    let mut intake = rig.intake();
    let refused = rig.as_edge(intake.accept_webhook(request)).await;
    assert_eq!(reason(refused), "NOT_FOUND");
    for job in jobs {
        rig.run(&job, 0).await.unwrap();
    }
    assert!(rig.told().is_empty());
}
