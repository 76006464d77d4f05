//! Optimistic concurrency (AIP-154): a quoted revision number.

use crate::{Fault, FaultKind};

/// The etag of a resource at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etag(String);

/// The resource changed since it was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the resource changed since it was read; read it again and repeat the change")]
pub struct StaleEtag;

impl Fault for StaleEtag {
    fn kind(&self) -> FaultKind {
        FaultKind::Stale
    }
    fn reason(&self) -> &'static str {
        "ETAG_STALE"
    }
}

impl Etag {
    /// The etag of revision `rev`.
    pub fn of(rev: i64) -> Self {
        Self(format!("\"{rev}\""))
    }

    /// `given` is empty (no check asked) or must equal this etag.
    ///
    /// # Errors
    /// [`StaleEtag`] otherwise.
    pub fn check(&self, given: &str) -> Result<(), StaleEtag> {
        if given.is_empty() || given == self.0 {
            Ok(())
        } else {
            Err(StaleEtag)
        }
    }
}

impl From<Etag> for String {
    fn from(etag: Etag) -> Self {
        etag.0
    }
}
