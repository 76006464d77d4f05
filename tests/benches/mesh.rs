//! The mesh as processes: what each service takes of memory while it has nothing to do, and what
//! Envoy adds to a call between services. `cargo xtask bench mesh` brings what it needs.
//!
//! The same read is made by turns straight to the service and through the proxy, over connections
//! that are kept; one call at a time, so that no queue is measured. Prints lines of JSON.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use t11_core::{OrgId, World};
use t11_grpc::{CallContext, Peer, in_context};
use t11_proto::accounts::v1::IssueCallerTokenRequest;
use t11_proto::accounts::v1::session_service_client::SessionServiceClient;
use t11_proto::agents::v1::GetAgentRequest;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_tests::Client;
use t11_tests::processes::{ProcessMesh, SERVICES};
use tonic::transport::Channel;

const WARM_UP: usize = 300;
const CALLS: usize = 3_000;
/// Start-up work has settled then, and pages freed by it are returned.
const REST: Duration = Duration::from_secs(10);

type Bench<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Bench<()> {
    let mesh = ProcessMesh::start(1).await;
    let mesh = mesh.ok_or("no PostgreSQL, Redis or Envoy is given")?;
    tokio::time::sleep(REST).await;
    print(&memory(&mesh)?)?;
    print(&calls(&mesh).await?)
}

fn print(figures: &Value) -> Bench<()> {
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

fn memory(mesh: &ProcessMesh) -> Bench<Value> {
    let mut figures = Map::new();
    let mut largest = 0.0_f64;
    for service in SERVICES {
        let megabytes = resident_kib(mesh.id(service, 0))? * 1024.0 / 1e6;
        largest = largest.max(megabytes);
        figures.insert(format!("{service}_mb"), json!(megabytes));
    }
    figures.insert("largest_mb".to_owned(), json!(largest));
    figures.insert("bench".to_owned(), json!("idle services"));
    Ok(figures.into())
}

fn resident_kib(process: u32) -> Bench<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmRSS")?.parse()?)
}

async fn calls(mesh: &ProcessMesh) -> Bench<Value> {
    let owner = mesh.owner("Bench").await;
    let agent = owner.agent(json!({"display_name": "Bench"})).await;
    let context = CallContext {
        request_id: "bench".into(),
        caller_token: Some(caller_token(mesh, &owner).await?.into()),
        ..CallContext::default()
    };
    let mut straight = AgentServiceClient::new(peer("agents", mesh.address("agents", 0))?);
    let mut through = AgentServiceClient::new(peer("agents", mesh.between())?);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..WARM_UP + CALLS {
        for (client, times) in [&mut straight, &mut through].into_iter().zip(&mut times) {
            let name = agent.clone();
            let started = Instant::now();
            in_context(context.clone(), client.get_agent(GetAgentRequest { name })).await?;
            times.push(started.elapsed());
        }
    }
    let [straight, through] = times.map(|mut times| times.split_off(WARM_UP));
    Ok(compared(straight, through))
}

fn peer(service: &'static str, address: SocketAddr) -> Bench<Peer> {
    let channel = Channel::from_shared(format!("http://{address}"))?.connect_lazy();
    Ok(Peer::remote(service, channel, World::system()))
}

/// What edge exchanges a session for.
async fn caller_token(mesh: &ProcessMesh, owner: &Client) -> Bench<String> {
    let accounts = peer("accounts", mesh.address("accounts", 0))?;
    let mut accounts = SessionServiceClient::new(accounts);
    let request = IssueCallerTokenRequest {
        session_token: owner.token().to_owned(),
    };
    let call = accounts.issue_caller_token(request);
    let world = World::system();
    let answer = t11_grpc::as_service(&mesh.signer(), &world, "edge", OrgId::NONE, call).await?;
    Ok(answer.into_inner().caller_token)
}

fn compared(mut straight: Vec<Duration>, mut through: Vec<Duration>) -> Value {
    straight.sort_unstable();
    through.sort_unstable();
    let at = |times: &[Duration], share: f64| {
        times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0
    };
    json!({
        "bench": "call through envoy",
        "direct_p50_ms": at(&straight, 0.5),
        "direct_p99_ms": at(&straight, 0.99),
        "p50_ms": at(&through, 0.5),
        "p99_ms": at(&through, 0.99),
        "p50_ratio": at(&through, 0.5) / at(&straight, 0.5),
        "p99_ratio": at(&through, 0.99) / at(&straight, 0.99),
    })
}
