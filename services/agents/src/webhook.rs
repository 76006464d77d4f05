//! Webhooks to addresses of companies: signed as Standard Webhooks has it, sent by the client that
//! cannot be led into our network.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use t11_core::OrgId;
use t11_store::Keyring;
use uuid::Uuid;

use crate::knowledge::Rejection;
use crate::knowledge::fetch::Fetcher;

/// Sends webhooks.
#[derive(Clone)]
pub(crate) struct Webhooks {
    pub(crate) fetcher: Fetcher,
    pub(crate) keyring: Arc<Keyring>,
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The address has taken it, with this status.
    Taken(u16),
    /// It says no, and would say so again.
    Refused(u16),
    /// Another try may help.
    Later(&'static str),
    /// It may not be sent there.
    Denied,
}

impl Webhooks {
    /// The secret by which an organization knows that a webhook is ours; always the same, as long
    /// as the platform's key is.
    pub(crate) fn secret(&self, org: OrgId) -> String {
        format!("whsec_{}", STANDARD.encode(self.key(org)))
    }

    fn key(&self, org: OrgId) -> [u8; 32] {
        *self.keyring.derive(&format!("agents webhooks {}", org.0))
    }

    /// Sends `body` under `id`, which stays the same over all tries.
    pub(crate) async fn send(
        &self,
        org: OrgId,
        id: Uuid,
        url: &str,
        body: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Sent {
        let time = now.timestamp();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", time.to_string()),
            (
                "webhook-signature",
                signature(&self.key(org), id, time, &body),
            ),
        ];
        match self.fetcher.post(url, &headers, body).await {
            Ok(status @ 200..=299) => Sent::Taken(status),
            // Too early, too many, in another moment.
            Ok(408 | 409 | 425 | 429 | 500..) => Sent::Later("webhook_status"),
            Ok(status) => Sent::Refused(status),
            Err(Rejection::FetchDenied) => Sent::Denied,
            Err(Rejection::FetchTimeout) => Sent::Later("webhook_timeout"),
            Err(_) => Sent::Later("webhook_unreachable"),
        }
    }
}

fn signature(key: &[u8], id: Uuid, time: i64, body: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    mac.update(format!("{id}.{time}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::Router;
    use axum::body::Bytes;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use t11_core::World;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    const ORG: OrgId = OrgId(Uuid::from_u128(3));

    fn webhooks(address: SocketAddr) -> Webhooks {
        t11_runtime::init_process();
        Webhooks {
            fetcher: Fetcher::new(vec![address.to_string()]).unwrap(),
            keyring: Arc::new(Keyring::new([9; 32])),
        }
    }

    async fn listening(routes: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }

    #[tokio::test]
    async fn an_address_can_tell_that_a_webhook_is_ours() {
        let (seen, mut arrived) = mpsc::unbounded_channel();
        let take = post(move |headers: HeaderMap, body: Bytes| async move {
            seen.send((headers, body)).unwrap();
        });
        let address = listening(Router::new().route("/hook", take)).await;
        let webhooks = webhooks(address);
        let (id, now) = (Uuid::from_u128(1), World::system().now());
        let url = format!("http://{address}/hook");
        let sent = webhooks.send(ORG, id, &url, b"{}".to_vec(), now).await;
        assert_eq!(sent, Sent::Taken(200));
        let (headers, body) = arrived.recv().await.unwrap();
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("webhook-id"), id.to_string());
        let time: i64 = header("webhook-timestamp").parse().unwrap();
        let secret = webhooks.secret(ORG);
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap());
        let expected = signature(&key.unwrap(), id, time, &body);
        assert_eq!(header("webhook-signature"), expected);
        assert_ne!(webhooks.secret(OrgId(Uuid::from_u128(4))), secret);
    }

    #[tokio::test]
    async fn what_an_address_answers_decides_about_another_try() {
        let routes = Router::new()
            .route("/busy", post(|| async { StatusCode::SERVICE_UNAVAILABLE }))
            .route("/gone", post(|| async { StatusCode::GONE }))
            .route(
                "/inside",
                post(|| async { (StatusCode::FOUND, [("location", "http://10.0.0.1/")]) }),
            );
        let address = listening(routes).await;
        let webhooks = webhooks(address);
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let free = closed.local_addr().unwrap();
        drop(closed);
        for (url, expected) in [
            (
                format!("http://{address}/busy"),
                Sent::Later("webhook_status"),
            ),
            (format!("http://{address}/gone"), Sent::Refused(410)),
            (format!("http://{address}/inside"), Sent::Refused(302)),
            (format!("http://{free}/"), Sent::Denied),
            ("http://169.254.169.254/".to_owned(), Sent::Denied),
        ] {
            let now = World::system().now();
            let sent = webhooks.send(ORG, Uuid::nil(), &url, Vec::new(), now);
            assert_eq!(sent.await, expected, "{url}");
        }
    }

    #[test]
    fn a_signature_is_of_id_time_and_body() {
        let key = [7_u8; 32];
        let id = Uuid::from_u128(1);
        let one = signature(&key, id, 1_700_000_000, b"{}");
        assert!(one.starts_with("v1,"), "{one}");
        assert_eq!(STANDARD.decode(&one[3..]).unwrap().len(), 32);
        assert_eq!(one, signature(&key, id, 1_700_000_000, b"{}"));
        for other in [
            signature(&[8; 32], id, 1_700_000_000, b"{}"),
            signature(&key, Uuid::from_u128(2), 1_700_000_000, b"{}"),
            signature(&key, id, 1_700_000_001, b"{}"),
            signature(&key, id, 1_700_000_000, b"{ }"),
        ] {
            assert_ne!(one, other);
        }
    }
}
