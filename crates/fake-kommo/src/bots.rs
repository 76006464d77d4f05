//! Salesbots: made by hand in the account, started by messages or by the API, and able to ask a
//! back end for what to say.

mod resume;
mod routes;
mod run;
mod template;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use self::routes::routes;
use crate::cards::Ref;
use crate::oauth::Integration;

#[derive(Debug, Default)]
pub(crate) struct Bots {
    pub(crate) bots: Vec<Bot>,
    pub(crate) runs: Vec<Run>,
    pub(crate) manners: BotManners,
}

#[derive(Debug, Clone)]
pub(crate) struct Bot {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) steps: Vec<BotStep>,
    /// Starts when a client writes and no bot runs for the lead.
    pub(crate) starts_on_message: bool,
    /// Whose widget its requests are signed for.
    pub(crate) integration: Integration,
}

/// One step: what the bot does, and what it does when the client has answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BotStep {
    pub question: Vec<Value>,
    pub answer: Vec<Value>,
}

/// How bots behave where the documents say nothing, or not enough.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BotManners {
    /// Requests come as JSON, as the documents show; otherwise as a form, as they do.
    pub json_requests: bool,
    /// Their tokens are signed with HS256; otherwise with HS512.
    pub hs256_tokens: bool,
    /// A second bot for a lead is refused; otherwise it stops the first.
    pub refuse_second: bool,
    /// How long a bot waits to be continued, in seconds; 0 is for ever.
    pub patience_seconds: u32,
    /// This many of the next requests name a `return_url` of another host.
    pub foreign_return_urls: u32,
}

/// One bot at work for one card.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) bot_id: i64,
    pub(crate) about: Ref,
    pub(crate) talk_id: Option<i64>,
    pub(crate) place: Place,
    pub(crate) state: RunState,
    /// What continuing brought: `{{json.…}}`.
    pub(crate) json: Map<String, Value>,
    /// `{{message_text}}`.
    pub(crate) message_text: String,
}

/// The next handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) step: usize,
    pub(crate) is_answer: bool,
    pub(crate) handler: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunState {
    Going,
    /// Until the back end continues it.
    WaitsForBackEnd {
        continue_id: i64,
        since: i64,
    },
    WaitsForClient,
    Ended,
}

impl Bots {
    pub(crate) fn bot(&self, id: i64) -> Option<&Bot> {
        self.bots.iter().find(|bot| bot.id == id)
    }

    /// Ends the run that waits for an answer of the back end under this id.
    pub(crate) fn end_waiting(&mut self, continue_id: i64) {
        self.runs.retain(|run| {
            !matches!(run.state, RunState::WaitsForBackEnd { continue_id: id, .. } if id == continue_id)
        });
    }

    fn is_busy(&self, about: Ref) -> bool {
        self.runs.iter().any(|run| run.about == about)
    }
}
