//! A running crm service, and callers of two organizations.

use std::future::Future;
use std::sync::Arc;

use chrono::DateTime;
use sea_orm::{ConnectionTrait as _, Statement};
use t11_core::{
    Caller, Fault as _, ManualWorld, OrgId, PageTokens, Role, Subject, Violation, World,
};
use t11_crm::{Config, Parts};
use t11_grpc::{CallContext, Peer, RemoteFault, ServerStack, Signer, Verifier, in_context};
use t11_proto::crm::v1::connection_service_client::ConnectionServiceClient;
use t11_proto::crm::v1::credential_service_client::CredentialServiceClient;
use t11_store::testing::TestDb;
use t11_store::{Keyring, StoreError, System};
use tonic::Status;
use uuid::Uuid;

pub(crate) const ORG: OrgId = OrgId(Uuid::from_u128(1));
pub(crate) const OTHER_ORG: OrgId = OrgId(Uuid::from_u128(2));
pub(crate) const ENCRYPTION_KEY: [u8; 32] = [9; 32];

/// The service.
pub(crate) struct Crm {
    pub(crate) db: TestDb,
    world: World,
    peer: Peer,
    signer: Signer,
}

impl Crm {
    pub(crate) async fn start() -> Self {
        let world =
            ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 1).world();
        let migrate = |db| async move { t11_migrations::migrate("crm", &db).await };
        let db = TestDb::with_world(world.clone(), migrate).await;
        let parts = Parts {
            db: db.db(),
            world: world.clone(),
            keyring: Arc::new(Keyring::new(ENCRYPTION_KEY)),
            page_tokens: PageTokens::new([7; 32]),
        };
        let config = Config {
            test_hosts: vec!["127.0.0.1:9400".to_owned()],
        };
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let (peer, slot) = Peer::local("crm");
        slot.fill(ServerStack::new(
            t11_crm::routes(&config, parts),
            verifier,
            world.clone(),
        ));
        Self {
            db,
            world,
            peer,
            signer,
        }
    }

    pub(crate) fn connections(&self) -> ConnectionServiceClient<Peer> {
        ConnectionServiceClient::new(self.peer.clone())
    }

    pub(crate) fn credentials(&self) -> CredentialServiceClient<Peer> {
        CredentialServiceClient::new(self.peer.clone())
    }

    /// Runs `call` as a member of `org` with `role`.
    pub(crate) async fn with<F: Future>(&self, org: OrgId, role: Role, call: F) -> F::Output {
        let subject = Subject::User {
            user: Uuid::from_u128(5),
            session: Uuid::from_u128(6),
        };
        let caller = Caller {
            org,
            subject,
            role,
            scopes: None,
        };
        let context = CallContext {
            request_id: "a-request".into(),
            caller_token: Some(self.signer.sign(&caller, self.world.now()).into()),
            ..CallContext::default()
        };
        in_context(context, call).await
    }

    /// Runs `call` as an owner of `org`.
    pub(crate) async fn as_owner<F: Future>(&self, org: OrgId, call: F) -> F::Output {
        self.with(org, Role::Owner, call).await
    }

    /// One value of a query, as text or bytes.
    pub(crate) async fn query<T>(&self, sql: &'static str) -> Vec<T>
    where
        T: sea_orm::TryGetable + Send + 'static,
    {
        let read = self.db.read(System("test"), move |tx| async move {
            let statement = Statement::from_string(tx.get_database_backend(), sql);
            let rows = tx.query_all_raw(statement).await?;
            let values: Result<Vec<T>, _> =
                rows.iter().map(|row| row.try_get_by_index(0)).collect();
            Ok::<_, StoreError>(values?)
        });
        read.await.unwrap()
    }
}

/// The stable reason of a failure.
pub(crate) fn reason<T: std::fmt::Debug>(outcome: Result<T, Status>) -> String {
    RemoteFault::from(&outcome.unwrap_err()).reason().to_owned()
}

/// The broken rules of a failure: field and reason.
pub(crate) fn violations<T: std::fmt::Debug>(outcome: Result<T, Status>) -> Vec<(String, String)> {
    let fault = RemoteFault::from(&outcome.unwrap_err());
    assert_eq!(fault.reason(), "FIELDS_INVALID");
    let pair = |v: &Violation| (v.field.clone(), v.reason.to_string());
    fault.violations().iter().map(pair).collect()
}
