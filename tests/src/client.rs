//! A program that uses the REST door.

use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use t11_core::World;
use uuid::Uuid;

/// A password that every rule lets through.
pub const PASSWORD: &str = "correct horse battery 42";

/// A caller of REST.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    /// Its own e-mail, for signing in again.
    pub email: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Panics
    /// When it is not one.
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, self.body);
        self.body
    }

    /// The stable reason of a refusal.
    pub fn reason(&self) -> &str {
        self.body["error"]["reason"].as_str().unwrap_or_default()
    }

    /// The fields that a refusal names.
    pub fn fields(&self) -> Vec<String> {
        let details = self.body["error"]["details"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let violations = details
            .iter()
            .filter_map(|detail| detail["field_violations"].as_array());
        violations
            .flatten()
            .filter_map(|v| v["field"].as_str().map(ToOwned::to_owned))
            .collect()
    }
}

impl Client {
    /// Somebody who is not signed in.
    pub fn new(base: String) -> Self {
        Self {
            http: reqwest::Client::new(),
            base,
            token: None,
            email: String::new(),
        }
    }

    /// Signs up with a new organization.
    pub async fn register(mut self, organization: &str) -> Self {
        self.email = format!("{}@example.com", new_id().simple());
        let body = json!({
            "organization_display_name": organization, "email": self.email,
            "password": PASSWORD, "token_delivery": "TOKEN_DELIVERY_BODY",
        });
        let answer = self.post("/api/auth/register", body).await.ok();
        self.token = answer["session_token"].as_str().map(ToOwned::to_owned);
        self
    }

    /// The same organization with another role: invites, accepts.
    pub async fn colleague(&self, role: &str) -> Self {
        let email = format!("{}@example.com", new_id().simple());
        let invite = json!({"email": email, "role": role});
        let secret = self.post("/api/account/invites", invite).await.ok()["secret"].clone();
        let accept = json!({
            "secret": secret, "password": PASSWORD, "token_delivery": "TOKEN_DELIVERY_BODY",
        });
        let answer = self
            .clone()
            .anonymous()
            .post("/api/auth/accept-invite", accept)
            .await
            .ok();
        let token = answer["session_token"].as_str().map(ToOwned::to_owned);
        Self {
            token,
            email,
            ..self.clone()
        }
    }

    /// The same client without its session.
    pub fn anonymous(self) -> Self {
        Self {
            token: None,
            ..self
        }
    }

    /// The same client with another token: an API key.
    pub fn with_token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    /// The session's token.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// A request with the session, not yet sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// A read whose answer may break off on its way. A process that is killed has told its status
    /// already, and no proxy can ask another then: only who reads can ask again.
    ///
    /// # Errors
    /// That it broke off.
    pub async fn get_whole(&self, path: &str) -> Result<Answer, reqwest::Error> {
        let response = self.request(Method::GET, path).send().await.unwrap();
        whole(response).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    /// Uploads a file as a browser's form would.
    pub async fn upload(&self, path: &str, file_name: &str, bytes: Vec<u8>) -> Answer {
        let part = reqwest::multipart::Part::bytes(bytes).file_name(file_name.to_owned());
        let form = reqwest::multipart::Form::new().part("file", part);
        answer(self.request(Method::POST, path).multipart(form)).await
    }

    /// Says something in the test chat; every event of the answer, `(name, data)`.
    pub async fn chat(&self, conversation: &str, text: &str) -> Vec<(String, Value)> {
        let path = format!("/api/{conversation}:chat");
        let response = self
            .request(Method::POST, &path)
            .json(&json!({"text": text}))
            .send()
            .await
            .unwrap();
        events(&response.text().await.unwrap())
    }

    /// A conversation with an agent.
    pub async fn conversation(&self, agent: &str) -> String {
        let made = self
            .post("/api/conversations", json!({"agent": agent}))
            .await
            .ok();
        name(&made)
    }

    /// An agent with these settings.
    pub async fn agent(&self, agent: Value) -> String {
        name(&self.post("/api/agents", agent).await.ok())
    }
}

/// An id nobody has had.
pub fn new_id() -> Uuid {
    World::system().new_id()
}

/// The `name` of a resource.
pub fn name(resource: &Value) -> String {
    resource["name"].as_str().unwrap().to_owned()
}

/// The events of a `text/event-stream`.
pub fn events(text: &str) -> Vec<(String, Value)> {
    text.replace("\r\n", "\n")
        .split("\n\n")
        .filter_map(|block| {
            let mut name = String::from("message");
            let mut data = None;
            for line in block.lines() {
                if let Some(value) = line.strip_prefix("event:") {
                    name = value.trim().to_owned();
                } else if let Some(value) = line.strip_prefix("data:") {
                    data = serde_json::from_str(value.trim()).ok();
                }
            }
            data.map(|data| (name, data))
        })
        .collect()
}

async fn answer(request: RequestBuilder) -> Answer {
    whole(request.send().await.unwrap()).await.unwrap()
}

async fn whole(response: Response) -> Result<Answer, reqwest::Error> {
    let status = response.status();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Answer { status, body })
}
