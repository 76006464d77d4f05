//! F39: five times as many calls as a service can answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;
use t11_core::{Caller, OrgId, Role, Subject, World};
use t11_grpc::{CallContext, Peer, ServerStack, Signer, Verifier, in_context};
use t11_proto::crm::v1 as crm;
use t11_proto::crm::v1::credential_service_client::CredentialServiceClient;
use t11_proto::crm::v1::credential_service_server::{CredentialService, CredentialServiceServer};
use t11_proto::jobs::v1 as jobs;
use t11_proto::jobs::v1::worker_service_client::WorkerServiceClient;
use t11_proto::jobs::v1::worker_service_server::{WorkerService, WorkerServiceServer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use crate::wire::{Listening, peer, serve};
use crate::{MESHES, ROOM, dice, report};

/// Calls that the service takes at a time, and the shortest and the longest time that one takes.
const PLACES: usize = 50;
const WORK_MS: (u64, u64) = (500, 1_500);
/// Calls are made for so long.
const LASTS: Duration = Duration::from_secs(4);
/// Of ten calls: what accepted work waits for, what people wait for, what nobody waits for. Half of
/// what the service can do is of the first kind.
const MIX: [Kind; 10] = {
    use Kind::{Hook, Person, Sync};
    [
        Hook, Person, Sync, Person, Sync, Sync, Person, Sync, Person, Sync,
    ]
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hook,
    Person,
    Sync,
}

/// Each call takes its time.
struct Slow;

async fn work() {
    let (least, most) = WORK_MS;
    tokio::time::sleep(Duration::from_millis(least + dice(most - least))).await;
}

#[async_trait]
impl WorkerService for Slow {
    async fn exchange(
        &self,
        _: Request<jobs::ExchangeRequest>,
    ) -> Result<Response<jobs::ExchangeResponse>, Status> {
        work().await;
        Ok(Response::new(jobs::ExchangeResponse::default()))
    }
}

#[async_trait]
impl CredentialService for Slow {
    async fn get_credential(
        &self,
        _: Request<crm::GetCredentialRequest>,
    ) -> Result<Response<crm::Credential>, Status> {
        work().await;
        Ok(Response::new(crm::Credential::default()))
    }

    async fn set_credential(
        &self,
        _: Request<crm::SetCredentialRequest>,
    ) -> Result<Response<crm::Credential>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn delete_credential(
        &self,
        _: Request<crm::DeleteCredentialRequest>,
    ) -> Result<Response<()>, Status> {
        Err(Status::unimplemented("not called"))
    }
}

/// The service on a socket, and who calls it.
struct Bed {
    peer: Peer,
    signer: Signer,
    world: World,
    _service: Listening,
}

impl Bed {
    async fn new() -> Self {
        let world = World::system();
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let routes = Routes::new(WorkerServiceServer::new(Slow))
            .add_service(CredentialServiceServer::new(Slow));
        let stack = ServerStack::new(routes, verifier, world.clone());
        let service = serve(stack.of_service("crm", PLACES, CancellationToken::new())).await;
        Self {
            peer: peer("crm", service.address),
            signer,
            world,
            _service: service,
        }
    }

    /// Whether the call is answered; otherwise it is refused with the right word.
    async fn call(&self, kind: Kind) -> bool {
        let caller = match kind {
            Kind::Hook | Kind::Sync => Caller::service("edge", OrgId(Uuid::max())),
            Kind::Person => person(),
        };
        let context = CallContext {
            caller_token: Some(self.signer.sign(&caller, self.world.now()).into()),
            ..CallContext::default()
        };
        let answered = in_context(context, async {
            let peer = self.peer.clone();
            match kind {
                Kind::Hook => {
                    let request = jobs::ExchangeRequest::default();
                    let mut client = WorkerServiceClient::new(peer);
                    client.exchange(request).await.map(drop)
                }
                Kind::Person | Kind::Sync => {
                    let request = crm::GetCredentialRequest {};
                    let mut client = CredentialServiceClient::new(peer);
                    client.get_credential(request).await.map(drop)
                }
            }
        });
        match answered.await {
            Ok(()) => true,
            Err(refused) => {
                assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
                false
            }
        }
    }
}

fn person() -> Caller {
    Caller {
        org: OrgId(Uuid::max()),
        subject: Subject::User {
            user: Uuid::max(),
            session: Uuid::max(),
        },
        role: Role::Owner,
        scopes: None,
    }
}

/// Answers a second when as many call as there is room for, one after the other.
async fn capacity(bed: &Arc<Bed>) -> f64 {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..PLACES {
        let bed = bed.clone();
        callers.spawn(async move {
            let mut answered = 0;
            while start.elapsed() < LASTS {
                answered += u32::from(bed.call(Kind::Hook).await);
            }
            answered
        });
    }
    let answered: u32 = callers.join_all().await.into_iter().sum();
    per_second(answered)
}

fn per_second(calls: u32) -> f64 {
    f64::from(calls) / LASTS.as_secs_f64()
}

/// What became of the calls of one kind.
#[derive(Debug, Default, Clone, Copy)]
struct Fate {
    asked: u32,
    answered: u32,
}

impl Fate {
    fn share(self) -> f64 {
        f64::from(self.answered) / f64::from(self.asked)
    }
}

/// Calls that many times a second, whether they are answered or not.
async fn flood(bed: &Arc<Bed>, rate: f64) -> [Fate; 3] {
    let start = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    let mut calls = JoinSet::new();
    for kind in MIX.into_iter().cycle() {
        ticks.tick().await;
        if start.elapsed() >= LASTS {
            break;
        }
        let bed = bed.clone();
        calls.spawn(async move { (kind, bed.call(kind).await) });
    }
    let mut fates = [Fate::default(); 3];
    for (kind, answered) in calls.join_all().await {
        let fate = &mut fates[kind as usize];
        fate.asked += 1;
        fate.answered += u32::from(answered);
    }
    fates
}

#[tokio::test(flavor = "multi_thread")]
async fn f39_five_times_too_many_calls_leave_the_goodput_and_the_urgent() {
    // Meshes beside it would take the time that is measured.
    let _room = ROOM.acquire_many(MESHES).await.unwrap();
    let bed = Arc::new(Bed::new().await);
    let capacity = capacity(&bed).await;
    let fates = flood(&bed, capacity * 5.0).await;
    let asked = per_second(fates.iter().map(|fate| fate.asked).sum());
    let answered = per_second(fates.iter().map(|fate| fate.answered).sum());
    let goodput = answered / capacity;
    let [hooks, people, sync] = fates.map(Fate::share);
    assert!(
        asked > capacity * 3.0,
        "{asked} a second were no flood for {capacity}"
    );
    assert!(goodput >= 0.8, "{goodput}: {fates:?}");
    assert!(hooks >= 0.8, "{fates:?}");
    assert!(hooks > people && people > sync, "{fates:?}");
    report(&json!({
        "rows": "F39", "capacity_per_s": capacity, "asked_per_s": asked,
        "goodput": goodput, "hooks": hooks, "people": people, "sync": sync,
    }));
}
