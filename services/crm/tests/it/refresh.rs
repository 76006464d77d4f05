//! Tokens as people see them: an account that has moved, and one that refuses.

use std::time::Duration;

use chrono::TimeDelta;
use t11_proto::crm::v1 as pb;
use tonic::{Response, Status};

use crate::authorization::{connect, get, kommo, problems};
use crate::harness::{Crm, ORG, reason};

const DAY_AND_MORE: Duration = Duration::from_secs(25 * 3_600);

async fn repair(crm: &Crm, name: &str) -> Result<pb::Connection, Status> {
    let request = pb::RepairConnectionRequest {
        name: name.to_owned(),
    };
    let call = async { crm.connections().repair_connection(request).await };
    crm.as_owner(ORG, call).await.map(Response::into_inner)
}

#[tokio::test]
async fn a_repair_asks_kommo_and_subscribes() {
    let kommo = kommo().await;
    kommo.set_webhook_probes(false);
    let crm = Crm::with_kommo(&kommo).await;
    let made = connect(&crm, ORG).await;
    let repaired = repair(&crm, &made.name).await.unwrap();
    assert_eq!(repaired.state(), pb::ConnectionState::Connected);
    assert_eq!(repaired.webhook.as_ref().unwrap().state, "active");
    assert_eq!(problems(&repaired), [""; 0]);
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_shown() {
    let kommo = kommo().await;
    // Nothing answers where Kommo would send to.
    kommo.set_webhook_probes(true);
    let crm = Crm::with_kommo(&kommo).await;
    let made = connect(&crm, ORG).await;
    let repaired = repair(&crm, &made.name).await.unwrap();
    assert_eq!(problems(&repaired), ["WEBHOOK_MISSING"]);
}

#[tokio::test]
async fn an_account_that_has_moved_is_found_and_stays_the_same_connection() {
    let kommo = kommo().await;
    kommo.set_webhook_probes(false);
    let crm = Crm::with_kommo(&kommo).await;
    let made = connect(&crm, ORG).await;
    let host = kommo.account().rename("renamed").unwrap();
    assert_ne!(host, made.host);
    let crm = crm.replica(&kommo);
    let repaired = repair(&crm, &made.name).await.unwrap();
    assert_eq!((&repaired.host, &repaired.name), (&host, &made.name));
    assert_eq!(repaired.account_id, made.account_id);
    assert_eq!(repaired.state(), pb::ConnectionState::Connected);
}

#[tokio::test]
async fn a_revoked_grant_is_granted_again() {
    let kommo = kommo().await;
    kommo.set_webhook_probes(false);
    let crm = Crm::with_kommo(&kommo).await;
    let made = connect(&crm, ORG).await;
    let client_id = t11_fake_kommo::Integration::new("x").client_id;
    kommo.account().disable(&client_id, true);
    assert_eq!(reason(repair(&crm, &made.name).await), "CONNECTION_STATE");
    let refused = get(&crm, &made.name).await;
    assert_eq!(refused.state(), pb::ConnectionState::NeedsReauth);
    assert_eq!(problems(&refused), ["NEEDS_REAUTH"]);
    let again = connect(&crm, ORG).await;
    assert_eq!(again.name, made.name);
    assert_eq!(again.state(), pb::ConnectionState::Connected);
    repair(&crm, &made.name).await.unwrap();
}

#[tokio::test]
async fn an_expired_token_is_renewed_on_the_way() {
    let kommo = kommo().await;
    kommo.set_webhook_probes(false);
    let crm = Crm::with_kommo(&kommo).await;
    let made = connect(&crm, ORG).await;
    kommo.advance(DAY_AND_MORE);
    crm.advance(TimeDelta::hours(25));
    let repaired = repair(&crm, &made.name).await.unwrap();
    assert_eq!(kommo.count("POST /oauth2/access_token"), 2);
    let (before, after) = (
        made.token_expire_time.unwrap(),
        repaired.token_expire_time.unwrap(),
    );
    assert!(after.seconds > before.seconds + 24 * 3_600);
}
