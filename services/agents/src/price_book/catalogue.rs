//! A version in memory, for finding what a text speaks of.

use std::collections::HashMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::PriceItem;
use super::currency::Currency;
use crate::knowledge::stem::Stemming;
use crate::numbers;

/// Items that match much worse than the best one are not what was asked for.
const WORTH: f32 = 0.5;

/// The items of one version, with the terms of their names, aliases and articles.
#[derive(Debug)]
pub struct Catalogue {
    version: Uuid,
    items: Vec<PriceItem>,
    /// Term to the items that have it, ascending.
    postings: HashMap<Box<str>, Vec<u32>>,
}

impl Catalogue {
    /// Stems every name: for many items, off the threads that serve.
    pub fn new(version: Uuid, items: Vec<PriceItem>) -> Self {
        let mut stemming = Stemming::default();
        let mut postings: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        for (at, item) in (0_u32..).zip(&items) {
            let names = [&item.sku, &item.display_name]
                .into_iter()
                .chain(&item.aliases);
            for name in names {
                stemming.each(name, |term, _| match postings.get_mut(term) {
                    Some(has) if has.last() == Some(&at) => {}
                    Some(has) => has.push(at),
                    None => {
                        postings.insert(term.into(), vec![at]);
                    }
                });
            }
        }
        Self {
            version,
            items,
            postings,
        }
    }

    pub fn version(&self) -> Uuid {
        self.version
    }

    pub fn items(&self) -> &[PriceItem] {
        &self.items
    }

    /// Items valid on `day` whose name, alias or article has words of `text`, best first. Rare
    /// words weigh more than common ones: "диван Осло" is not every sofa.
    pub fn named(&self, text: &str, day: NaiveDate, limit: usize) -> Vec<PriceItem> {
        let mut weights = vec![0.0_f32; self.items.len()];
        for term in terms(text) {
            let Some(has) = self.postings.get(term.as_str()) else {
                continue;
            };
            let weight = (1.0 + self.items.len() as f32 / has.len() as f32).ln();
            for at in has {
                weights[*at as usize] += weight;
            }
        }
        let mut found: Vec<(f32, usize)> = weights
            .into_iter()
            .zip(0..)
            .filter(|(weight, at)| *weight > 0.0 && self.items[*at].is_valid_on(day))
            .collect();
        let best = found.iter().map(|(weight, _)| *weight).fold(0.0, f32::max);
        found.retain(|(weight, _)| *weight >= best * WORTH);
        found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found
            .iter()
            .take(limit)
            .map(|(_, at)| self.items[*at].clone())
            .collect()
    }

    /// Items valid on `day` that cost an amount that `text` names.
    pub fn priced(&self, text: &str, day: NaiveDate, limit: usize) -> Vec<PriceItem> {
        let prices: Vec<(i64, &str)> = numbers::amounts_of_money(text, day)
            .into_iter()
            .filter_map(|(micros, code)| {
                let minor = micros * i128::from(Currency::of_code(code)?.minor_units());
                Some((i64::try_from(minor / numbers::MICROS).ok()?, code))
            })
            .collect();
        let costs =
            |item: &&PriceItem| prices.contains(&(item.price_minor, item.currency.as_str()));
        self.items
            .iter()
            .filter(|item| item.is_valid_on(day))
            .filter(costs)
            .take(limit)
            .cloned()
            .collect()
    }
}

/// The distinct terms of a text.
fn terms(text: &str) -> Vec<String> {
    let mut terms: Vec<String> = Stemming::default()
        .tokens(text)
        .into_iter()
        .map(|token| token.term)
        .collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(sku: &str, name: &str, aliases: &[&str]) -> PriceItem {
        PriceItem {
            id: Uuid::from_u128(sku.bytes().map(u128::from).sum()),
            sku: sku.to_owned(),
            display_name: name.to_owned(),
            aliases: aliases.iter().map(ToString::to_string).collect(),
            unit: String::new(),
            price_minor: 4_500_000,
            currency: "RUB".to_owned(),
            price_from: false,
            max_discount_percent: 0,
            valid_from: None,
            valid_until: None,
        }
    }

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
    }

    fn catalogue() -> Catalogue {
        let mut items = vec![
            item("OSLO-2", "Диван «Осло»", &["софа норвежская"]),
            item("BERGEN", "Диван «Берген»", &[]),
            item("P-40", "Кресло мягкое", &[]),
            item("OLD", "Стул", &[]),
        ];
        items[3].valid_until = NaiveDate::from_ymd_opt(2026, 11, 20);
        items[2].price_minor = 100_000;
        Catalogue::new(Uuid::nil(), items)
    }

    #[test]
    fn items_are_found_by_name_alias_and_article_in_any_form() {
        for (text, expected) in [
            ("Сколько стоит диван Осло?", vec!["OSLO-2"]),
            ("какие диваны есть", vec!["OSLO-2", "BERGEN"]),
            ("почём норвежская софа", vec!["OSLO-2"]),
            ("нужно р-40", vec!["P-40"]),
            ("мягкие кресла", vec!["P-40"]),
            ("стулья", vec![]),
            ("здравствуйте", vec![]),
        ] {
            let found = catalogue().named(text, day(), 10);
            let skus: Vec<_> = found.iter().map(|item| item.sku.as_str()).collect();
            assert_eq!(skus, expected, "{text}");
        }
        assert_eq!(catalogue().named("диваны", day(), 1).len(), 1);
    }

    #[test]
    fn items_are_found_by_price() {
        let skus = |text: &str| -> Vec<String> {
            catalogue()
                .priced(text, day(), 10)
                .into_iter()
                .map(|item| item.sku)
                .collect()
        };
        assert_eq!(skus("Оно стоит 1000 рублей"), ["P-40"]);
        assert_eq!(skus("Оно стоит 1000 долларов"), Vec::<String>::new());
    }
}
