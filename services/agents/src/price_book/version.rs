//! Versions of a price book: what an import made, never changed afterwards.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::import::RowError;
use super::{NewItem, PriceItem};

/// Whether agents use a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Draft,
    Live,
    /// Was live before.
    Retired,
}

/// One import.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    pub id: Uuid,
    /// From 1, in the order of imports.
    pub number: i32,
    pub state: State,
    pub file_name: String,
    pub item_count: i32,
    /// Rows that could not be read.
    pub error_count: i32,
    /// Whoever imported it asked to leave such rows out.
    pub skip_bad_rows: bool,
    /// Against the version live at the time.
    pub changes: Changes,
    pub errors: Vec<RowError>,
    pub create_time: DateTime<Utc>,
    pub publish_time: Option<DateTime<Utc>>,
}

/// How many items a version adds, changes and removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
}

impl Version {
    /// Whether agents may be given it.
    pub fn is_publishable(&self) -> bool {
        self.item_count > 0 && (self.error_count == 0 || self.skip_bad_rows)
    }
}

impl Changes {
    /// Items are the same when their articles are, whatever the case of letters.
    pub fn between(live: &[PriceItem], new: &[NewItem]) -> Self {
        let mut before: HashMap<String, &PriceItem> = live
            .iter()
            .map(|item| (item.sku.to_lowercase(), item))
            .collect();
        let mut changes = Self::default();
        for item in new {
            match before.remove(&item.sku.to_lowercase()) {
                None => changes.added += 1,
                Some(old) if *old != item.clone().with_id(old.id) => changes.changed += 1,
                Some(_) => {}
            }
        }
        changes.removed = before.len();
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(sku: &str, price_minor: i64) -> NewItem {
        NewItem {
            sku: sku.to_owned(),
            display_name: sku.to_owned(),
            aliases: Vec::new(),
            unit: String::new(),
            price_minor,
            currency: "RUB".to_owned(),
            price_from: false,
            max_discount_percent: 0,
            valid_from: None,
            valid_until: None,
        }
    }

    #[test]
    fn changes_are_counted_by_article() {
        let live: Vec<_> = [new("A", 1), new("B", 2), new("C", 3)]
            .into_iter()
            .map(|item| item.with_id(Uuid::nil()))
            .collect();
        let changes = Changes::between(&live, &[new("A", 1), new("B", 5), new("D", 4)]);
        assert_eq!(
            changes,
            Changes {
                added: 1,
                changed: 1,
                removed: 1
            }
        );
    }
}
