//! Why a document cannot become knowledge.

use serde::{Deserialize, Serialize};

/// The closed list of reasons, stored as `error_code` of an asset. The codes are stable; people
/// read texts kept by the web client in Russian and English, not these messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rejection {
    /// Damaged, truncated, or made so that the reader gave up or crashed.
    #[error("the document cannot be read")]
    Unreadable,
    /// No bytes, or no text in them.
    #[error("the document has no text")]
    Empty,
    /// The file, its text or the memory needed to read it is over the limit.
    #[error("the document is too big")]
    TooBig,
    /// Encrypted; we never ask for passwords of documents.
    #[error("the document is protected by a password")]
    Password,
    /// Pages are pictures: there is no text layer.
    #[error("the document holds pictures of text only")]
    OcrNeeded,
    /// The bytes are not what the file name says.
    #[error("the content does not match the type of the file")]
    TypeMismatch,
    /// A known or unknown type that we do not read.
    #[error("this type of document is not supported")]
    TypeUnsupported,
    /// Unpacks to far more than it weighs, or declares entities that would.
    #[error("the document unpacks to too much data")]
    Bomb,
    /// Reading took more processor or wall time than allowed.
    #[error("reading the document took too long")]
    Timeout,
    /// The URL's scheme, port or address is not public.
    #[error("the address is not allowed")]
    FetchDenied,
    /// The site did not answer in time.
    #[error("the site did not answer in time")]
    FetchTimeout,
    /// The site refused, broke off, or answered something that is not a page.
    #[error("the site did not give the page")]
    FetchFailed,
    /// The site answered 404 or 410.
    #[error("the page was not found")]
    NotFound,
}

impl Rejection {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Unreadable,
        Self::Empty,
        Self::TooBig,
        Self::Password,
        Self::OcrNeeded,
        Self::TypeMismatch,
        Self::TypeUnsupported,
        Self::Bomb,
        Self::Timeout,
        Self::FetchDenied,
        Self::FetchTimeout,
        Self::FetchFailed,
        Self::NotFound,
    ];

    /// The stable code, `UPPER_SNAKE`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "UNREADABLE",
            Self::Empty => "EMPTY",
            Self::TooBig => "TOO_BIG",
            Self::Password => "PASSWORD",
            Self::OcrNeeded => "OCR_NEEDED",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::TypeUnsupported => "TYPE_UNSUPPORTED",
            Self::Bomb => "BOMB",
            Self::Timeout => "TIMEOUT",
            Self::FetchDenied => "FETCH_DENIED",
            Self::FetchTimeout => "FETCH_TIMEOUT",
            Self::FetchFailed => "FETCH_FAILED",
            Self::NotFound => "NOT_FOUND",
        }
    }

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|rejection| rejection.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_database_and_the_pipe() {
        for rejection in Rejection::ALL {
            assert_eq!(Rejection::from_code(rejection.code()), Some(rejection));
            let json = serde_json::to_string(&rejection).unwrap();
            assert_eq!(json, format!("\"{}\"", rejection.code()));
        }
        assert_eq!(Rejection::from_code("unreadable"), None);
    }
}
