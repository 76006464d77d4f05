//! One request through each of the three doors: gRPC past edge, gRPC-web and REST at edge.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use memchr::memmem;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use t11_core::World;
use t11_grpc::{Peer, Signer, Verifier, keys};
use t11_proto::method::{METHODS, MethodInfo};
use t11_tests::TestMesh;
use t11_tests::processes::ProcessMesh;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::ServiceExt as _;

use crate::rest;
use crate::tenant::{MARK, Person};

/// The same for every request, so that answers differ in nothing else.
const REQUEST_ID: &str = "isolation-0000";
/// A stream that never ends has said all when it is silent so long.
const SILENCE: Duration = Duration::from_millis(700);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    Direct,
    Web,
    Rest,
}

impl Door {
    pub(crate) const ALL: [Self; 3] = [Self::Direct, Self::Web, Self::Rest];
}

/// The ways into a mesh.
pub(crate) struct Reach {
    peers: HashMap<&'static str, Peer>,
    pub(crate) signer: Signer,
    pub(crate) verifier: Verifier,
    pub(crate) world: World,
}

impl Reach {
    pub(crate) fn of(mesh: &TestMesh) -> Self {
        Self::with(mesh.signer(), mesh.verifier(), |service| mesh.peer(service))
    }

    /// Past edge, and at edge through the front's Envoy.
    pub(crate) fn behind_envoy(mesh: &ProcessMesh) -> Self {
        Self::with(mesh.signer(), mesh.verifier(), |service| {
            let address = format!("http://{}", mesh.address(service, 0));
            let channel = Channel::from_shared(address).unwrap().connect_lazy();
            Peer::remote(service, channel, World::system())
        })
    }

    fn with(signer: Signer, verifier: Verifier, peer: impl Fn(&'static str) -> Peer) -> Self {
        let owners = METHODS.iter().map(MethodInfo::owner);
        Self {
            peers: owners.map(|owner| (owner, peer(owner))).collect(),
            signer,
            verifier,
            world: World::system(),
        }
    }

    pub(crate) fn peer(&self, service: &str) -> Peer {
        self.peers[service].clone()
    }

    /// Sends a request, of more than one message where the RPC takes a stream. `None` where the RPC
    /// is not behind this door.
    pub(crate) async fn send(
        &self,
        door: Door,
        person: &Person,
        (method, rpc): (&'static MethodInfo, &MethodDescriptor),
        messages: &[DynamicMessage],
    ) -> Option<Answer> {
        match door {
            Door::Direct => Some(self.direct(person, method, messages).await),
            Door::Web => Some(by_web(person, method, messages).await),
            Door::Rest => {
                let request = rest::request(&person.client, rpc, messages)?;
                let request = request.header(keys::REQUEST_ID, REQUEST_ID);
                let response = request.send().await.unwrap();
                let status = response.status();
                let mut seen = status.as_str().as_bytes().to_vec();
                seen.extend(until_silence(response.bytes_stream()).await);
                Some(Answer {
                    is_ok: status.is_success(),
                    messages: Vec::new(),
                    seen,
                })
            }
        }
    }

    async fn direct(
        &self,
        person: &Person,
        method: &MethodInfo,
        asked: &[DynamicMessage],
    ) -> Answer {
        let token = self.signer.sign(&person.caller, self.world.now());
        let body = tonic::body::Body::new(Full::new(framed(asked)));
        let request = Request::post(format!("http://mesh{}", method.path))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header(keys::CALLER, token)
            .header(keys::REQUEST_ID, REQUEST_ID)
            .body(body)
            .unwrap();
        let response = self.peer(method.owner()).oneshot(request).await.unwrap();
        let (parts, mut body) = response.into_parts();
        let mut messages = Vec::new();
        let mut trailers = parts.headers;
        while let Ok(Some(frame)) = tokio::time::timeout(SILENCE, body.frame()).await {
            match frame.unwrap().into_data() {
                Ok(data) => messages.extend_from_slice(&data),
                Err(frame) => trailers.extend(frame.into_trailers().unwrap()),
            }
        }
        Answer::of_grpc(messages, &trailers)
    }
}

async fn by_web(person: &Person, method: &MethodInfo, messages: &[DynamicMessage]) -> Answer {
    let response = person
        .client
        .request(reqwest::Method::POST, method.path)
        .header("content-type", "application/grpc-web+proto")
        .header(keys::REQUEST_ID, REQUEST_ID)
        .body(framed(messages))
        .send()
        .await
        .unwrap();
    let mut trailers = response.headers().clone();
    let body = until_silence(response.bytes_stream()).await;
    let (frames, text) = parted(&body);
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(':') {
            let name: HeaderName = name.trim().parse().unwrap();
            trailers.insert(name, HeaderValue::from_str(value.trim()).unwrap());
        }
    }
    Answer::of_grpc(frames, &trailers)
}

/// The messages and the trailers of an answer by gRPC-web.
fn parted(mut body: &[u8]) -> (Vec<u8>, String) {
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    while let Some((head, rest)) = body.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (frame, rest) = rest.split_at(length.min(rest.len()));
        if head[0] & 0x80 == 0 {
            messages.extend_from_slice(head);
            messages.extend_from_slice(frame);
        } else {
            trailers.push_str(&String::from_utf8_lossy(frame));
        }
        body = rest;
    }
    (messages, trailers)
}

async fn until_silence(body: impl Stream<Item = reqwest::Result<Bytes>>) -> Vec<u8> {
    let mut body = std::pin::pin!(body);
    let mut seen = Vec::new();
    while let Ok(Some(data)) = tokio::time::timeout(SILENCE, body.next()).await {
        seen.extend_from_slice(&data.unwrap());
    }
    seen
}

fn framed(messages: &[DynamicMessage]) -> Bytes {
    let mut frames = BytesMut::new();
    for message in messages {
        let message = message.encode_to_vec();
        frames.put_u8(0);
        frames.put_u32(u32::try_from(message.len()).unwrap());
        frames.extend_from_slice(&message);
    }
    frames.freeze()
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) is_ok: bool,
    /// The messages of a gRPC answer in their frames.
    pub(crate) messages: Vec<u8>,
    /// All of it: messages, code, words and details.
    pub(crate) seen: Vec<u8>,
}

impl Answer {
    fn of_grpc(messages: Vec<u8>, trailers: &HeaderMap) -> Self {
        // A stream that was left has no status: what it said was not refused.
        let status = Status::from_header_map(trailers).unwrap_or_else(|| Status::new(Code::Ok, ""));
        let mut seen = messages.clone();
        seen.extend_from_slice(format!("{:?} {}", status.code(), status.message()).as_bytes());
        seen.extend_from_slice(status.details());
        Self {
            is_ok: status.code() == Code::Ok,
            messages,
            seen,
        }
    }

    /// The answer without the ids in it.
    pub(crate) fn masked(&self) -> Vec<u8> {
        let mut masked = self.seen.clone();
        for start in uuids(&self.seen) {
            masked[start..start + 36].fill(b'*');
        }
        masked
    }

    /// Whether `text` is anywhere in it, in any case.
    pub(crate) fn holds(&self, text: &str) -> bool {
        !self.places_of(text).is_empty()
    }

    /// A mark that is not `own`.
    pub(crate) fn mark_other_than(&self, own: &str) -> Option<String> {
        let mut marks = self.places_of(MARK).into_iter().map(|start| {
            let end = self.seen.len().min(start + own.len());
            String::from_utf8_lossy(&self.seen[start..end]).to_lowercase()
        });
        marks.find(|mark| mark != own)
    }

    fn places_of(&self, text: &str) -> Vec<usize> {
        let seen = self.seen.to_ascii_lowercase();
        memmem::find_iter(&seen, &text.to_ascii_lowercase()).collect()
    }
}

/// Where UUIDs begin.
fn uuids(bytes: &[u8]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for (start, window) in bytes.windows(36).enumerate() {
        let is_uuid = window.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        if is_uuid && found.last().is_none_or(|last| start >= last + 36) {
            found.push(start);
        }
    }
    found
}
