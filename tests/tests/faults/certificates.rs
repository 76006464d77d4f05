//! F40: certificates that have expired, or that somebody else signed.

use serde_json::json;
use t11_proto::agents::v1::ListAgentsRequest;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_tests::processes::{Certificate, Plan};
use t11_tests::{Client, eventually};
use tonic::transport::Channel;

use crate::load::READS;
use crate::{mesh, report};

const CONNECTIONS: &str = "/api/crm/connections";

async fn until_served(owner: &Client) {
    eventually("connections listed", || async {
        owner
            .get(CONNECTIONS)
            .await
            .status
            .is_success()
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f40_a_service_with_a_bad_certificate_is_shut_out_and_nothing_is_said_in_the_clear() {
    let plan = Plan {
        mutual_tls: true,
        ..Plan::default()
    };
    let Some((mut mesh, _room)) = mesh(plan).await else {
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

    for bad in [Certificate::Expired, Certificate::OfAStranger] {
        mesh.kill("crm", 0);
        mesh.certify("crm", bad);
        mesh.restart("crm", 0);
        mesh.until_put_aside("crm", 0).await;
        let shut_out = owner.get(CONNECTIONS).await;
        assert_eq!(shut_out.status, 503, "{bad:?}: {}", shut_out.body);
        owner.get("/api/agents").await.ok();
        let log = mesh.log("crm", 0);
        assert!(log.contains("a TLS handshake failed"), "{bad:?}: {log}");
        // A renewed one is read without another start.
        mesh.certify("crm", Certificate::Good);
        until_served(&owner).await;
    }
    report(&json!({"rows": "F40", "kills": 2, "shut_out": 2}));
}
