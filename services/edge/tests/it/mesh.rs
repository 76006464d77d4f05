//! A few RPCs served for real, behind edge's own router.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::routing::post;
use chrono::DateTime;
use futures::StreamExt as _;
use t11_core::{Caller, Fault, FaultKind, ManualWorld, OrgId, Permission, Role, Subject, World};
use t11_edge::{Config, EdgeContext};
use t11_grpc::{Peer, ResponseStream, ServerStack, Signer, Verifier, keys};
use t11_proto::accounts::v1 as accounts;
use t11_proto::agents::v1 as agents;
use t11_proto::jobs::v1 as jobs;
use t11_runtime::bus::{Carrier, InProcess};
use t11_runtime::{Bus, Endings, Redis};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use uuid::Uuid;

/// The session token that accounts believes.
pub(crate) const SESSION: &str = "session-of-anna";

/// The API key that accounts believes, until it is told otherwise.
pub(crate) const API_KEY: &str =
    "t11_dev_8mXq2RtZ_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ_0aB1cD";

/// Whose both are.
pub(crate) const ORG: OrgId = OrgId(Uuid::from_u128(3));

/// What reached the services.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) lists: Vec<agents::ListAgentsRequest>,
    pub(crate) creates: Vec<agents::CreateAgentRequest>,
    pub(crate) updates: Vec<agents::UpdateAgentRequest>,
    /// Metadata of the last call of an agent's RPC.
    pub(crate) metadata: MetadataMap,
    pub(crate) exchanges: usize,
    pub(crate) key_exchanges: usize,
    /// Accounts believes [`API_KEY`] no more.
    pub(crate) key_revoked: bool,
    pub(crate) upload: Upload,
}

/// What became of the last upload.
#[derive(Default, Clone, Debug, PartialEq)]
pub(crate) struct Upload {
    pub(crate) header: Option<agents::UploadFileHeader>,
    pub(crate) bytes: usize,
    pub(crate) longest_chunk: usize,
    /// The stream came to its end, so the file counts as whole.
    pub(crate) complete: bool,
}

#[derive(Clone)]
pub(crate) struct TestMesh {
    pub(crate) router: Router,
    pub(crate) world: Arc<ManualWorld>,
    seen: Arc<Mutex<Seen>>,
    /// Told when a producer or an upload is dropped before its end.
    pub(crate) dropped: Arc<Notify>,
    pub(crate) shutdown: CancellationToken,
}

/// What is around an edge.
struct Around {
    redis: Option<Redis>,
    crm: Option<Router>,
    carrier: Arc<dyn Carrier>,
}

impl Default for Around {
    fn default() -> Self {
        Self {
            redis: None,
            crm: None,
            carrier: Arc::new(InProcess::default()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused(FaultKind, &'static str);

impl Fault for Refused {
    fn kind(&self) -> FaultKind {
        self.0
    }
    fn reason(&self) -> &'static str {
        self.1
    }
}

pub(crate) fn refuse(domain: &str, kind: FaultKind, reason: &'static str) -> Status {
    t11_grpc::status(domain, &Refused(kind, reason))
}

impl TestMesh {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A mesh whose edge has other settings.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_redis(None, change)
    }

    /// A mesh whose edge is one of several on a Redis.
    pub(crate) fn with_redis(redis: Option<Redis>, change: impl FnOnce(&mut Config)) -> Self {
        let around = Around {
            redis,
            ..Around::default()
        };
        Self::amid(around, change)
    }

    /// A mesh whose edge is one of several on a bus.
    pub(crate) fn with_carrier(carrier: Arc<dyn Carrier>) -> Self {
        let around = Around {
            carrier,
            ..Around::default()
        };
        Self::amid(around, |_| {})
    }

    /// A mesh with this crm; without one it is not running: what a neighbour that is away looks
    /// like.
    pub(crate) fn with_crm(crm: Router) -> Self {
        let around = Around {
            crm: Some(crm),
            ..Around::default()
        };
        Self::amid(around, |_| {})
    }

    fn amid(around: Around, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            web_dir: Some(PathBuf::from("no-such-folder")),
            ..Config::default()
        };
        change(&mut config);
        let world = ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 7);
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let dropped = Arc::new(Notify::new());
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let stack = |routes: Router| {
            ServerStack::new(Routes::from(routes), verifier.clone(), world.world())
        };
        let (accounts, accounts_slot) = Peer::local("accounts");
        let routes = accounts_routes(&world, &signer, &seen);
        accounts_slot.fill(stack(routes.merge(api_key_routes(&world, &signer, &seen))));
        let (agents, agents_slot) = Peer::local("agents");
        agents_slot.fill(stack(agents_routes(&seen, &dropped)));
        let (jobs, jobs_slot) = Peer::local("jobs");
        jobs_slot.fill(stack(jobs_routes()));
        let (others, crm_slot) = Peer::local("crm");
        if let Some(crm) = around.crm {
            crm_slot.fill(stack(crm));
        }
        let shutdown = CancellationToken::new();
        let context = EdgeContext {
            peers: Arc::new(move |name| match name {
                "accounts" => accounts.clone(),
                "agents" => agents.clone(),
                "jobs" => jobs.clone(),
                _ => others.clone(),
            }),
            signer,
            world: world.world(),
            databases: Arc::new(|| Box::pin(async { vec![("accounts".to_owned(), true)] })),
            redis: around.redis,
            endings: Endings::new(Bus::join(around.carrier, &World::system())),
            health: t11_runtime::Health::ready(),
            shutdown: shutdown.clone(),
        };
        let front = t11_edge::front(config, context).unwrap();
        tokio::spawn(front.hearing);
        Self {
            router: front.router,
            world,
            seen,
            dropped,
            shutdown,
        }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Serves edge on a port of its own until the test ends.
    pub(crate) async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = self
            .router
            .clone()
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        address
    }
}

fn api_key_routes(world: &Arc<ManualWorld>, signer: &Signer, seen: &Arc<Mutex<Seen>>) -> Router {
    let (world, signer, seen) = (world.world(), signer.clone(), seen.clone());
    let exchange = move |request: Request<accounts::ExchangeApiKeyRequest>| {
        let caller = Caller {
            org: ORG,
            subject: Subject::ApiKey {
                key: Uuid::from_u128(4),
            },
            role: Role::Admin,
            scopes: Some(vec![
                Permission::AgentsRead,
                Permission::ConversationsWrite,
                Permission::JobsRead,
            ]),
        };
        let mut seen = seen.lock().unwrap();
        seen.key_exchanges += 1;
        let reason = match request.get_ref().key == API_KEY {
            true if seen.key_revoked => Some("API_KEY_REVOKED"),
            true => None,
            false => Some("API_KEY_INVALID"),
        };
        let answer = accounts::ExchangeApiKeyResponse {
            caller_token: signer.sign(&caller, world.now()),
            expire_time: Some(prost_types::Timestamp {
                seconds: world.now().timestamp() + 300,
                nanos: 0,
            }),
        };
        std::future::ready(match reason {
            None => Ok(Response::new(answer)),
            Some(reason) => Err(refuse("accounts", FaultKind::Unauthenticated, reason)),
        })
    };
    unary(
        "/t11.accounts.v1.ApiKeyService/ExchangeApiKey".to_owned(),
        exchange,
    )
}

fn accounts_routes(world: &Arc<ManualWorld>, signer: &Signer, seen: &Arc<Mutex<Seen>>) -> Router {
    let (world, signer, seen) = (world.world(), signer.clone(), seen.clone());
    let issue = move |request: Request<accounts::IssueCallerTokenRequest>| {
        seen.lock().unwrap().exchanges += 1;
        let subject = Subject::User {
            user: Uuid::from_u128(1),
            session: Uuid::from_u128(2),
        };
        let caller = Caller {
            org: ORG,
            subject,
            role: Role::Owner,
            scopes: None,
        };
        let answer = accounts::IssueCallerTokenResponse {
            caller_token: signer.sign(&caller, world.now()),
            expire_time: Some(prost_types::Timestamp {
                seconds: world.now().timestamp() + 300,
                nanos: 0,
            }),
        };
        async move {
            if request.get_ref().session_token == SESSION {
                Ok(Response::new(answer))
            } else {
                Err(refuse(
                    "accounts",
                    FaultKind::Unauthenticated,
                    "SESSION_INVALID",
                ))
            }
        }
    };
    let sign_in = async |_: Request<accounts::SignInRequest>| {
        let mut response = Response::new(accounts::SignInResponse::default());
        let value = format!("{SESSION};43200").parse().unwrap();
        response.metadata_mut().insert(keys::SET_SESSION, value);
        Ok(response)
    };
    let sign_out = async |_: Request<accounts::SignOutRequest>| {
        let mut response = Response::new(());
        response
            .metadata_mut()
            .insert(keys::CLEAR_SESSION, "1".parse().unwrap());
        Ok(response)
    };
    let service = "/t11.accounts.v1.SessionService";
    Router::new()
        .merge(unary(format!("{service}/IssueCallerToken"), issue))
        .merge(unary(format!("{service}/SignIn"), sign_in))
        .merge(unary(format!("{service}/SignOut"), sign_out))
}

fn agents_routes(seen: &Arc<Mutex<Seen>>, dropped: &Arc<Notify>) -> Router {
    let service = "/t11.agents.v1.AgentService";
    let noted = seen.clone();
    let get = move |request: Request<agents::GetAgentRequest>| {
        noted.lock().unwrap().metadata = request.metadata().clone();
        async move { get_agent(request.into_inner().name) }
    };
    let noted = seen.clone();
    let list = move |request: Request<agents::ListAgentsRequest>| {
        noted.lock().unwrap().lists.push(request.into_inner());
        async { Ok(Response::new(agents::ListAgentsResponse::default())) }
    };
    let noted = seen.clone();
    let create = move |request: Request<agents::CreateAgentRequest>| {
        let request = request.into_inner();
        let agent = request.agent.clone().unwrap_or_default();
        noted.lock().unwrap().creates.push(request);
        async { Ok(Response::new(agent)) }
    };
    let noted = seen.clone();
    let update = move |request: Request<agents::UpdateAgentRequest>| {
        let request = request.into_inner();
        let agent = request.agent.clone().unwrap_or_default();
        noted.lock().unwrap().updates.push(request);
        async { Ok(Response::new(agent)) }
    };
    let told = dropped.clone();
    let chat = move |request: Request<agents::ChatRequest>| {
        std::future::ready(chat(request.into_inner(), told.clone()))
    };
    let (noted, dropped) = (seen.clone(), dropped.clone());
    let receive = move |request: Request<Streaming<agents::UploadFileRequest>>| {
        receive(request.into_inner(), noted.clone(), dropped.clone())
    };
    Router::new()
        .merge(unary(format!("{service}/GetAgent"), get))
        .merge(unary(format!("{service}/ListAgents"), list))
        .merge(unary(format!("{service}/CreateAgent"), create))
        .merge(unary(format!("{service}/UpdateAgent"), update))
        .merge(server_streaming(
            "/t11.agents.v1.ChatService/Chat".to_owned(),
            chat,
        ))
        .merge(client_streaming(
            "/t11.agents.v1.KnowledgeService/UploadFile".to_owned(),
            receive,
        ))
}

/// A watch that never ends by itself.
fn jobs_routes() -> Router {
    use jobs::watch_jobs_response::Event;
    let watch = |_: Request<jobs::WatchJobsRequest>| {
        std::future::ready(Ok(Response::new(t11_grpc::stream(|events| async move {
            let event = Some(Event::SnapshotComplete(true));
            events.send(jobs::WatchJobsResponse { event }).await?;
            std::future::pending().await
        }))))
    };
    server_streaming("/t11.jobs.v1.JobService/WatchJobs".to_owned(), watch)
}

fn get_agent(name: String) -> Result<Response<agents::Agent>, Status> {
    match name.as_str() {
        "agents/none" => Err(refuse("agents", FaultKind::NotFound, "AGENT_NOT_FOUND")),
        "agents/broken" => Err(refuse("agents", FaultKind::Internal, "INTERNAL")),
        _ => Ok(Response::new(agents::Agent {
            name,
            display_name: "Анна".to_owned(),
            state: agents::AgentState::Active.into(),
            budget_day_micro_usd: 9_007_199_254_740_993,
            create_time: Some(prost_types::Timestamp {
                seconds: 1_800_000_000,
                nanos: 0,
            }),
            ..agents::Agent::default()
        })),
    }
}

/// Tells when it is dropped before it was disarmed.
struct Bomb(Option<Arc<Notify>>);

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(notify) = self.0.take() {
            notify.notify_one();
        }
    }
}

fn chat(
    request: agents::ChatRequest,
    dropped: Arc<Notify>,
) -> Result<Response<ResponseStream<agents::ChatResponse>>, Status> {
    use agents::chat_response::Event;
    Ok(Response::new(t11_grpc::stream(move |events| async move {
        let mut bomb = Bomb(Some(dropped));
        let send = async |event| {
            events
                .send(agents::ChatResponse { event: Some(event) })
                .await
        };
        if request.text == "refuse" {
            return Err(refuse("agents", FaultKind::Precondition, "AGENT_STATE"));
        }
        send(Event::Started(agents::ChatStarted::default())).await?;
        if request.text == "wait" {
            std::future::pending::<()>().await;
        }
        if request.text == "endless" {
            loop {
                send(Event::Retracted(true)).await?;
            }
        }
        send(Event::Retracted(true)).await?;
        if request.text == "break" {
            return Err(refuse(
                "agents",
                FaultKind::Unavailable,
                "PROVIDER_UNAVAILABLE",
            ));
        }
        send(Event::Finished(agents::ChatFinished::default())).await?;
        bomb.0 = None;
        Ok(())
    })))
}

async fn receive(
    mut parts: Streaming<agents::UploadFileRequest>,
    seen: Arc<Mutex<Seen>>,
    dropped: Arc<Notify>,
) -> Result<Response<agents::Source>, Status> {
    use agents::upload_file_request::Part;
    seen.lock().unwrap().upload = Upload::default();
    let mut bomb = Bomb(Some(dropped));
    while let Some(part) = parts.next().await {
        let mut seen = seen.lock().unwrap();
        match part?.part {
            Some(Part::Header(header)) if header.display_name == "refused.exe" => {
                bomb.0 = None;
                return Err(refuse(
                    "agents",
                    FaultKind::Invalid,
                    "FILE_TYPE_UNSUPPORTED",
                ));
            }
            Some(Part::Header(header)) => seen.upload.header = Some(header),
            Some(Part::Chunk(chunk)) => {
                seen.upload.bytes += chunk.len();
                seen.upload.longest_chunk = seen.upload.longest_chunk.max(chunk.len());
            }
            None => {}
        }
    }
    bomb.0 = None;
    seen.lock().unwrap().upload.complete = true;
    Ok(Response::new(agents::Source {
        name: "sources/1".to_owned(),
        ..agents::Source::default()
    }))
}

pub(crate) fn unary<Q, A, H, F>(path: String, handler: H) -> Router
where
    Q: prost::Message + Default + 'static,
    A: prost::Message + Default + 'static,
    H: Fn(Request<Q>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<A>, Status>> + Send + 'static,
{
    let answer = move |request: axum::extract::Request| {
        let handler = tower::service_fn(handler.clone());
        async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<A, Q>::default());
            grpc.unary(handler, request.map(Body::new)).await
        }
    };
    Router::new().route(&path, post(answer))
}

fn server_streaming<Q, A, H, F>(path: String, handler: H) -> Router
where
    Q: prost::Message + Default + 'static,
    A: prost::Message + Default + 'static,
    H: Fn(Request<Q>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<ResponseStream<A>>, Status>> + Send + 'static,
{
    let answer = move |request: axum::extract::Request| {
        let handler = tower::service_fn(handler.clone());
        async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<A, Q>::default());
            grpc.server_streaming(handler, request.map(Body::new)).await
        }
    };
    Router::new().route(&path, post(answer))
}

fn client_streaming<Q, A, H, F>(path: String, handler: H) -> Router
where
    Q: prost::Message + Default + 'static,
    A: prost::Message + Default + 'static,
    H: Fn(Request<Streaming<Q>>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<A>, Status>> + Send + 'static,
{
    let answer = move |request: axum::extract::Request| {
        let handler = tower::service_fn(handler.clone());
        async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<A, Q>::default());
            grpc.client_streaming(handler, request.map(Body::new)).await
        }
    };
    Router::new().route(&path, post(answer))
}
