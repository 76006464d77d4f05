use chrono::DateTime;
use t11_core::{Caller, ManualWorld, OrgId, PageRequest, Permission};
use t11_store::testing::TestDb;
use uuid::Uuid;

use super::*;
use crate::authenticator::{Authenticator, Registration};
use crate::email::Email;
use crate::hasher::Hasher;
use crate::locale::Locale;
use crate::session::Client;
use crate::store::AuditFilter;

struct Fixture {
    _db: TestDb,
    store: Store,
    org: OrgId,
}

async fn fixture() -> Fixture {
    let world = ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 1).world();
    let migrate = |db| async move { t11_migrations::migrate("accounts", &db).await };
    let db = TestDb::with_world(world.clone(), migrate).await;
    let store = Store::new(db.db(), world.clone());
    let hasher = Hasher::new(world.clone(), 1);
    let registration = Registration {
        organization_display_name: "Мебель".to_owned(),
        email: Email::stored("anna@example.com".to_owned()),
        password: "correct horse".into(),
        display_name: "Anna".to_owned(),
        locale: Locale::Ru,
        time_zone: "Europe/Moscow".to_owned(),
        request_id: None,
    };
    let authenticator = Authenticator::new(store.clone(), hasher, world);
    let owner = authenticator
        .register(registration, Client::default())
        .await
        .unwrap();
    Fixture {
        _db: db,
        store,
        org: owner.me.organization.id,
    }
}

fn record(org: OrgId) -> Vec<u8> {
    let record = AuditRecord {
        id: Uuid::from_u128(1),
        org: org.0,
        actor: "user:1".to_owned(),
        action: "t11.agents.v1.AgentService/UpdateAgent".to_owned(),
        target: Some("agents/1".to_owned()),
        request_id: "r".to_owned(),
        client_address: None,
        time: DateTime::UNIX_EPOCH,
    };
    serde_json::to_vec(&record).unwrap()
}

fn scope(org: OrgId) -> OrgScope {
    Caller::service("accounts", org)
        .require(Permission::Internal)
        .unwrap()
}

impl Fixture {
    async fn actions(&self) -> Vec<String> {
        let page = PageRequest {
            size: 100,
            cursor: None,
        };
        let page = self
            .store
            .list_audit(&scope(self.org), AuditFilter::default(), page)
            .await;
        page.unwrap()
            .items
            .into_iter()
            .map(|record| record.entry.action)
            .collect()
    }
}

#[tokio::test]
async fn a_record_is_appended_once_however_often_its_job_runs() {
    let fixture = fixture().await;
    let handler = AppendAudit::new(fixture.store.clone());
    let before = fixture.actions().await.len();
    for _ in 0..3 {
        handler
            .append(&scope(fixture.org), &record(fixture.org))
            .await
            .unwrap();
    }
    let actions = fixture.actions().await;
    assert_eq!(actions.len(), before + 1);
    assert_eq!(actions[0], "t11.agents.v1.AgentService/UpdateAgent");
    assert_eq!(
        fixture.store.verify_audit(fixture.org).await.unwrap(),
        Ok(2)
    );
}

#[tokio::test]
async fn what_is_no_record_of_the_jobs_organization_is_refused_for_good() {
    let fixture = fixture().await;
    let handler = AppendAudit::new(fixture.store.clone());
    let before = fixture.actions().await;
    let foreign = record(OrgId(Uuid::from_u128(9)));
    for payload in [foreign.as_slice(), b"{}", b"\xff"] {
        let failure = handler
            .append(&scope(fixture.org), payload)
            .await
            .unwrap_err();
        assert_eq!(failure.reason, "AUDIT_RECORD_INVALID");
        assert!(failure.permanent);
    }
    assert_eq!(fixture.actions().await, before);
}
