//! Conversations and their messages.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::turn::{Report, Sentence, State};

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Client,
    Agent,
    Human,
    System,
}

impl Author {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Agent => "agent",
            Self::Human => "human",
            Self::System => "system",
        }
    }

    /// Reads [`Author::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Client, Self::Agent, Self::Human, Self::System]
            .into_iter()
            .find(|author| author.as_str() == word)
    }
}

/// A conversation of one client with one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub id: Uuid,
    pub agent_id: Uuid,
    pub display_name: String,
    pub channel: String,
    /// Of the client's last message: `ru`, `en` or `und`.
    pub language: String,
    /// Number of the last message.
    pub last_sequence: i64,
    pub turn_count: i32,
    pub cost_micro_usd: i64,
    pub opted_out: bool,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: Uuid,
    pub conversation_id: Uuid,
    /// Grows by one in a conversation.
    pub sequence: i64,
    pub author: Author,
    pub content: String,
    /// Of an answer.
    pub sentences: Vec<Sentence>,
    pub turn_id: Option<Uuid>,
    pub create_time: DateTime<Utc>,
}

/// A turn as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub id: Uuid,
    pub conversation_id: Uuid,
    pub agent_id: Uuid,
    pub state: State,
    pub create_time: DateTime<Utc>,
    /// Of a finished turn.
    pub report: Option<Report>,
}

/// A title for a conversation that was given none: the beginning of its first message.
pub fn title(text: &str) -> String {
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
