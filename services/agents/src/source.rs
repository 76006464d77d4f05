//! Where knowledge comes from: articles, files, web pages.

use chrono::{DateTime, NaiveDate, Utc};
use t11_core::{Etag, Violations};
use uuid::Uuid;

use crate::knowledge::sniff::DocumentType;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Article,
    File,
    WebPage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
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
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::File => "file",
            Self::WebPage => "web_page",
        }
    }

    /// Reads [`Kind::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Article, Self::File, Self::WebPage]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

impl State {
    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    /// Reads [`State::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Pending, Self::Processing, Self::Ready, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// Who reads a source: one lease of the job that was enqueued for it last. A reader that was
/// stopped past its lease, or whose source is to be read anew, has nothing to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) job: Uuid,
    /// Of the lease; grows with every lease of the job.
    pub(crate) fence: i64,
}

impl Reader {
    /// Whether no later reader has begun.
    pub(crate) fn holds(self, source: &Source) -> bool {
        source.job == Some(self.job) && source.reader_fence <= self.fence
    }
}

/// A source as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) id: Uuid,
    pub(crate) kind: Kind,
    pub(crate) display_name: String,
    pub(crate) category: Option<Uuid>,
    pub(crate) state: State,
    /// The step its job is at.
    pub(crate) step: String,
    pub(crate) error_reason: String,
    pub(crate) error_message: String,
    pub(crate) job: Option<Uuid>,
    /// Fencing number of the last lease under which it was read.
    pub(crate) reader_fence: i64,
    /// Of an article, Markdown.
    pub(crate) content: String,
    /// Of a web page.
    pub(crate) uri: String,
    pub(crate) document_type: Option<DocumentType>,
    /// Of a file, in the bucket.
    pub(crate) storage_path: String,
    pub(crate) size_bytes: i64,
    pub(crate) sha256: String,
    pub(crate) page_count: i32,
    pub(crate) chunk_count: i32,
    pub(crate) token_count: i32,
    pub(crate) language: String,
    pub(crate) enabled: bool,
    pub(crate) valid_until: Option<NaiveDate>,
    pub(crate) index_version: i64,
    /// Grows with every reading.
    pub(crate) reading: i64,
    pub(crate) revision: i64,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
    pub(crate) process_time: Option<DateTime<Utc>>,
}

impl Source {
    /// The etag of this revision.
    pub(crate) fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }

    /// What people call it: a page that was given no name goes by its address.
    pub(crate) fn shown_name(&self) -> &str {
        if self.display_name.is_empty() {
            &self.uri
        } else {
            &self.display_name
        }
    }
}

/// A source to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewSource {
    pub(crate) id: Uuid,
    pub(crate) kind: Kind,
    pub(crate) display_name: String,
    pub(crate) category: Option<Uuid>,
    pub(crate) content: String,
    pub(crate) uri: String,
    pub(crate) document_type: Option<DocumentType>,
    pub(crate) storage_path: String,
    pub(crate) size_bytes: i64,
    pub(crate) sha256: String,
    pub(crate) request_id: Option<Uuid>,
}

/// What a person changes of a source; `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SourcePatch {
    pub(crate) display_name: Option<String>,
    pub(crate) category: Option<Option<Uuid>>,
    pub(crate) content: Option<String>,
    pub(crate) enabled: Option<bool>,
    pub(crate) valid_until: Option<Option<NaiveDate>>,
}

/// Characters of an article at most.
pub(crate) const MOST_CONTENT: usize = 100_000;

impl SourcePatch {
    /// Checks every field that is to change.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub(crate) fn check(mut self, kind: Kind) -> Result<Self, Violations> {
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
pub(crate) struct ChunkRow {
    pub(crate) id: Uuid,
    pub(crate) source: Uuid,
    pub(crate) index: i32,
    pub(crate) content: String,
    pub(crate) heading_path: Vec<String>,
    pub(crate) page: i32,
    pub(crate) char_start: i32,
    pub(crate) char_end: i32,
    pub(crate) token_count: i32,
    pub(crate) language: String,
    pub(crate) embedded: bool,
}

/// Which sources a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceFilter {
    /// It and all below it.
    pub(crate) category: Option<Uuid>,
    pub(crate) query: String,
    pub(crate) states: Vec<State>,
    pub(crate) kinds: Vec<Kind>,
}
