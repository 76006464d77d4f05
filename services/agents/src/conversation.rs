//! Conversations and their messages.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::turn::{Report, Sentence, State};

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

/// A conversation of one client with one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversation {
    pub(crate) id: Uuid,
    pub(crate) agent_id: Uuid,
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
}

/// A turn as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Turn {
    pub(crate) id: Uuid,
    pub(crate) conversation_id: Uuid,
    pub(crate) agent_id: Uuid,
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
