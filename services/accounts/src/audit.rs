//! The log of what was done, as a chain: each record's hash covers the one before it, so that a
//! record cannot be changed, moved, added or left out without being noticed.
//!
//! The last number and hash are kept apart as the head, which is how a missing end is seen. Who
//! can write every table can still write a new chain from the first record on; against that the
//! head must be kept in a second place.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use t11_core::OrgId;
use uuid::Uuid;

use crate::session::Client;

/// Begins what is hashed, so that the hash of a record is the hash of nothing else.
const DOMAIN: &[u8] = b"t11 audit record 1";

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// What was done, or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Made by who writes it down, so that writing it again changes nothing.
    pub(crate) id: Uuid,
    pub(crate) org: OrgId,
    /// `user:…`, `key:…` or `service:…`.
    pub(crate) actor: String,
    /// The full RPC name.
    pub(crate) action: String,
    /// The name of the resource.
    pub(crate) resource: Option<String>,
    pub(crate) request_id: String,
    pub(crate) client_address: Option<String>,
    /// The reason of the refusal.
    pub(crate) error_reason: Option<String>,
    pub(crate) time: DateTime<Utc>,
}

impl Entry {
    /// What a call without a caller did, or tried, with a user's account.
    pub(crate) fn of_user(
        id: Uuid,
        org: OrgId,
        user: Uuid,
        action: &str,
        client: &Client,
        time: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            org,
            actor: format!("user:{user}"),
            action: action.to_owned(),
            resource: None,
            request_id: client.request_id.clone(),
            client_address: client.address.clone(),
            error_reason: None,
            time,
        }
    }

    pub(crate) fn about(self, resource: String) -> Self {
        Self {
            resource: Some(resource),
            ..self
        }
    }

    pub(crate) fn refused(self, reason: &str) -> Self {
        Self {
            error_reason: Some(reason.to_owned()),
            ..self
        }
    }
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) entry: Entry,
    /// 1, 2, 3, … in an organization.
    pub(crate) number: i64,
    pub(crate) previous_hash: Hash,
    pub(crate) hash: Hash,
}

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: i64,
    pub(crate) hash: Hash,
}

impl Head {
    /// The end of a chain without records.
    pub(crate) const START: Self = Self {
        number: 0,
        hash: [0; 32],
    };

    /// Puts `entry` at the end.
    pub(crate) fn append(&mut self, entry: Entry) -> Record {
        let (number, previous_hash) = (self.number + 1, self.hash);
        let hash = hash(&entry, number, &previous_hash);
        *self = Self { number, hash };
        Record {
            entry,
            number,
            previous_hash,
            hash,
        }
    }
}

/// The first place where a chain is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// A record was changed, or its hash was.
    #[error("audit record {number} is not what was written")]
    Changed { number: i64 },
    /// Records are missing, added or in another order.
    #[error("audit record {expected} is missing; {found} is in its place")]
    Gap { expected: i64, found: i64 },
    /// A record does not follow the one before it.
    #[error("audit record {number} does not follow the one before it")]
    Detached { number: i64 },
    /// A record of another organization.
    #[error("audit record {number} is of another organization")]
    Foreign { number: i64 },
    /// The end of the chain is not where the head says.
    #[error("the audit log ends at record {found}, and should at {expected}")]
    WrongEnd { expected: i64, found: i64 },
}

/// Walks a chain from its first record.
#[derive(Debug)]
pub(crate) struct ChainWalk {
    org: OrgId,
    end: Head,
}

impl ChainWalk {
    pub(crate) fn new(org: OrgId) -> Self {
        Self {
            org,
            end: Head::START,
        }
    }

    /// The number of the last record seen.
    pub(crate) fn number(&self) -> i64 {
        self.end.number
    }

    pub(crate) fn step(&mut self, record: &Record) -> Result<(), BrokenChain> {
        let number = record.number;
        if record.entry.org != self.org {
            return Err(BrokenChain::Foreign { number });
        }
        if number != self.end.number + 1 {
            return Err(BrokenChain::Gap {
                expected: self.end.number + 1,
                found: number,
            });
        }
        if record.previous_hash != self.end.hash {
            return Err(BrokenChain::Detached { number });
        }
        if record.hash != hash(&record.entry, number, &record.previous_hash) {
            return Err(BrokenChain::Changed { number });
        }
        self.end = Head {
            number,
            hash: record.hash,
        };
        Ok(())
    }

    /// After the last record: it must be the head.
    pub(crate) fn finish(self, head: Head) -> Result<(), BrokenChain> {
        if self.end == head {
            Ok(())
        } else if self.end.number == head.number {
            Err(BrokenChain::Changed {
                number: head.number,
            })
        } else {
            Err(BrokenChain::WrongEnd {
                expected: head.number,
                found: self.end.number,
            })
        }
    }
}

/// SHA-256 of the hash before and of every field, each with its length before it.
fn hash(entry: &Entry, number: i64, previous_hash: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(previous_hash);
    hash.update(number.to_be_bytes());
    hash.update(entry.id.as_bytes());
    hash.update(entry.org.0.as_bytes());
    hash.update(entry.time.timestamp_micros().to_be_bytes());
    let fields = [
        Some(&entry.actor),
        Some(&entry.action),
        entry.resource.as_ref(),
        Some(&entry.request_id),
        entry.client_address.as_ref(),
        entry.error_reason.as_ref(),
    ];
    for field in fields {
        hash.update([u8::from(field.is_some())]);
        let field = field.map_or("", |field| field.as_str());
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests;
