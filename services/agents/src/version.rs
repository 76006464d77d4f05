//! Versions of an agent: what it answers from, as it was when it was published.

mod diff;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use diff::{Change, changes};

use crate::agent::Settings;
use crate::crm_settings::CrmRules;
use crate::playbook::{NewResponse, NewScript};

/// Versions of an agent whose readings and price lists are kept, beside the live one.
pub const KEPT: i32 = 20;

/// A version by its id and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRef {
    pub id: Uuid,
    /// From 1.
    pub number: i32,
}

/// All that an agent answers from but the knowledge, which is pinned source by source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub display_name: String,
    pub settings: Settings,
    pub crm: CrmRules,
    /// Published ones that the agent might use, by id.
    pub scripts: BTreeMap<Uuid, NewScript>,
    /// Published ones that the agent might use, by id.
    pub responses: BTreeMap<Uuid, NewResponse>,
    /// Of the price book: id and number; `None` when none was live.
    pub prices: Option<(Uuid, i32)>,
}

/// A source as a version searches it: in this reading, under this category, until that day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub source: Uuid,
    pub reading: i64,
    pub display_name: String,
    pub category: Option<Uuid>,
    pub valid_until: Option<NaiveDate>,
}

/// What an agent answers from in the place of its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Frozen {
    /// `None`: the draft as it was at a moment, and the knowledge of the day.
    pub version: Option<VersionRef>,
    pub snapshot: Snapshot,
}

/// A version as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    pub id: Uuid,
    pub agent_id: Uuid,
    pub number: i32,
    pub snapshot: Snapshot,
    pub sha256: String,
    pub index_version: i64,
    pub source_count: i32,
    /// Whether its readings and its price list are kept.
    pub pinned: bool,
    pub live: bool,
    pub note: String,
    pub creator: Option<Uuid>,
    pub override_reason: String,
    /// Suite and run that passed on this content.
    pub eval_run: Option<(Uuid, Uuid)>,
    pub create_time: DateTime<Utc>,
    pub publish_time: DateTime<Utc>,
}

/// SHA-256 of what is answered from, hexadecimal. Names of sources are not answered from.
pub fn digest(snapshot: &Snapshot, pins: &[Pin]) -> Result<String, serde_json::Error> {
    let mut pins: Vec<_> = pins
        .iter()
        .map(|pin| (pin.source, pin.reading, pin.category, pin.valid_until))
        .collect();
    pins.sort_unstable();
    let bytes = serde_json::to_vec(&(snapshot, pins))?;
    let hash = Sha256::digest(bytes);
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
