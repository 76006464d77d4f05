//! What holds for every RPC, counted from the descriptors.

use http::Request;
use http_body_util::BodyExt as _;
use t11_core::Fault as _;
use t11_grpc::{Peer, RemoteFault};
use t11_proto::method::{Auth, METHODS, MethodInfo};
use t11_tests::TestMesh;
use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt as _;

/// Calls an RPC past edge with an empty message and no caller.
async fn call_without_caller(peer: Peer, method: &MethodInfo) -> Status {
    // One frame: not compressed, length 0.
    let body = Body::new(http_body_util::Full::new(bytes::Bytes::from_static(
        &[0; 5],
    )));
    let request = Request::post(format!("http://mesh{}", method.path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let response = peer.oneshot(request).await.unwrap();
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let collected = response.into_body().collect().await.unwrap();
    Status::from_header_map(collected.trailers().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rpc_but_the_public_ones_answers_without_a_caller() {
    let mesh = TestMesh::start().await;
    let mut tried = 0;
    for method in METHODS.iter().filter(|method| method.auth != Auth::Public) {
        let peer = mesh.peer(method.owner());
        let status = call_without_caller(peer, method).await;
        assert_eq!(
            status.code(),
            tonic::Code::Unauthenticated,
            "{}",
            method.path
        );
        let fault = RemoteFault::from(&status);
        assert_eq!(fault.reason(), "UNAUTHENTICATED", "{}", method.path);
        assert!(
            fault.domain().is_some_and(|d| d.ends_with(".t11.dev")),
            "{}",
            method.path
        );
        tried += 1;
    }
    assert!(tried > 50, "{tried}");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_rpc_refuses_an_empty_message_with_a_reason() {
    let mesh = TestMesh::start().await;
    for method in METHODS.iter().filter(|method| method.auth == Auth::Public) {
        let peer = mesh.peer(method.owner());
        let status = call_without_caller(peer, method).await;
        let fault = RemoteFault::from(&status);
        assert_ne!(status.code(), tonic::Code::Ok, "{}", method.path);
        assert_ne!(fault.reason(), "UNKNOWN", "{}: {status}", method.path);
    }
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rpcs_of_the_mesh_are_closed_to_people() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("O").await;
    for method in METHODS.iter().filter(|method| method.auth == Auth::Service) {
        let response = owner
            .request(reqwest::Method::POST, method.path)
            .header("content-type", "application/grpc-web+proto")
            .body(vec![0_u8; 5])
            .send()
            .await
            .unwrap();
        let status = response.headers().get("grpc-status").cloned();
        let body = response.bytes().await.unwrap();
        let text = format!("{status:?} {}", String::from_utf8_lossy(&body));
        assert!(
            !text.contains("grpc-status:0") && status.is_none_or(|s| s != "0"),
            "{}",
            method.path
        );
    }
    mesh.stop().await;
}
