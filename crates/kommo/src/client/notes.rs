//! Notes on a card. A note is not a message: the client never sees it.
//!
//! Sources: Kommo docs, `notes-types`; the SDK `amocrm-api-php`.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Client, Entity, Query, TimeRange, Written};
use crate::de;
use crate::error::Error;
use crate::id::{FileId, FileVersionId, NoteId, UserId};
use crate::page::Pages;

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// `common`, `call_in`, …: an open set.
    #[serde(default, deserialize_with = "de::text")]
    pub note_type: String,
    /// What it says; its shape depends on the type.
    #[serde(default)]
    pub params: Value,
    /// Who wrote it; [`UserId::ROBOT`] for no person.
    #[serde(default, deserialize_with = "de::maybe")]
    pub created_by: Option<UserId>,
    /// When it was written.
    #[serde(default, deserialize_with = "de::some_time")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    #[serde(default, deserialize_with = "de::some_time")]
    pub updated_at: Option<DateTime<Utc>>,
}

impl Note {
    /// Its text, where it has one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.params.get("text")?.as_str()
    }
}

/// What a note of ours may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "note_type", content = "params", rename_all = "snake_case")]
pub enum NoteParams {
    /// A text.
    Common {
        /// The text.
        text: String,
    },
    /// A text in the name of a service: what the agent did.
    ExtendedServiceMessage {
        /// Whose, as people see it.
        service: String,
        /// The text.
        text: String,
    },
    /// A file of the drive.
    Attachment {
        /// The file.
        file_uuid: FileId,
        /// Its version.
        version_uuid: FileVersionId,
        /// As people see it.
        file_name: String,
    },
}

/// A note to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewNote {
    /// What it is.
    #[serde(flatten)]
    pub params: NoteParams,
}

impl NewNote {
    /// A text.
    #[must_use]
    pub fn common(text: impl Into<String>) -> Self {
        let params = NoteParams::Common { text: text.into() };
        Self { params }
    }

    /// A text in the name of a service.
    #[must_use]
    pub fn service(service: impl Into<String>, text: impl Into<String>) -> Self {
        let params = NoteParams::ExtendedServiceMessage {
            service: service.into(),
            text: text.into(),
        };
        Self { params }
    }
}

impl Client {
    /// The notes of an entity.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn notes(&self, entity: Entity, updated_at: &TimeRange) -> Result<Pages<Note>, Error> {
        let mut query = Query::default();
        query.add_range("filter[updated_at]", updated_at);
        let path = format!("{}/notes", entity.path());
        self.pages("notes.list", &path, query, "notes", None)
    }

    /// Writes a note.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_note(&self, entity: Entity, note: &NewNote) -> Result<NoteId, Error> {
        let path = format!("{}/notes", entity.path());
        let written = self.write_one("notes.create", Method::POST, &path, note, "notes");
        written.await.map(|Written { id, .. }| NoteId(id))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notes_are_written_by_their_type() {
        assert_eq!(
            serde_json::to_value(NewNote::common("asked for the price")).unwrap(),
            json!({"note_type": "common", "params": {"text": "asked for the price"}})
        );
        assert_eq!(
            serde_json::to_value(NewNote::service("T11", "moved the lead")).unwrap(),
            json!({"note_type": "extended_service_message",
                "params": {"service": "T11", "text": "moved the lead"}})
        );
    }

    #[test]
    fn notes_of_any_type_are_read() {
        let note: Note = serde_json::from_value(json!({
            "id": 9001, "note_type": "call_in", "params": {"uniq": "x", "duration": 60},
            "created_by": 0, "created_at": 1_760_000_000
        }))
        .unwrap();
        assert_eq!((note.text(), note.created_by), (None, Some(UserId::ROBOT)));
        let odd: Note = serde_json::from_value(json!({"id": 1, "params": []})).unwrap();
        assert_eq!(odd.text(), None);
    }
}
