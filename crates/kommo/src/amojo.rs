//! The chat back end, for an own channel: it cannot answer in anybody else's. A channel is registered
//! by Kommo's support, which gives its id and its secret.
//!
//! Sources: Kommo docs, `chats-api-authorization-and-headers`, `connect-channel`,
//! `send-import-messages`, `receiving-chat-webhooks`, `update-delivery-status`.

mod message;

use chrono::{DateTime, Utc};
use md5::{Digest as _, Md5};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, DATE};
use ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY as HMAC_SHA1;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use t11_core::World;

use crate::de;
use crate::error::Error;
use crate::host::{AccountHost, HostError};
use crate::http::{Http, Reply};
use crate::id::{AmojoId, ChatId};
use crate::pace::{Lane, Pace};
use crate::sign::{hex, is_signed, sign, unhex};

pub use self::message::{ChannelMessage, Content, Delivery, MediaKind, Participant, Profile, Sent};

/// The chat back end of accounts of Kommo.
pub const BASE_URL: &str = "https://amojo.kommo.com";
/// The only kind of body.
const JSON: &str = "application/json";

/// A registered channel.
#[derive(Debug, Clone)]
pub struct Channel {
    /// A UUID.
    pub id: String,
    /// Signs every call, in both directions.
    pub secret: SecretString,
}

impl Channel {
    /// Whether a webhook of the chat back end is Kommo's: `signature` is the value of its header
    /// `X-Signature`, over the body as it came. It has no time: take each message id once.
    #[must_use]
    pub fn is_signed(&self, body: &[u8], signature: &str) -> bool {
        unhex(signature).is_some_and(|bytes| is_signed(HMAC_SHA1, &self.secret, body, &bytes))
    }

    /// The value of `Content-MD5` and that of `X-Signature`.
    fn sign(&self, method: &Method, body: &[u8], date: &str, path: &str) -> (String, String) {
        let digest = hex(&Md5::digest(body));
        let text = format!("{method}\n{digest}\n{JSON}\n{date}\n{path}");
        let signature = hex(&sign(HMAC_SHA1, &self.secret, text.as_bytes()));
        (digest, signature)
    }
}

/// A channel in an account: where messages are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(String);

impl Scope {
    /// Of a channel that is connected.
    #[must_use]
    pub fn new(channel: &Channel, account: &AmojoId) -> Self {
        Self(format!("{}_{account}", channel.id))
    }

    /// `{channel}_{account}`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A chat that was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Chat {
    /// Its id, as webhooks have it.
    pub id: ChatId,
}

/// The chat back end of one account, for one channel.
#[derive(Clone)]
pub struct Amojo {
    http: Http,
    pace: Pace,
    account: AccountHost,
    base: String,
    channel: Channel,
    world: World,
}

impl Amojo {
    /// The chat back end at `base`, for most [`BASE_URL`], in the name of `account`.
    ///
    /// # Errors
    /// [`HostError`] when the address is not Kommo's.
    pub fn new(
        http: &Http,
        pace: &Pace,
        account: AccountHost,
        base: &str,
        channel: Channel,
        world: World,
    ) -> Result<Self, HostError> {
        let base = http.hosts().url(base)?;
        Ok(Self {
            http: http.clone(),
            pace: pace.clone(),
            account,
            base: base.as_url().as_str().trim_end_matches('/').to_owned(),
            channel,
            world,
        })
    }

    /// Connects the channel to the account; again after each installation.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn connect(&self, account: &AmojoId, title: &str) -> Result<Scope, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "de::text")]
            scope_id: String,
        }
        let path = format!("/v2/origin/custom/{}/connect", self.channel.id);
        let body = serde_json::json!({
            "account_id": account, "title": title, "hook_api_version": "v2",
        });
        let reply = self
            .send("amojo.connect", Method::POST, &path, &body)
            .await?;
        Ok(Scope(reply.json::<Answer>()?.scope_id))
    }

    /// Disconnects the channel. Not verified against a live account.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn disconnect(&self, account: &AmojoId) -> Result<(), Error> {
        let path = format!("/v2/origin/custom/{}/disconnect", self.channel.id);
        let body = serde_json::json!({ "account_id": account });
        self.send("amojo.disconnect", Method::DELETE, &path, &body)
            .await?;
        Ok(())
    }

    /// Makes the chat of a conversation, so that it can be given to a contact before its first
    /// message.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_chat(
        &self,
        scope: &Scope,
        conversation: &str,
        user: &Participant,
    ) -> Result<Chat, Error> {
        let path = format!("/v2/origin/custom/{}/chats", scope.as_str());
        let body = serde_json::json!({ "conversation_id": conversation, "user": user });
        let reply = self
            .send("amojo.create_chat", Method::POST, &path, &body)
            .await?;
        reply.json()
    }

    /// Brings a message into the account: a client's, or one that staff or a bot has sent in the
    /// channel. With the same id it is the same message, so it may be sent again.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn send_message(
        &self,
        scope: &Scope,
        message: &ChannelMessage,
    ) -> Result<Sent, Error> {
        #[derive(Deserialize)]
        struct Answer {
            new_message: Sent,
        }
        let path = format!("/v2/origin/custom/{}", scope.as_str());
        let body = message.event();
        let reply = self
            .send("amojo.send_message", Method::POST, &path, &body)
            .await?;
        Ok(reply.json::<Answer>()?.new_message)
    }

    /// Says what became of a message that staff wrote to a client. `message` is the id of
    /// Kommo's webhook.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn report_delivery(
        &self,
        scope: &Scope,
        message: &str,
        delivery: &Delivery,
    ) -> Result<(), Error> {
        let id = crate::client::segment(message);
        let path = format!("/v2/origin/custom/{}/{id}/delivery_status", scope.as_str());
        let body = delivery.body(message);
        self.send("amojo.report_delivery", Method::POST, &path, &body)
            .await?;
        Ok(())
    }

    /// Signs exactly the bytes that are sent. Every call may be repeated: ids decide.
    async fn send(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Reply, Error> {
        let body = serde_json::to_vec(body)
            .map_err(|_| Error::malformed("the request cannot be written as JSON"))?;
        let date = rfc2822(self.world.now());
        let (digest, signature) = self.channel.sign(&method, &body, &date, path);
        let url = self.http.hosts().url(&format!("{}{path}", self.base))?;
        let request = self
            .http
            .client()
            .request(method, url.as_url().clone())
            .header(DATE, date)
            .header(CONTENT_TYPE, JSON)
            .header("Content-MD5", digest)
            .header("X-Signature", signature)
            .body(body);
        let admission = self.pace.admit(&self.account, Lane::Reply).await?;
        let outcome = self.http.call(operation, request, true).send().await;
        admission.settle(&outcome);
        outcome
    }
}

/// `Thu, 09 Oct 2025 08:53:20 +0000`; may be wrong by a quarter of an hour.
fn rfc2822(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amojo::message::{Content, Participant};

    fn channel() -> Channel {
        Channel {
            id: "aaaaaaaa-0000-4000-8000-000000000001".to_owned(),
            secret: "0123456789abcdef0123456789abcdef01234567".into(),
        }
    }

    const BODY: &str = r#"{"event_type":"new_message","payload":{"timestamp":1760000000,"msec_timestamp":1760000000000,"msgid":"m-1","conversation_id":"c-1","sender":{"id":"u-1","name":"Ana"},"message":{"type":"text","text":"Hi"},"silent":false}}"#;

    #[test]
    fn the_golden_request_is_signed() {
        let account = AmojoId("bbbbbbbb-0000-4000-8000-000000000002".to_owned());
        let scope = Scope::new(&channel(), &account);
        let path = format!("/v2/origin/custom/{}", scope.as_str());
        let date = rfc2822(DateTime::from_timestamp_secs(1_760_000_000).unwrap());
        assert_eq!(date, "Thu, 09 Oct 2025 08:53:20 +0000");
        let (digest, signature) = channel().sign(&Method::POST, BODY.as_bytes(), &date, &path);
        assert_eq!(digest, "b738927b99e06ebc6a5504f4be695a6e");
        assert_eq!(signature, "db31482bbb72ca9e1add74bba96d020341403044");
        let (empty, _) = channel().sign(&Method::GET, b"", &date, &path);
        assert_eq!(empty, "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn the_golden_body_is_what_a_message_becomes() {
        let message = ChannelMessage {
            id: "m-1".to_owned(),
            conversation_id: "c-1".to_owned(),
            time: DateTime::from_timestamp_secs(1_760_000_000).unwrap(),
            source: None,
            sender: Participant::client("u-1", "Ana"),
            receiver: None,
            content: Content::Text("Hi".to_owned()),
            is_silent: false,
        };
        assert_eq!(serde_json::to_string(&message.event()).unwrap(), BODY);
    }

    #[test]
    fn a_webhook_is_believed_when_it_is_signed() {
        let body = br#"{"account_id":"bbbbbbbb-0000-4000-8000-000000000002","time":1760000001,"message":{"text":"ok"}}"#;
        let signature = "5224eac244b1da921f1deea516785b830db597a9";
        assert!(channel().is_signed(body, signature));
        assert!(!channel().is_signed(b"{}", signature));
        for bad in [
            "",
            "5224",
            "x224eac244b1da921f1deea516785b830db597a9",
            &signature[..38],
        ] {
            assert!(!channel().is_signed(body, bad), "{bad}");
        }
    }
}
