//! Prices as data: the first place a price in an answer may come from.

pub mod catalogue;
mod columns;
pub mod currency;
pub mod import;
mod sheet;
mod version;

use chrono::NaiveDate;
use uuid::Uuid;

pub use version::{Changes, State, Version};

use currency::Currency;

/// A row of a price list.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceItem {
    pub id: Uuid,
    /// Unique in its version.
    pub sku: String,
    pub display_name: String,
    /// Other names clients use.
    pub aliases: Vec<String>,
    /// `шт`, `м²`, `hour`; may be empty.
    pub unit: String,
    /// In minor units of the currency: kopecks, cents.
    pub price_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// The price is the lowest one («от 1 200 ₽»).
    pub price_from: bool,
    /// What an agent may take off, 0–100.
    pub max_discount_percent: i32,
    /// First day, `None` = always.
    pub valid_from: Option<NaiveDate>,
    /// Last day, `None` = always.
    pub valid_until: Option<NaiveDate>,
}

/// A row of an imported list, before it is one of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    pub sku: String,
    pub display_name: String,
    pub aliases: Vec<String>,
    pub unit: String,
    pub price_minor: i64,
    pub currency: String,
    pub price_from: bool,
    pub max_discount_percent: i32,
    pub valid_from: Option<NaiveDate>,
    pub valid_until: Option<NaiveDate>,
}

impl NewItem {
    pub fn with_id(self, id: Uuid) -> PriceItem {
        PriceItem {
            id,
            sku: self.sku,
            display_name: self.display_name,
            aliases: self.aliases,
            unit: self.unit,
            price_minor: self.price_minor,
            currency: self.currency,
            price_from: self.price_from,
            max_discount_percent: self.max_discount_percent,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        }
    }
}

impl PriceItem {
    /// Whether the price holds on `day`; both ends belong to the time.
    pub fn is_valid_on(&self, day: NaiveDate) -> bool {
        self.valid_from.is_none_or(|from| from <= day)
            && self.valid_until.is_none_or(|until| day <= until)
    }

    /// As the model and people read it: `Диван «Осло» (OSLO-2) — от 45 000 ₽ / шт`.
    pub fn line(&self) -> String {
        let russian = is_cyrillic(&self.display_name);
        let from = match (self.price_from, russian) {
            (false, _) => "",
            (true, true) => "от ",
            (true, false) => "from ",
        };
        let amount = match Currency::of_code(&self.currency) {
            Some(currency) => currency.format(self.price_minor, russian),
            None => format!("{} {}", self.price_minor, self.currency),
        };
        let unit = if self.unit.is_empty() {
            String::new()
        } else {
            format!(" / {}", self.unit)
        };
        format!(
            "{} ({}) — {from}{amount}{unit}",
            self.display_name, self.sku
        )
    }
}

fn is_cyrillic(text: &str) -> bool {
    text.chars()
        .any(|char| ('\u{400}'..='\u{4ff}').contains(&char))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> PriceItem {
        PriceItem {
            id: Uuid::nil(),
            sku: "OSLO-2".to_owned(),
            display_name: "Диван «Осло»".to_owned(),
            aliases: Vec::new(),
            unit: "шт".to_owned(),
            price_minor: 4_500_000,
            currency: "RUB".to_owned(),
            price_from: true,
            max_discount_percent: 10,
            valid_from: None,
            valid_until: None,
        }
    }

    #[test]
    fn a_line_reads_as_people_write_prices() {
        assert_eq!(item().line(), "Диван «Осло» (OSLO-2) — от 45 000 ₽ / шт");
        let hour = PriceItem {
            display_name: "Consulting".to_owned(),
            unit: "hour".to_owned(),
            currency: "USD".to_owned(),
            price_minor: 12_050,
            ..item()
        };
        assert_eq!(hour.line(), "Consulting (OSLO-2) — from $120.50 / hour");
    }

    #[test]
    fn both_ends_of_the_validity_belong_to_it() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        let row = PriceItem {
            valid_from: Some(day(2)),
            valid_until: Some(day(4)),
            ..item()
        };
        let valid: Vec<_> = (1..6)
            .filter(|number| row.is_valid_on(day(*number)))
            .collect();
        assert_eq!(valid, [2, 3, 4]);
    }
}
