//! What edge's REST adds to an RPC: `cargo bench -p t11-tests --bench rest`.
//!
//! The same read is made by turns over HTTP through edge, by one client that keeps its connection,
//! and by the generated client in the process; one call at a time, so that no queue is measured.
//! Prints one line of JSON.

use std::io::Write as _;
use std::time::{Duration, Instant};

use t11_core::OrgId;
use t11_grpc::{CallContext, in_context};
use t11_proto::accounts::v1::IssueCallerTokenRequest;
use t11_proto::accounts::v1::session_service_client::SessionServiceClient;
use t11_proto::agents::v1::GetAgentRequest;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_tests::{Client, TestMesh};

const WARM_UP: usize = 300;
const CALLS: usize = 5_000;

type Bench<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Bench<()> {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Bench").await;
    let agent = owner
        .agent(serde_json::json!({"display_name": "Bench"}))
        .await;
    let context = CallContext {
        request_id: "bench".into(),
        caller_token: Some(caller_token(&mesh, &owner).await?.into()),
        ..CallContext::default()
    };
    let path = format!("/api/{agent}");
    let mut client = AgentServiceClient::new(mesh.peer("agents"));
    let (mut in_process, mut through_edge) = (Vec::new(), Vec::new());
    for _ in 0..WARM_UP + CALLS {
        let request = GetAgentRequest {
            name: agent.clone(),
        };
        let started = Instant::now();
        in_context(context.clone(), client.get_agent(request)).await?;
        in_process.push(started.elapsed());
        let started = Instant::now();
        owner.get(&path).await.ok();
        through_edge.push(started.elapsed());
    }
    report(
        &mut in_process.split_off(WARM_UP),
        &mut through_edge.split_off(WARM_UP),
    )?;
    mesh.stop().await;
    Ok(())
}

/// What edge exchanges a session for.
async fn caller_token(mesh: &TestMesh, owner: &Client) -> Bench<String> {
    let mut accounts = SessionServiceClient::new(mesh.peer("accounts"));
    let request = IssueCallerTokenRequest {
        session_token: owner.token().to_owned(),
    };
    let call = accounts.issue_caller_token(request);
    let answer =
        t11_grpc::as_service(&mesh.signer(), mesh.world(), "edge", OrgId::NONE, call).await?;
    Ok(answer.into_inner().caller_token)
}

fn report(in_process: &mut [Duration], through_edge: &mut [Duration]) -> std::io::Result<()> {
    in_process.sort_unstable();
    through_edge.sort_unstable();
    let at = |times: &[Duration], share: f64| {
        times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0
    };
    let added = |share| at(through_edge, share) - at(in_process, share);
    writeln!(
        std::io::stdout(),
        "{{\"bench\": \"rest through edge\", \"calls\": {}, \"in_process_p50_ms\": {:.3}, \
         \"in_process_p99_ms\": {:.3}, \"p50_ms\": {:.3}, \"p99_ms\": {:.3}, \
         \"added_p50_ms\": {:.3}, \"added_p99_ms\": {:.3}}}",
        in_process.len(),
        at(in_process, 0.5),
        at(in_process, 0.99),
        at(through_edge, 0.5),
        at(through_edge, 0.99),
        added(0.5),
        added(0.99),
    )
}
