//! How long a message may be, asked of every RPC.

use bytes::{BufMut as _, BytesMut};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use t11_core::OrgId;
use t11_grpc::{MAX_MESSAGE_BYTES, Peer, as_service};
use t11_proto::method::{METHODS, MethodInfo};
use t11_tests::TestMesh;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt as _;

/// Messages of whole conversations with their documents go to models.
const LONGER: [(&str, usize); 1] = [("t11.llm.v1.", 8 * 1024 * 1024)];

fn longest(method: &MethodInfo) -> usize {
    let longer = LONGER
        .iter()
        .find(|(package, _)| method.service().starts_with(package));
    longer.map_or(MAX_MESSAGE_BYTES, |(_, bytes)| *bytes)
}

/// The status of a call whose only frame announces a message of `length` bytes.
async fn announced(peer: Peer, method: &MethodInfo, length: usize) -> Status {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).unwrap());
    let request = Request::post(format!("http://mesh{}", method.path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Full::new(frame.freeze())))
        .unwrap();
    let response = peer.oneshot(request).await.unwrap();
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let collected = response.into_body().collect().await.unwrap();
    Status::from_header_map(collected.trailers().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rpc_reads_a_longer_message_than_it_may() {
    let mesh = TestMesh::start().await;
    let (signer, world) = (mesh.signer(), mesh.world());
    for method in METHODS {
        let peer = mesh.peer(method.owner());
        let call = announced(peer, method, longest(method) + 1);
        let status = as_service(&signer, world, "edge", OrgId::NONE, call).await;
        assert_eq!(status.code(), Code::OutOfRange, "{}: {status}", method.path);
    }
    mesh.stop().await;
}
