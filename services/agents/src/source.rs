//! Where knowledge comes from: articles, files, web pages.

use chrono::{DateTime, NaiveDate, Utc};
use t11_core::{Etag, Violations};
use uuid::Uuid;

use crate::knowledge::sniff::DocumentType;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Article,
    File,
    WebPage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for its job.
    Pending,
    Processing,
    /// Searchable.
    Ready,
    /// Chunks of an earlier good reading stay searchable.
    Failed,
}

impl Kind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::File => "file",
            Self::WebPage => "web_page",
        }
    }

    /// Reads [`Kind::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Article, Self::File, Self::WebPage]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

impl State {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    /// Reads [`State::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Pending, Self::Processing, Self::Ready, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A source as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub id: Uuid,
    pub kind: Kind,
    pub display_name: String,
    pub category: Option<Uuid>,
    pub state: State,
    /// The step its job is at.
    pub step: String,
    pub error_reason: String,
    pub error_message: String,
    pub job: Option<Uuid>,
    /// Of an article, Markdown.
    pub content: String,
    /// Of a web page.
    pub uri: String,
    pub document_type: Option<DocumentType>,
    /// Of a file, in the bucket.
    pub storage_path: String,
    pub size_bytes: i64,
    pub sha256: String,
    pub page_count: i32,
    pub chunk_count: i32,
    pub token_count: i32,
    pub language: String,
    pub enabled: bool,
    pub valid_until: Option<NaiveDate>,
    pub index_version: i64,
    pub revision: i64,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub process_time: Option<DateTime<Utc>>,
}

impl Source {
    /// The etag of this revision.
    pub fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }
}

/// A source to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSource {
    pub id: Uuid,
    pub kind: Kind,
    pub display_name: String,
    pub category: Option<Uuid>,
    pub content: String,
    pub uri: String,
    pub document_type: Option<DocumentType>,
    pub storage_path: String,
    pub size_bytes: i64,
    pub sha256: String,
    pub request_id: Option<Uuid>,
}

/// What a person changes of a source; `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcePatch {
    pub display_name: Option<String>,
    pub category: Option<Option<Uuid>>,
    pub content: Option<String>,
    pub enabled: Option<bool>,
    pub valid_until: Option<Option<NaiveDate>>,
}

/// Characters of an article at most.
pub const MOST_CONTENT: usize = 100_000;

impl SourcePatch {
    /// Checks every field that is to change.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn check(mut self, kind: Kind) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        if let Some(name) = &mut self.display_name {
            *name = violations.text("source.display_name", name, 1, 200);
        }
        if let Some(content) = &self.content {
            violations.text("source.content", content, 1, MOST_CONTENT);
            if kind != Kind::Article {
                let words = "only articles are written here; upload the file again instead";
                violations.add("source.content", "NOT_AN_ARTICLE", words);
            }
        }
        violations.check().map(|()| self)
    }
}

/// A chunk as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRow {
    pub id: Uuid,
    pub source: Uuid,
    pub index: i32,
    pub content: String,
    pub heading_path: Vec<String>,
    pub page: i32,
    pub char_start: i32,
    pub char_end: i32,
    pub token_count: i32,
    pub language: String,
    pub embedded: bool,
}

/// Which sources a list shows.
#[derive(Debug, Clone, Default)]
pub struct SourceFilter {
    /// It and all below it.
    pub category: Option<Uuid>,
    pub query: String,
    pub states: Vec<State>,
    pub kinds: Vec<Kind>,
}
