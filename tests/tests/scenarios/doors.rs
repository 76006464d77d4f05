//! The same resource through REST, native gRPC with reflection, and gRPC-web.

use bytes::{BufMut as _, BytesMut};
use prost::Message as _;
use reqwest::{Method, StatusCode};
use serde_json::json;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_proto::agents::v1::{ListAgentsRequest, ListAgentsResponse};
use t11_tests::TestMesh;
use tonic::Request;
use tonic::transport::Channel;

#[tokio::test(flavor = "multi_thread")]
async fn native_grpc_and_rest_see_the_same_agent() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("D").await;
    owner.agent(json!({"display_name": "Same"})).await;
    let channel = Channel::from_shared(mesh.url(""))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = AgentServiceClient::new(channel);
    let mut request = Request::new(ListAgentsRequest::default());
    let bearer = format!("Bearer {}", owner.token());
    request
        .metadata_mut()
        .insert("authorization", bearer.parse().unwrap());
    let agents = client
        .list_agents(request)
        .await
        .unwrap()
        .into_inner()
        .agents;
    assert_eq!(agents.len(), 1);
    let rest = owner.get("/api/agents").await.ok();
    assert_eq!(rest["agents"][0]["name"], agents[0].name.as_str());
    let denied = client
        .list_agents(ListAgentsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(denied.code(), tonic::Code::Unauthenticated);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_web_speaks_in_frames() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("W").await;
    owner.agent(json!({"display_name": "Web"})).await;
    let mut frame = BytesMut::new();
    let message = ListAgentsRequest::default().encode_to_vec();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.extend_from_slice(&message);
    let response = owner
        .request(Method::POST, "/t11.agents.v1.AgentService/ListAgents")
        .header("content-type", "application/grpc-web+proto")
        .body(frame.freeze())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.bytes().await.unwrap();
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let listed = ListAgentsResponse::decode(&body[5..5 + length]).unwrap();
    assert_eq!(listed.agents[0].display_name, "Web");
    let trailers = String::from_utf8_lossy(&body[5 + length + 5..]).to_lowercase();
    assert_eq!(body[5 + length], 0x80, "then the trailers");
    assert!(
        trailers.contains("grpc-status:0") || trailers.contains("grpc-status: 0"),
        "{trailers}"
    );
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_name_every_public_rpc() {
    let mesh = TestMesh::start().await;
    let document = mesh.stranger().get("/api/openapi.json").await.ok();
    let operations: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| {
            path.as_object()
                .unwrap()
                .keys()
                .filter(|key| *key != "parameters")
                .count()
        })
        .sum();
    let public = t11_proto::method::METHODS
        .iter()
        .filter(|method| method.public)
        .count();
    assert_eq!(operations, public);
    assert_eq!(
        mesh.stranger().get("/api/health").await.status,
        StatusCode::OK
    );
    mesh.stop().await;
}
