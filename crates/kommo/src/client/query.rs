//! Parameters of an address, in PHP's brackets.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use url::Url;

/// From and to, both included, in whole seconds; either may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Not after.
    pub to: Option<DateTime<Utc>>,
}

impl TimeRange {
    /// Everything since.
    #[must_use]
    pub fn since(from: DateTime<Utc>) -> Self {
        Self {
            from: Some(from),
            to: None,
        }
    }
}

/// Parameters of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn add(&mut self, key: impl Into<String>, value: impl Display) {
        self.0.push((key.into(), value.to_string()));
    }

    pub(crate) fn add_some(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    /// `key[0]=…&key[1]=…`.
    pub(crate) fn add_list(&mut self, key: &str, values: impl IntoIterator<Item = impl Display>) {
        for (index, value) in values.into_iter().enumerate() {
            self.add(format!("{key}[{index}]"), value);
        }
    }

    /// `key[from]=…&key[to]=…` in unix seconds.
    pub(crate) fn add_range(&mut self, key: &str, range: &TimeRange) {
        let bounds = [("from", range.from), ("to", range.to)];
        for (name, bound) in bounds {
            if let Some(bound) = bound {
                self.add(format!("{key}[{name}]"), bound.timestamp());
            }
        }
    }

    /// `key=a,b`; nothing when there is none.
    pub(crate) fn add_joined<'a>(&mut self, key: &str, words: impl IntoIterator<Item = &'a str>) {
        let text = super::joined(words);
        if !text.is_empty() {
            self.add(key, text);
        }
    }

    pub(crate) fn append_to(self, url: &mut Url) {
        if !self.0.is_empty() {
            url.query_pairs_mut().extend_pairs(self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_as_php_reads_them() {
        let mut query = Query::default();
        query.add_joined("with", ["contacts", "loss_reason"]);
        query.add_list("filter[id]", [1, 2]);
        let from = DateTime::from_timestamp_secs(1_760_000_000).unwrap();
        query.add_range("filter[updated_at]", &TimeRange::since(from));
        query.add_some("query", Some("+1 555&x"));
        query.add_some("page", None::<u16>);
        query.add_joined("none", []);
        let mut url = Url::parse("https://acme.kommo.com/api/v4/leads").unwrap();
        query.append_to(&mut url);
        let read: Vec<_> = url.query_pairs().into_owned().collect();
        let expected = [
            ("with", "contacts,loss_reason"),
            ("filter[id][0]", "1"),
            ("filter[id][1]", "2"),
            ("filter[updated_at][from]", "1760000000"),
            ("query", "+1 555&x"),
        ];
        assert_eq!(
            read,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }
}
