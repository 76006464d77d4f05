//! A person's first minutes, by REST: register, write an article, create an agent, ask it.

use std::io::{BufRead as _, BufReader};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use ureq::Agent;

use super::PATIENCE;
use crate::shell::say;

const ARTICLE: &str = "# Delivery\n\nDelivery in the city takes two days and costs 15 dollars. \
    Orders over 200 dollars are delivered free of charge.\n";

pub(super) struct Visitor {
    agent: Agent,
    url: String,
    token: String,
}

pub(super) struct Answer {
    pub(super) text: String,
    pub(super) model: String,
    pub(super) tokens: i64,
    pub(super) milliseconds: i64,
}

impl Visitor {
    pub(super) fn register(url: &str) -> Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE));
        let mut visitor = Self {
            agent: config.build().into(),
            url: url.to_owned(),
            token: String::new(),
        };
        let registered = visitor.post(
            "/api/auth/register",
            &json!({
                "organization_display_name": "Trial",
                "email": "owner@example.com",
                "password": "a long enough trial password",
                "locale": "en",
                "token_delivery": "TOKEN_DELIVERY_BODY",
            }),
        )?;
        visitor.token = text(&registered, "session_token")?;
        Ok(visitor)
    }

    pub(super) fn ask(&self, question: &str) -> Result<Answer> {
        self.write_article()?;
        let agent = self.post(
            "/api/agents",
            &json!({
                "display_name": "Trial",
                "instructions": "Answer the client in one short sentence.",
                "all_categories": true,
                "max_tokens": 128,
            }),
        )?;
        let conversation = self.post(
            "/api/conversations",
            &json!({ "agent": text(&agent, "name")? }),
        )?;
        say("asking; each sentence is shown as it arrives");
        let path = format!("/api/{}:chat", text(&conversation, "name")?);
        self.chat(&path, question)
    }

    fn write_article(&self) -> Result<()> {
        let article = json!({ "display_name": "Delivery", "content": ARTICLE });
        let source = self.post("/api/knowledge/sources:createArticle", &article)?;
        let path = format!("/api/{}", text(&source, "name")?);
        let path = path.replacen("/api/", "/api/knowledge/", 1);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let source = self.get(&path)?;
            match source["state"].as_str() {
                Some("SOURCE_STATE_READY") => return Ok(()),
                Some("SOURCE_STATE_FAILED") => bail!("the article could not be read: {source}"),
                _ => ensure!(
                    Instant::now() < deadline,
                    "the article is still not ready: {source}"
                ),
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Reads the server-sent events of one turn to the last, which holds the stored answer.
    fn chat(&self, path: &str, question: &str) -> Result<Answer> {
        let response = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept", "text/event-stream")
            .send_json(json!({ "text": question }))?;
        ensure!(
            response.status().is_success(),
            "{path} answered {}",
            response.status()
        );
        for line in BufReader::new(response.into_body().into_reader()).lines() {
            let line = line?;
            let Some(data) = line.strip_prefix("data:") else {
                continue;
            };
            let event: Value = serde_json::from_str(data.trim()).context("an event is JSON")?;
            if let Some(sentence) = event["sentence"]["text"].as_str() {
                println!("  {sentence}");
            }
            if let Some(turn) = event["finished"].get("turn") {
                return answer(&event["finished"]["answer"], turn);
            }
        }
        bail!("the stream ended before the turn was finished")
    }

    fn get(&self, path: &str) -> Result<Value> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let response = request
            .header("authorization", format!("Bearer {}", self.token))
            .call()?;
        read(path, response)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        read(path, request.send_json(body)?)
    }
}

fn read(path: &str, mut response: ureq::http::Response<ureq::Body>) -> Result<Value> {
    let body = response.body_mut().read_to_string()?;
    ensure!(
        response.status().is_success(),
        "{path} answered {}: {body}",
        response.status()
    );
    serde_json::from_str(&body).with_context(|| format!("{path} answered with JSON"))
}

fn answer(message: &Value, turn: &Value) -> Result<Answer> {
    ensure!(
        turn["state"] != "TURN_STATE_FAILED",
        "the turn failed: {turn}"
    );
    Ok(Answer {
        text: message["content"].as_str().unwrap_or_default().to_owned(),
        model: turn["model"].as_str().unwrap_or_default().to_owned(),
        tokens: integer(&turn["prompt_tokens"]) + integer(&turn["completion_tokens"]),
        milliseconds: integer(&turn["total_ms"]),
    })
}

/// 64-bit numbers are strings in protobuf's JSON.
fn integer(value: &Value) -> i64 {
    let text = || value.as_str()?.parse().ok();
    value.as_i64().or_else(text).unwrap_or_default()
}

fn text(value: &Value, field: &str) -> Result<String> {
    let text = value[field].as_str().filter(|text| !text.is_empty());
    Ok(text
        .with_context(|| format!("the answer has no {field}: {value}"))?
        .to_owned())
}
