//! A running accounts service, and people who use it.

use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use prost::Message as _;
use t11_accounts::{Config, KeyEnvironment, Parts};
use t11_core::{Caller, Fault as _, ManualWorld, OrgId, PageTokens, World};
use t11_grpc::{
    CallContext, Peer, RemoteFault, ServerStack, Signer, Verifier, as_service, in_context, keys,
};
use t11_proto::accounts::v1 as pb;
use t11_proto::accounts::v1::api_key_service_client::ApiKeyServiceClient;
use t11_proto::accounts::v1::audit_service_client::AuditServiceClient;
use t11_proto::accounts::v1::member_service_client::MemberServiceClient;
use t11_proto::accounts::v1::notification_service_client::NotificationServiceClient;
use t11_proto::accounts::v1::organization_service_client::OrganizationServiceClient;
use t11_proto::accounts::v1::session_service_client::SessionServiceClient;
use t11_runtime::bus::InProcess;
use t11_runtime::{Bus, Endings, Hearing, JobFailure, JobHandler, RunningJob};
use t11_store::testing::TestDb;
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};

pub(crate) const PASSWORD: &str = "correct horse";

/// The service, with a clock that moves when told to.
pub(crate) struct Accounts {
    pub(crate) clock: Arc<ManualWorld>,
    pub(crate) db: TestDb,
    peer: Peer,
    signer: Signer,
    raising: Arc<dyn JobHandler>,
    carrier: Arc<InProcess>,
}

/// Somebody signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
    pub(crate) me: pb::Me,
}

impl Person {
    pub(crate) fn org(&self) -> OrgId {
        let name = &self.me.organization.as_ref().unwrap().name;
        OrgId(t11_core::parse_name("organizations", name).unwrap())
    }

    /// `members/…` of themselves.
    pub(crate) fn member(&self) -> String {
        self.me
            .user
            .as_ref()
            .unwrap()
            .name
            .replace("users/", "members/")
    }
}

impl Accounts {
    pub(crate) async fn start() -> Self {
        Self::in_world(|clock| clock.world()).await
    }

    /// In a world made around the clock.
    pub(crate) async fn in_world(make: impl FnOnce(&Arc<ManualWorld>) -> World) -> Self {
        let clock = ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 1);
        let world = make(&clock);
        let migrate = |db| async move { t11_migrations::migrate("accounts", &db).await };
        let db = TestDb::with_world(world.clone(), migrate).await;
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let carrier = Arc::new(InProcess::default());
        let parts = Parts {
            db: db.db(),
            world: world.clone(),
            signer: signer.clone(),
            page_tokens: PageTokens::new([7; 32]),
            bus: Bus::join(carrier.clone(), &World::system()),
            key_environment: KeyEnvironment::Dev,
        };
        // A replica of its own: who watches hears of it through the bus.
        let raising = t11_accounts::raise_notification(&Parts {
            bus: Bus::join(carrier.clone(), &World::system()),
            ..parts.clone()
        });
        let routes = t11_accounts::routes(&Config::default(), parts);
        let (peer, slot) = Peer::local("accounts");
        slot.fill(ServerStack::new(routes, verifier, world));
        Self {
            clock,
            db,
            peer,
            signer,
            raising,
            carrier,
        }
    }

    /// Hears what accounts tells of endings from now on, as edges do.
    pub(crate) async fn endings(&self) -> Hearing {
        let bus = Bus::join(self.carrier.clone(), &World::system());
        Endings::new(bus).hear().await
    }

    pub(crate) fn world(&self) -> World {
        self.clock.world()
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::from_jwks(&self.signer.jwks()).unwrap()
    }

    /// A caller token for anybody.
    pub(crate) fn sign(&self, caller: &Caller) -> String {
        self.signer.sign(caller, self.world().now())
    }

    pub(crate) fn sessions(&self) -> SessionServiceClient<Peer> {
        SessionServiceClient::new(self.peer.clone())
    }

    pub(crate) fn organizations(&self) -> OrganizationServiceClient<Peer> {
        OrganizationServiceClient::new(self.peer.clone())
    }

    pub(crate) fn members(&self) -> MemberServiceClient<Peer> {
        MemberServiceClient::new(self.peer.clone())
    }

    pub(crate) fn api_keys(&self) -> ApiKeyServiceClient<Peer> {
        ApiKeyServiceClient::new(self.peer.clone())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Peer> {
        AuditServiceClient::new(self.peer.clone())
    }

    pub(crate) fn notifications(&self) -> NotificationServiceClient<Peer> {
        NotificationServiceClient::new(self.peer.clone())
    }

    /// Runs the job by which a service raises a notification in an organization.
    pub(crate) async fn raise(
        &self,
        org: OrgId,
        notification: &pb::RaiseNotification,
    ) -> Result<(), JobFailure> {
        // Ids of one moment have no order.
        self.clock.advance(TimeDelta::milliseconds(1));
        let payload = notification.encode_to_vec();
        let kind = t11_runtime::notification::RAISE_NOTIFICATION;
        let job = RunningJob::detached("accounts", kind, payload, org);
        self.raising.run(&job).await
    }

    /// Runs `call` as somebody not signed in, at `address`.
    pub(crate) async fn from<F: Future>(&self, address: &str, call: F) -> F::Output {
        let context = CallContext {
            request_id: "a-request".into(),
            client_address: Some(address.into()),
            client_agent: Some("a browser".into()),
            ..CallContext::default()
        };
        in_context(context, call).await
    }

    /// What edge does with a session token: the caller token for it.
    pub(crate) async fn exchange(&self, session_token: &str) -> Result<String, Status> {
        let request = pb::IssueCallerTokenRequest {
            session_token: session_token.to_owned(),
        };
        let call = async { self.sessions().issue_caller_token(request).await };
        let issued = as_service(&self.signer, &self.world(), "edge", OrgId::NONE, call).await?;
        Ok(issued.into_inner().caller_token)
    }

    /// What edge does with an API key.
    pub(crate) async fn exchange_key(
        &self,
        key: &str,
    ) -> Result<pb::ExchangeApiKeyResponse, Status> {
        let request = pb::ExchangeApiKeyRequest {
            key: key.to_owned(),
        };
        let call = async { self.api_keys().exchange_api_key(request).await };
        let issued = as_service(&self.signer, &self.world(), "edge", OrgId::NONE, call).await?;
        Ok(issued.into_inner())
    }

    /// Runs `call` with a caller token got before.
    pub(crate) async fn with_token<F: Future>(&self, caller_token: &str, call: F) -> F::Output {
        let context = CallContext {
            request_id: "a-request".into(),
            caller_token: Some(caller_token.into()),
            ..CallContext::default()
        };
        in_context(context, call).await
    }

    /// Runs `call` as `person`.
    pub(crate) async fn as_person<F: Future>(&self, person: &Person, call: F) -> F::Output {
        let caller_token = self.exchange(&person.token).await.unwrap();
        self.with_token(&caller_token, call).await
    }

    pub(crate) async fn register(&self, email: &str) -> Person {
        let request = registration(email);
        let registered = self
            .from("192.0.2.1", async {
                self.sessions().register(request).await
            })
            .await;
        let response = registered.unwrap().into_inner();
        Person {
            token: response.session_token,
            me: response.me.unwrap(),
        }
    }

    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: &str,
    ) -> Result<Response<pb::SignInResponse>, Status> {
        let request = pb::SignInRequest {
            email: email.to_owned(),
            password: password.to_owned(),
            ..Default::default()
        };
        self.from("192.0.2.9", async {
            self.sessions().sign_in(request).await
        })
        .await
    }

    /// The secret of an invitation made by `host`.
    pub(crate) async fn invite(
        &self,
        host: &Person,
        email: &str,
        role: &str,
    ) -> Result<pb::CreateInviteResponse, Status> {
        let request = pb::CreateInviteRequest {
            email: email.to_owned(),
            role: role.to_owned(),
            request_id: String::new(),
        };
        let created = self
            .as_person(host, async { self.members().create_invite(request).await })
            .await;
        created.map(Response::into_inner)
    }

    pub(crate) async fn accept(&self, secret: &str) -> Result<Person, Status> {
        let request = pb::AcceptInviteRequest {
            secret: secret.to_owned(),
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        let call = async { self.members().accept_invite(request).await };
        let response = self.from("192.0.2.2", call).await?.into_inner();
        Ok(Person {
            token: response.session_token,
            me: response.me.unwrap(),
        })
    }

    /// A new member of the organization of `host`.
    pub(crate) async fn join(&self, host: &Person, email: &str, role: &str) -> Person {
        let invited = self.invite(host, email, role).await.unwrap();
        self.accept(&invited.secret).await.unwrap()
    }

    /// The newest records of the audit log, as the owner sees them.
    pub(crate) async fn records(&self, owner: &Person) -> Vec<pb::AuditRecord> {
        let request = pb::ListAuditRecordsRequest {
            page_size: 500,
            ..Default::default()
        };
        let listed = self
            .as_person(owner, async {
                self.audit().list_audit_records(request).await
            })
            .await;
        listed.unwrap().into_inner().audit_records
    }
}

pub(crate) fn registration(email: &str) -> pb::RegisterRequest {
    pb::RegisterRequest {
        organization_display_name: format!("Organization of {email}"),
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        display_name: "Anna".to_owned(),
        ..Default::default()
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
    let pair = |v: &t11_core::Violation| (v.field.clone(), v.reason.to_string());
    fault.violations().iter().map(pair).collect()
}

/// The cookie that edge is asked to set: the token, and for how many seconds.
pub(crate) fn cookie(metadata: &MetadataMap) -> Option<(String, i64)> {
    let value = metadata.get(keys::SET_SESSION)?.to_str().unwrap();
    let (token, seconds) = value.split_once(';').unwrap();
    Some((token.to_owned(), seconds.parse().unwrap()))
}
