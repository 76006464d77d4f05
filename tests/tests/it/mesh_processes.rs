//! Services as processes of their own, two of each, behind Envoy: replicas go and nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use t11_proto::agents::v1::ListAgentsRequest;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_tests::Client;
use t11_tests::processes::{ProcessMesh, SERVICES};
use tokio::task::JoinSet;
use tonic::transport::Channel;

/// Reads of every service, through the front.
const READS: [&str; 5] = [
    "/api/account/organization",
    "/api/agents",
    "/api/crm/connections",
    "/api/llm/models",
    "/api/jobs",
];
/// What the hardest stop may take (the grace of a pod is longer).
const STOPPED_WITHIN: Duration = Duration::from_secs(25);

/// People who read without a pause, and what they were refused.
struct Readers {
    tasks: JoinSet<Vec<String>>,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

impl Readers {
    fn start(client: &Client) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut tasks = JoinSet::new();
        for path in READS {
            let (client, stop, answered) = (client.clone(), stop.clone(), answered.clone());
            tasks.spawn(async move {
                let mut refused = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.get(path).await;
                    if answer.status.is_success() {
                        answered.fetch_add(1, Ordering::Relaxed);
                    } else {
                        refused.push(format!("{path}: {} {}", answer.status, answer.body));
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                refused
            });
        }
        Self {
            tasks,
            stop,
            answered,
        }
    }

    /// Asserts that nobody was refused anything; how many answers there were.
    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let refused: Vec<_> = self.tasks.join_all().await.into_iter().flatten().collect();
        let answered = self.answered.load(Ordering::Relaxed);
        assert!(refused.is_empty(), "of {answered}: {refused:#?}");
        answered
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_die_and_stop_and_no_read_fails() {
    let Some(mut mesh) = ProcessMesh::start(2).await else {
        return;
    };
    let owner = mesh.owner("P").await;
    let agent = owner.agent(json!({"display_name": "Анна"})).await;
    let read = owner.get(&format!("/api/{agent}")).await.ok();
    assert_eq!(read["display_name"], "Анна");

    let readers = Readers::start(&owner);
    for service in SERVICES {
        tokio::time::sleep(Duration::from_millis(700)).await;
        mesh.kill(service, 0);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let answered = readers.end().await;
    assert!(answered > 100, "only {answered} reads");

    for service in SERVICES {
        mesh.restart(service, 0);
    }
    mesh.until_ready().await;
    // The proxies look once a second, and put back what they had put aside after five.
    tokio::time::sleep(Duration::from_secs(7)).await;
    let readers = Readers::start(&owner);
    for service in SERVICES {
        let took = mesh.terminate(service, 1);
        assert!(took < STOPPED_WITHIN, "{service} took {took:?}");
    }
    let answered = readers.end().await;
    assert!(answered > 100, "only {answered} reads");
    owner.agent(json!({"display_name": "Борис"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_mutual_tls_all_works_and_nothing_is_said_in_the_clear() {
    let Some(mesh) = ProcessMesh::with_mutual_tls(1).await else {
        return;
    };
    let owner = mesh.owner("TLS").await;
    owner.agent(json!({"display_name": "Анна"})).await;
    for path in READS {
        owner.get(path).await.ok();
    }
    let channel = Channel::from_shared(format!("http://{}", mesh.address("agents", 0)))
        .unwrap()
        .connect_lazy();
    let refused = AgentServiceClient::new(channel)
        .list_agents(ListAgentsRequest::default())
        .await
        .unwrap_err();
    // A service that had read it would miss the caller.
    assert_ne!(refused.code(), tonic::Code::Unauthenticated, "{refused}");
}
