//! Salesbots: they are made by hand in Kommo, started here, and wait for us at a step of our widget.
//!
//! Sources: Kommo docs, `salesbot-dp`, `salesbot-sdk`, `salesbot-widget-block-execution-confirmation`,
//! `private-chatbot-integration`.

use std::collections::BTreeMap;

use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Client, Entity, Query, embedded};
use crate::de;
use crate::error::Error;
use crate::form::{FormError, Node};
use crate::host::{AccountHost, HostError};
use crate::id::BotId;
use crate::problem::Problem;

/// Most launches of one call.
const MAX_RUNS: usize = 100;
/// Most handlers of one [`Client::continue_bot`].
const MAX_HANDLERS: usize = 10;
/// Longest text of [`ContinueHandler::show`], in characters. Data has no such limit.
pub const MAX_SHOWN: usize = 80;
/// Longest id of a waiting step, in characters.
const MAX_CONTINUE_ID: usize = 128;

/// A bot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bot {
    /// Its id.
    pub id: BotId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
}

/// What a bot runs on. An entity has one running bot at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BotTarget(pub Entity);

impl Serialize for BotTarget {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(entity) = self;
        serde_json::json!({"entity_id": entity.id(), "entity_type": entity.kind().as_str()})
            .serialize(serializer)
    }
}

/// A launch of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BotRun {
    /// Which bot.
    pub bot_id: BotId,
    /// On what.
    #[serde(flatten)]
    pub target: BotTarget,
}

/// A kind of bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BotKind {
    /// Of leads.
    Salesbot,
    /// Of customers.
    Marketingbot,
}

impl BotKind {
    pub(crate) fn of(word: &str) -> Option<Self> {
        match word {
            "salesbot" => Some(Self::Salesbot),
            "marketingbot" => Some(Self::Marketingbot),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Salesbot => "salesbot",
            Self::Marketingbot => "marketingbot",
        }
    }
}

/// A step where a bot waits for us. Only its parts are kept: requests are built from them and not
/// from the address that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// What waits.
    pub kind: BotKind,
    /// Which bot.
    pub bot_id: BotId,
    /// Which step; used up by the first answer. How long it waits is nowhere said.
    pub id: String,
}

impl Continuation {
    /// Reads a `return_url`: of this account, `/api/v4/{kind}/{bot}/continue/{id}` and no more.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn parse(account: &AccountHost, return_url: &str) -> Result<Self, HostError> {
        let url = account.own_url(return_url)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(HostError::Malformed);
        }
        let path: Vec<&str> = url.path().split('/').collect();
        let ["", "api", "v4", kind, bot, "continue", id] = path[..] else {
            return Err(HostError::Malformed);
        };
        let is_id = (1..=MAX_CONTINUE_ID).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let bot = bot.parse::<u32>().ok();
        match (BotKind::of(kind), bot) {
            (Some(kind), Some(bot)) if is_id => Ok(Self {
                kind,
                bot_id: BotId(bot.into()),
                id: id.to_owned(),
            }),
            _ => Err(HostError::Malformed),
        }
    }

    fn path(&self) -> String {
        format!(
            "/{}/{}/continue/{}",
            self.kind.as_str(),
            self.bot_id,
            self.id
        )
    }
}

/// What a bot posts at a step of our widget, form or JSON. To be answered with 200 within 2 s; nothing
/// of it is to be believed before [`crate::BotToken::verify`].
#[derive(Debug)]
pub struct WidgetRequest {
    /// Signed by Kommo.
    pub token: SecretString,
    /// What the step was told to send. Placeholders without a value come as `{{…}}` and are empty
    /// here.
    pub data: BTreeMap<String, String>,
    /// For [`Continuation::parse`].
    pub return_url: String,
}

impl WidgetRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// [`FormError`]; [`FormError::Malformed`] also when token or address are missing.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let form = Node::parse(body)?;
        let text = |key| form.text(key).ok_or(FormError::Malformed);
        let data = form.get("data").into_iter().flat_map(Node::children);
        let data = data.filter_map(|(key, node)| Some((key.to_string(), filled(node.value()?))));
        Ok(Self {
            token: text("token")?.into(),
            return_url: text("return_url")?.to_owned(),
            data: data.collect(),
        })
    }
}

/// A text in which a placeholder was left is no text.
fn filled(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed.starts_with("{{") && trimmed.ends_with("}}") {
        String::new()
    } else {
        text.to_owned()
    }
}

/// What a waiting bot does next, besides using the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContinueHandler {
    handler: &'static str,
    params: serde_json::Value,
}

impl ContinueHandler {
    /// Shows a text of at most [`MAX_SHOWN`] characters.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is longer.
    pub fn show(text: &str) -> Result<Self, Error> {
        if text.chars().count() > MAX_SHOWN {
            return Err(Error::Invalid(Problem::of(
                "the text is longer than 80 characters",
            )));
        }
        Ok(Self {
            handler: "show",
            params: serde_json::json!({"type": "text", "value": text}),
        })
    }

    /// Goes to a step.
    #[must_use]
    pub fn goto(step: u32) -> Self {
        Self {
            handler: "goto",
            params: serde_json::json!({"type": "question", "step": step}),
        }
    }
}

impl Client {
    /// The account's bots.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn bots(&self) -> Result<Vec<Bot>, Error> {
        let reply = self.get("bots.list", "/bots", Query::default()).await?;
        // Which name the list has is not verified.
        match embedded(&reply, "bots") {
            Err(Error::Malformed { .. }) => embedded(&reply, "items"),
            read => read,
        }
        .map(|(bots, _)| bots)
    }

    /// Starts a bot. It stops another that runs on the entity, or is stopped by it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn run_bot(&self, id: BotId, target: Entity) -> Result<(), Error> {
        let path = format!("/bots/{id}/run");
        self.act("bots.run", Method::POST, &path, &BotTarget(target))
            .await
    }

    /// Starts bots, at most 100.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn run_bots(&self, runs: &[BotRun]) -> Result<(), Error> {
        if runs.len() > MAX_RUNS {
            return Err(Error::Invalid(Problem::of(
                "more than 100 launches at once",
            )));
        }
        self.act("bots.run", Method::POST, "/bots/run", &runs).await
    }

    /// The older way to start a bot, for accounts without the newer.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Invalid`] when Kommo says that it did not.
    pub async fn run_bot_v2(&self, id: BotId, target: Entity) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, deserialize_with = "de::flag")]
            success: bool,
        }
        let kind = match target {
            Entity::Contact(_) => 1,
            Entity::Lead(_) => 2,
            Entity::Company(_) => 3,
            Entity::Customer(_) => 12,
        };
        let run = serde_json::json!([{
            "bot_id": id, "entity_id": target.id(), "entity_type": kind,
        }]);
        let url = self.host.join("/api/v2/salesbot/run")?;
        let body = Some(run.to_string().into_bytes());
        let reply = self.call("bots.run_v2", Method::POST, url, body).await?;
        if reply.json::<Answer>()?.success {
            Ok(())
        } else {
            Err(Error::Invalid(Problem::of("the bot was not started")))
        }
    }

    /// Stops a bot.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn stop_bot(&self, id: BotId, target: Entity) -> Result<(), Error> {
        let path = format!("/bots/{id}/stop");
        self.act("bots.stop", Method::POST, &path, &BotTarget(target))
            .await
    }

    /// Answers a bot that waits. `data` becomes `{{json.key}}` of its later steps. Needs an admin's
    /// token.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the step was answered or no longer waits; [`Error::Invalid`] for
    /// more than 10 handlers; and others of [`Error`].
    pub async fn continue_bot(
        &self,
        step: &Continuation,
        data: &BTreeMap<String, String>,
        handlers: &[ContinueHandler],
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Answer<'a> {
            data: &'a BTreeMap<String, String>,
            // An empty list is refused.
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            execute_handlers: &'a [ContinueHandler],
        }
        if handlers.len() > MAX_HANDLERS {
            return Err(Error::Invalid(Problem::of("more than 10 handlers")));
        }
        let answer = Answer {
            data,
            execute_handlers: handlers,
        };
        self.act("bots.continue", Method::POST, &step.path(), &answer)
            .await
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;
    use crate::host::Hosts;
    use crate::id::LeadId;

    fn parse(url: &str) -> Result<Continuation, HostError> {
        let account = Hosts::kommo().account("acme.kommo.com").unwrap();
        Continuation::parse(&account, url)
    }

    #[test]
    fn a_return_url_is_taken_apart() {
        let step = parse("https://acme.kommo.com/api/v4/salesbot/321/continue/Ab-1_2").unwrap();
        assert_eq!(step.path(), "/salesbot/321/continue/Ab-1_2");
        assert!(parse("https://acme.kommo.com/api/v4/marketingbot/1/continue/1").is_ok());
    }

    #[test]
    fn a_return_url_that_leads_elsewhere_is_refused() {
        for bad in [
            "https://evil.org/api/v4/salesbot/321/continue/1",
            "https://other.kommo.com/api/v4/salesbot/321/continue/1",
            "http://acme.kommo.com/api/v4/salesbot/321/continue/1",
            "https://acme.kommo.com:8443/api/v4/salesbot/321/continue/1",
            "https://a@acme.kommo.com/api/v4/salesbot/321/continue/1",
            "https://acme.kommo.com/api/v4/leads/321/continue/1",
            "https://acme.kommo.com/api/v4/salesbot/x/continue/1",
            "https://acme.kommo.com/api/v4/salesbot/-1/continue/1",
            "https://acme.kommo.com/api/v4/salesbot/321/continue/",
            "https://acme.kommo.com/api/v4/salesbot/321/continue/1/2",
            "https://acme.kommo.com/api/v4/salesbot/321/continue/%2e%2e",
            "https://acme.kommo.com/api/v4/salesbot/321/continue/1?x=1",
            "https://acme.kommo.com/api/v4/salesbot/321/continue/1#x",
            "",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_step_may_come_as_form_or_as_json() {
        let form = b"token=t.t.t&data[message]=Hi&data[phone]=%7B%7Bcontact.phone%7D%7D\
            &return_url=https%3A%2F%2Facme.kommo.com%2Fx";
        let json = br#"{"token":"t.t.t","data":{"message":"Hi","phone":"{{contact.phone}}"},
            "return_url":"https://acme.kommo.com/x"}"#;
        for body in [form.as_slice(), json.as_slice()] {
            let request = WidgetRequest::parse(body).unwrap();
            assert_eq!(request.token.expose_secret(), "t.t.t");
            assert_eq!(request.return_url, "https://acme.kommo.com/x");
            assert_eq!(request.data["message"], "Hi");
            assert_eq!(request.data["phone"], "");
            assert!(!format!("{request:?}").contains("t.t.t"));
        }
        assert!(WidgetRequest::parse(b"token=x").is_err());
    }

    #[test]
    fn what_kommo_would_refuse_is_not_sent() {
        assert!(ContinueHandler::show(&"я".repeat(80)).is_ok());
        assert!(ContinueHandler::show(&"я".repeat(81)).is_err());
        assert_eq!(
            serde_json::to_value(ContinueHandler::goto(1)).unwrap(),
            json!({"handler": "goto", "params": {"type": "question", "step": 1}})
        );
        let run = BotRun {
            bot_id: BotId(1),
            target: BotTarget(Entity::Lead(LeadId(5001))),
        };
        assert_eq!(
            serde_json::to_value(run).unwrap(),
            json!({"bot_id": 1, "entity_id": 5001, "entity_type": "leads"})
        );
    }
}
