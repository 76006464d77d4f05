//! Conversations and their messages.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Error;
use crate::turn::{Report, Sentence, State};
use crate::version::VersionRef;

/// The channel of conversations in which cases are tried, and the mode of their turns.
pub(crate) const EVAL: &str = "eval";

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    Client,
    Agent,
    Human,
    System,
}

impl Author {
    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Agent => "agent",
            Self::Human => "human",
            Self::System => "system",
        }
    }

    /// Reads [`Author::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Client, Self::Agent, Self::Human, Self::System]
            .into_iter()
            .find(|author| author.as_str() == word)
    }
}

/// Who answers the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controller {
    Bot,
    Human,
}

impl Controller {
    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Human => "human",
        }
    }

    /// Reads [`Controller::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Bot, Self::Human]
            .into_iter()
            .find(|controller| controller.as_str() == word)
    }
}

/// A conversation of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversation {
    pub(crate) id: Uuid,
    /// `None`: nobody has ever answered where it is.
    pub(crate) agent_id: Option<Uuid>,
    pub(crate) display_name: String,
    pub(crate) channel: String,
    /// Of the client's last message: `ru`, `en` or `und`.
    pub(crate) language: String,
    /// Number of the last message.
    pub(crate) last_sequence: i64,
    pub(crate) turn_count: i32,
    pub(crate) cost_micro_usd: i64,
    pub(crate) opted_out: bool,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
    /// `None` in the test chat.
    pub(crate) live: Option<Live>,
}

/// What a conversation of the CRM's channels has besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) connection_id: Uuid,
    /// Of Kommo; may be empty.
    pub(crate) chat_id: String,
    /// Kommo's ids; 0 = none.
    pub(crate) talk_id: i64,
    pub(crate) lead_id: i64,
    pub(crate) contact_id: i64,
    /// What the client calls itself.
    pub(crate) client_display_name: String,
    /// Where the lead is; 0 = not known.
    pub(crate) pipeline_id: i64,
    pub(crate) stage_id: i64,
    pub(crate) controller: Controller,
    /// Who took it over, in our inbox.
    pub(crate) controller_user: Option<Uuid>,
    /// Grows whenever somebody else takes the word: what was decided before is not sent.
    pub(crate) control_epoch: i64,
    /// Why a person has it; empty when none has.
    pub(crate) handoff_reason: String,
    /// The agent has the word again then.
    pub(crate) resume_time: Option<DateTime<Utc>>,
    /// Why the last message was not answered.
    pub(crate) silence_reason: String,
    pub(crate) has_draft: bool,
    pub(crate) has_error: bool,
    pub(crate) unanswered: bool,
    /// Number of the client's last message.
    pub(crate) last_inbound: i64,
    /// The client's messages up to this one have been answered.
    pub(crate) answered: i64,
    /// Of the first message of the burst whose turn has not begun.
    pub(crate) burst_time: Option<DateTime<Utc>>,
    /// The turn that is to run or runs; a job of another ticket does nothing.
    pub(crate) ticket: Option<Uuid>,
    /// The opening that the client was told of last.
    pub(crate) notice_time: Option<DateTime<Utc>>,
}

impl Conversation {
    /// What the CRM knows of it.
    ///
    /// # Errors
    /// [`Error::ConversationNotLive`] for one of the test chat.
    pub(crate) fn live(&self) -> Result<&Live, Error> {
        self.live.as_ref().ok_or(Error::ConversationNotLive)
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: Uuid,
    pub(crate) conversation_id: Uuid,
    /// Grows by one in a conversation.
    pub(crate) sequence: i64,
    pub(crate) author: Author,
    pub(crate) content: String,
    /// Of an answer.
    pub(crate) sentences: Vec<Sentence>,
    pub(crate) turn_id: Option<Uuid>,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) carriage: Carriage,
}

/// How a message of a live conversation travelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Carriage {
    /// Of its conversation.
    pub(crate) connection_id: Option<Uuid>,
    /// Kommo's id of it.
    pub(crate) external_id: Option<String>,
    /// `events/{event}` that brought it; empty for our own.
    pub(crate) event: String,
    /// What became of it; empty until that is known.
    pub(crate) verdict: String,
    /// Of an outgoing one.
    pub(crate) delivery: Option<Delivery>,
    pub(crate) delivery_reason: String,
    /// `text`, `voice`, `picture`, …
    pub(crate) content_type: String,
    pub(crate) author_display_name: String,
}

impl Default for Carriage {
    fn default() -> Self {
        Self {
            connection_id: None,
            external_id: None,
            event: String::new(),
            verdict: String::new(),
            delivery: None,
            delivery_reason: String::new(),
            content_type: "text".to_owned(),
            author_display_name: String::new(),
        }
    }
}

/// How far an outgoing message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Queued,
    /// Decided: it may be on its way.
    Sending,
    /// It may have been sent; that is being found out.
    Unknown,
    Accepted,
    Delivered,
    Read,
    Failed,
    /// Not sent, for somebody has spoken since.
    Suppressed,
}

impl Delivery {
    const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Accepted,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Suppressed,
    ];

    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }

    /// Reads [`Delivery::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// The client has it, as far as is known.
    pub(crate) fn has_left(self) -> bool {
        matches!(self, Self::Accepted | Self::Delivered | Self::Read)
    }

    /// Whether news of `other` say more than this: what comes late or twice changes nothing.
    pub(crate) fn yields_to(self, other: Self) -> bool {
        match (self, other) {
            (Self::Failed | Self::Suppressed, other) => other.has_left(),
            (_, Self::Queued | Self::Suppressed) => false,
            (_, Self::Failed) => true,
            (own, other) => own.rank() < other.rank(),
        }
    }

    fn rank(self) -> usize {
        Self::ALL.iter().position(|one| *one == self).unwrap_or(0)
    }
}

/// A turn as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Turn {
    pub(crate) id: Uuid,
    pub(crate) conversation_id: Uuid,
    pub(crate) agent_id: Uuid,
    /// It answers from; `None`: the draft.
    pub(crate) version: Option<VersionRef>,
    pub(crate) state: State,
    pub(crate) create_time: DateTime<Utc>,
    /// Of a finished turn.
    pub(crate) report: Option<Report>,
}

/// A title for a conversation that was given none: the beginning of its first message.
pub(crate) fn title(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 60 {
        return line;
    }
    let cut: String = line.chars().take(60).collect();
    let whole_words = cut
        .rsplit_once(' ')
        .map_or(cut.as_str(), |(words, _)| words);
    format!("{whole_words}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_news_of_a_delivery_change_nothing() {
        use Delivery::{Accepted, Delivered, Failed, Queued, Read, Sending, Suppressed, Unknown};
        for (from, to) in [
            (Queued, Sending),
            (Sending, Unknown),
            (Unknown, Accepted),
            (Accepted, Failed),
            (Suppressed, Accepted),
            (Failed, Read),
        ] {
            assert!(from.yields_to(to), "{from:?} {to:?}");
        }
        for (from, to) in [
            (Read, Delivered),
            (Accepted, Unknown),
            (Failed, Unknown),
            (Suppressed, Failed),
            (Accepted, Accepted),
            (Sending, Suppressed),
        ] {
            assert!(!from.yields_to(to), "{from:?} {to:?}");
        }
        for delivery in Delivery::ALL {
            assert_eq!(Delivery::parse(delivery.as_str()), Some(delivery));
        }
    }

    #[test]
    fn a_title_ends_at_a_word() {
        assert_eq!(title(" Сколько\nстоит диван? "), "Сколько стоит диван?");
        let long =
            "Здравствуйте, подскажите пожалуйста сколько стоит угловой диван Осло с доставкой";
        assert_eq!(
            title(long),
            "Здравствуйте, подскажите пожалуйста сколько стоит угловой…"
        );
    }
}
