//! The interpreter: a bot goes from handler to handler until it must wait.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Bot, Place, Run, RunState, template};
use crate::account::Account;
use crate::cards::{Kind, Ref};
use crate::delivery::{Parcel, Purpose};
use crate::php;
use crate::signature::{self, JwtAlgorithm};
use crate::talks::{Author, Said};

/// A bot that goes round and round without waiting is stopped after this many handlers.
const MOST_HANDLERS: usize = 200;

const FIRST: Place = Place {
    step: 0,
    is_answer: false,
    handler: 0,
};

/// Claims of the token in a bot's request.
#[derive(Serialize)]
struct BotClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    account_id: i64,
    subdomain: &'a str,
    client_uuid: &'a str,
    entity_type: i64,
    entity_id: i64,
    bot_type: &'static str,
}

impl Account {
    /// Starts a bot. Whether it could.
    pub(super) fn start_bot(&mut self, bot_id: i64, about: Ref, message_text: &str) -> bool {
        if self.bots.is_busy(about) {
            if self.bots.manners.refuse_second {
                return false;
            }
            self.bots.runs.retain(|run| run.about != about);
        }
        let talk = match about.kind {
            Kind::Lead => self.talks.of_lead(about.id),
            Kind::Contact | Kind::Company => None,
        };
        let run = Run {
            bot_id,
            about,
            talk_id: talk.map(|talk| talk.id),
            place: FIRST,
            state: RunState::Going,
            json: Map::new(),
            message_text: message_text.to_owned(),
        };
        self.go_on(run);
        true
    }

    /// A client wrote: a bot that waits for it goes on, otherwise one may start.
    pub(crate) fn bots_hear(&mut self, talk_id: i64, text: &str) {
        let lead = self.talks.talks.get(&talk_id).and_then(|talk| talk.lead_id);
        let Some(about) = lead.map(Ref::lead) else {
            return;
        };
        let mut runs = self.bots.runs.iter();
        let waiting =
            runs.position(|run| run.about == about && run.state == RunState::WaitsForClient);
        if let Some(position) = waiting {
            let mut run = self.bots.runs.remove(position);
            run.message_text = text.to_owned();
            run.place = Place {
                is_answer: true,
                handler: 0,
                ..run.place
            };
            self.go_on(run);
        } else if !self.bots.is_busy(about) {
            let mut bots = self.bots.bots.iter();
            if let Some(bot) = bots.find(|bot| bot.starts_on_message) {
                self.start_bot(bot.id, about, text);
            }
        }
    }

    /// Lets a bot go on until it waits or ends.
    pub(super) fn go_on(&mut self, mut run: Run) {
        let Some(bot) = self.bots.bot(run.bot_id).cloned() else {
            return;
        };
        run.state = RunState::Going;
        for _ in 0..MOST_HANDLERS {
            let Some(handler) = next_handler(&bot, &mut run) else {
                break;
            };
            self.handle(&bot, &mut run, &handler);
            if run.state != RunState::Going {
                break;
            }
        }
        let waits = matches!(
            run.state,
            RunState::WaitsForBackEnd { .. } | RunState::WaitsForClient
        );
        if waits {
            self.bots.runs.push(run);
        }
    }

    /// Does one handler.
    pub(super) fn handle(&mut self, bot: &Bot, run: &mut Run, handler: &Value) {
        let params = &handler["params"];
        match handler["handler"].as_str().unwrap_or_default() {
            "show" => self.bot_says(run, params["value"].as_str()),
            "message" | "send_message" => {
                self.bot_says(run, params["text"].as_str().or(params["value"].as_str()));
            }
            "goto" => go_to(run, params),
            "conditions" => {
                let results = self.results(run, params);
                for result in results {
                    if run.state == RunState::Going {
                        self.handle(bot, run, &result);
                    }
                }
            }
            "widget_request" => self.ask_back_end(bot, run, params),
            // A step the bot cannot do ends it.
            _ => run.state = RunState::Ended,
        }
    }

    fn bot_says(&mut self, run: &Run, text: Option<&str>) {
        let said = Said::text(&template::fill(self, run, text.unwrap_or_default()));
        let Some(talk_id) = run.talk_id.filter(|_| !said.text.is_empty()) else {
            return;
        };
        if let Some(id) = self.account_says(talk_id, Author::Bot, said, 0) {
            self.tell_of_message(&id);
        }
    }

    /// The handlers a `conditions` step leads to.
    fn results(&self, run: &Run, params: &Value) -> Vec<Value> {
        let conditions = params["conditions"].as_array();
        let mut held = conditions
            .into_iter()
            .flatten()
            .map(|one| self.holds(run, one));
        let holds = match params["logic"].as_str() {
            Some("or") => held.any(|holds| holds),
            _ => held.all(|holds| holds),
        };
        let branch = if holds {
            &params["result"]
        } else {
            &params["else"]
        };
        branch.as_array().cloned().unwrap_or_default()
    }

    fn holds(&self, run: &Run, condition: &Value) -> bool {
        let term = |name: &str| match &condition[name] {
            Value::String(text) => template::fill(self, run, text),
            other => other.to_string(),
        };
        let (one, other) = (term("term1"), term("term2"));
        match condition["operation"].as_str() {
            Some("!=") => one != other,
            Some("contains") => one.contains(&other),
            Some(">") => number(&one) > number(&other),
            Some("<") => number(&one) < number(&other),
            _ => one == other,
        }
    }

    fn ask_back_end(&mut self, bot: &Bot, run: &mut Run, params: &Value) {
        let url = params["url"].as_str().unwrap_or_default();
        let continue_id = self.ids.next("continue");
        run.state = RunState::WaitsForBackEnd {
            continue_id,
            since: self.now(),
        };
        let body = json!({
            "token": self.bot_token(bot, run.about),
            "data": template::fill_all(self, run, &params["data"]),
            "return_url": self.return_url(bot.id, continue_id),
        });
        let purpose = Purpose::BotRequest { continue_id };
        let now = self.now_millis;
        let parcel = match &body {
            Value::Object(form) if !self.bots.manners.json_requests => {
                Parcel::form(url, &php::build_query(form), purpose, now)
            }
            body => Parcel::json(url, &body.to_string(), purpose, now),
        };
        self.parcels.push(parcel);
    }

    fn return_url(&mut self, bot_id: i64, continue_id: i64) -> String {
        let path = format!("/api/v4/salesbot/{bot_id}/continue/{continue_id}");
        let foreign = &mut self.bots.manners.foreign_return_urls;
        if *foreign > 0 {
            *foreign -= 1;
            return format!("https://elsewhere.example{path}");
        }
        format!("{}{path}", self.base)
    }

    fn bot_token(&mut self, bot: &Bot, about: Ref) -> String {
        let now = self.now();
        let jti = self.ids.next_uuid();
        let claims = BotClaims {
            iss: &self.base,
            aud: &bot.integration.origin(),
            jti,
            iat: now,
            nbf: now,
            exp: now + 1800,
            account_id: self.id,
            subdomain: &self.subdomain,
            client_uuid: &bot.integration.client_id,
            entity_type: about.kind.element_type(),
            entity_id: about.id,
            bot_type: "salesbot",
        };
        let algorithm = match self.bots.manners.hs256_tokens {
            true => JwtAlgorithm::Hs256,
            false => JwtAlgorithm::Hs512,
        };
        signature::jwt(algorithm, &bot.integration.client_secret, &claims)
    }
}

/// The handler at the run's place, which moves past it. At the end of a question the bot waits for
/// the client when there is something to do with the answer.
fn next_handler(bot: &Bot, run: &mut Run) -> Option<Value> {
    let step = bot.steps.get(run.place.step)?;
    let handlers = if run.place.is_answer {
        &step.answer
    } else {
        &step.question
    };
    let handler = handlers.get(run.place.handler).cloned();
    match handler {
        Some(_) => run.place.handler += 1,
        None if !run.place.is_answer && !step.answer.is_empty() => {
            run.state = RunState::WaitsForClient;
        }
        None => run.state = RunState::Ended,
    }
    handler
}

fn go_to(run: &mut Run, params: &Value) {
    let step = params["step"]
        .as_u64()
        .and_then(|step| usize::try_from(step).ok());
    match (params["type"].as_str(), step) {
        (Some("finish"), _) | (_, None) => run.state = RunState::Ended,
        (kind, Some(step)) => {
            run.place = Place {
                step,
                is_answer: kind == Some("answer"),
                handler: 0,
            };
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}
