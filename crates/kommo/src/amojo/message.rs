//! Messages of an own channel.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::de;

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelMessage {
    /// The channel's own id: what makes it the same message.
    pub id: String,
    /// The channel's own id of the conversation.
    pub conversation_id: String,
    /// When.
    pub time: DateTime<Utc>,
    /// Which inbox, by our own id of it.
    pub source: Option<String>,
    /// Who has written.
    pub sender: Participant,
    /// To whom, if staff or a bot has written.
    pub receiver: Option<Participant>,
    /// What it says.
    pub content: Content,
    /// Nobody is told: for what is brought in from before.
    pub is_silent: bool,
}

/// Who writes or is written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Participant {
    /// The channel's own id.
    pub id: String,
    /// As staff sees it.
    pub name: String,
    /// Of staff: the user's id in the chat back end; of bots: the channel's bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ref_id: Option<String>,
    /// How else they can be reached: makes a contact of a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
}

/// How a client can be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// With its country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl Participant {
    /// A client.
    #[must_use]
    pub fn client(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            ref_id: None,
            profile: None,
        }
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A text.
    Text(String),
    /// A file that Kommo fetches.
    Media {
        /// What it is.
        kind: MediaKind,
        /// Where from.
        url: String,
        /// As people see it.
        file_name: String,
        /// In bytes.
        file_size: u64,
        /// What stands with it.
        text: String,
    },
    /// A place, in degrees.
    Location {
        /// East.
        longitude: f64,
        /// North.
        latitude: f64,
    },
    /// Somebody's name and phone.
    Contact {
        /// As people see it.
        name: String,
        /// With its country.
        phone: String,
    },
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Any.
    File,
    /// A picture.
    Picture,
    /// A film.
    Video,
    /// Spoken.
    Voice,
    /// Music.
    Audio,
    /// A sticker.
    Sticker,
}

#[derive(Serialize)]
pub(super) struct Event<'a> {
    event_type: &'static str,
    payload: Payload<'a>,
}

#[derive(Serialize)]
struct Payload<'a> {
    timestamp: i64,
    msec_timestamp: i64,
    msgid: &'a str,
    conversation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source<'a>>,
    sender: &'a Participant,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver: Option<&'a Participant>,
    message: WireContent<'a>,
    silent: bool,
}

#[derive(Serialize)]
struct Source<'a> {
    external_id: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireContent<'a> {
    Text {
        r#type: &'static str,
        text: &'a str,
    },
    Media {
        r#type: MediaKind,
        text: &'a str,
        media: &'a str,
        file_name: &'a str,
        file_size: u64,
    },
    Location {
        r#type: &'static str,
        location: Location,
    },
    Contact {
        r#type: &'static str,
        contact: Contact<'a>,
    },
}

#[derive(Serialize)]
struct Location {
    lon: f64,
    lat: f64,
}

#[derive(Serialize)]
struct Contact<'a> {
    name: &'a str,
    phone: &'a str,
}

impl ChannelMessage {
    pub(super) fn event(&self) -> Event<'_> {
        Event {
            event_type: "new_message",
            payload: Payload {
                timestamp: self.time.timestamp(),
                msec_timestamp: self.time.timestamp_millis(),
                msgid: &self.id,
                conversation_id: &self.conversation_id,
                source: self
                    .source
                    .as_deref()
                    .map(|external_id| Source { external_id }),
                sender: &self.sender,
                receiver: self.receiver.as_ref(),
                message: self.content.wire(),
                silent: self.is_silent,
            },
        }
    }
}

impl Content {
    fn wire(&self) -> WireContent<'_> {
        match self {
            Self::Text(text) => WireContent::Text {
                r#type: "text",
                text,
            },
            Self::Media {
                kind,
                url,
                file_name,
                file_size,
                text,
            } => WireContent::Media {
                r#type: *kind,
                text,
                media: url,
                file_name,
                file_size: *file_size,
            },
            Self::Location {
                longitude,
                latitude,
            } => WireContent::Location {
                r#type: "location",
                location: Location {
                    lon: *longitude,
                    lat: *latitude,
                },
            },
            Self::Contact { name, phone } => WireContent::Contact {
                r#type: "contact",
                contact: Contact { name, phone },
            },
        }
    }
}

/// What Kommo says of a message that it took.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sent {
    /// Kommo's id of it.
    #[serde(deserialize_with = "de::text")]
    pub msgid: String,
    /// The channel's own id of it.
    #[serde(default, deserialize_with = "de::text")]
    pub ref_id: String,
}

/// What became of a message that staff wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It has reached the client.
    Delivered,
    /// They have read it.
    Read,
    /// It has not.
    Failed {
        /// 901 to 905.
        code: u16,
        /// For staff.
        text: String,
    },
}

#[derive(Serialize)]
pub(super) struct DeliveryBody<'a> {
    msgid: &'a str,
    delivery_status: i8,
    /// The same under the other of the two names that are documented.
    status_code: i8,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl Delivery {
    pub(super) fn body<'a>(&'a self, message: &'a str) -> DeliveryBody<'a> {
        let (status, error) = match self {
            Self::Delivered => (1, None),
            Self::Read => (2, None),
            Self::Failed { code, text } => (-1, Some((*code, text.as_str()))),
        };
        DeliveryBody {
            msgid: message,
            delivery_status: status,
            status_code: status,
            error_code: error.map(|(code, _)| code),
            error: error.map(|(_, text)| text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contents_are_written_by_their_type() {
        let wire = |content: &Content| serde_json::to_value(content.wire()).unwrap();
        let picture = Content::Media {
            kind: MediaKind::Picture,
            url: "https://e.com/a.png".to_owned(),
            file_name: "a.png".to_owned(),
            file_size: 7,
            text: String::new(),
        };
        assert_eq!(
            wire(&picture),
            json!({"type": "picture", "text": "", "media": "https://e.com/a.png",
                "file_name": "a.png", "file_size": 7})
        );
        let place = Content::Location {
            longitude: 1.5,
            latitude: -2.0,
        };
        assert_eq!(
            wire(&place),
            json!({"type": "location", "location": {"lon": 1.5, "lat": -2.0}})
        );
    }

    #[test]
    fn a_failed_delivery_says_why() {
        let failed = Delivery::Failed {
            code: 905,
            text: "blocked".to_owned(),
        };
        assert_eq!(
            serde_json::to_value(failed.body("m-1")).unwrap(),
            json!({"msgid": "m-1", "delivery_status": -1, "status_code": -1, "error_code": 905,
                "error": "blocked"})
        );
        assert_eq!(
            serde_json::to_value(Delivery::Read.body("m-1")).unwrap(),
            json!({"msgid": "m-1", "delivery_status": 2, "status_code": 2})
        );
    }
}
