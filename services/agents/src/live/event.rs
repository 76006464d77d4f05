//! What happens in the CRM, as crm tells it.

use uuid::Uuid;

/// An event of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrmEvent {
    pub(crate) connection: Uuid,
    /// `events/{event}`.
    pub(crate) name: String,
    /// Nothing is sent, stored or changed; the verdict says what would be.
    pub(crate) dry_run: bool,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    ClientMessage(CrmMessage),
    /// By the account: a person, a bot, or ourselves.
    OutgoingMessage(CrmMessage),
    LeadChange(LeadChange),
    TalkChange(TalkChange),
}

/// A message as Kommo has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CrmMessage {
    /// Unique within the connection.
    pub(crate) message_id: String,
    pub(crate) chat_id: String,
    pub(crate) talk_id: i64,
    pub(crate) contact_id: i64,
    /// 0 = none yet.
    pub(crate) lead_id: i64,
    /// Where the lead is; 0 = not known.
    pub(crate) pipeline_id: i64,
    pub(crate) stage_id: i64,
    pub(crate) text: String,
    /// `text`, `voice`, `picture`, …
    pub(crate) message_type: String,
    /// `telegram`, `waba`, …
    pub(crate) channel: String,
    pub(crate) author: MessageAuthor,
    pub(crate) attachment_url: String,
    pub(crate) attachment_name: String,
    /// We have sent it ourselves under this key.
    pub(crate) idempotency_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MessageAuthor {
    /// `external`, `internal`, `bot`; empty when Kommo did not say.
    pub(crate) kind: String,
    pub(crate) display_name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeadChange {
    pub(crate) lead_id: i64,
    pub(crate) pipeline_id: i64,
    pub(crate) stage_id: i64,
    pub(crate) deleted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TalkChange {
    pub(crate) talk_id: i64,
    pub(crate) chat_id: String,
    pub(crate) lead_id: i64,
    pub(crate) contact_id: i64,
    pub(crate) closed: bool,
}

impl CrmMessage {
    /// What people and the agent read: the words, or what was sent instead of words.
    pub(crate) fn content(&self) -> String {
        let text = self.text.trim();
        if !text.is_empty() {
            return text.to_owned();
        }
        let kind = self.content_type();
        match self.attachment_name.trim() {
            "" => format!("[{kind}]"),
            name => format!("[{kind}: {name}]"),
        }
    }

    /// `text` where Kommo did not say.
    pub(crate) fn content_type(&self) -> &str {
        match self.message_type.as_str() {
            "" => "text",
            kind => kind,
        }
    }

    /// Written by a bot of the account that is none of ours.
    pub(crate) fn is_of_another_bot(&self) -> bool {
        self.author.kind == "bot"
    }
}

/// Whether two texts are one message: channels change spaces and line ends on the way.
pub(crate) fn is_same_text(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_words_says_what_it_is() {
        let picture = CrmMessage {
            message_type: "picture".to_owned(),
            attachment_name: "sofa.jpg".to_owned(),
            ..CrmMessage::default()
        };
        assert_eq!(picture.content(), "[picture: sofa.jpg]");
        let voice = CrmMessage {
            message_type: "voice".to_owned(),
            ..CrmMessage::default()
        };
        assert_eq!(voice.content(), "[voice]");
    }

    #[test]
    fn spaces_make_no_other_text() {
        assert!(is_same_text("Да.\r\nЖдём вас", " Да.  Ждём вас\n"));
        assert!(!is_same_text("Да. Ждём вас", "Да. Ждём"));
    }
}
