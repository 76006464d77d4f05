//! The number rule: nothing countable leaves without a source.

use chrono::NaiveDate;

use crate::price_book::PriceItem;

/// Where numbers of an answer may come from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Rows the turn has found; those not valid today are passed over.
    pub prices: &'a [PriceItem],
    /// Resource and text of what the sentence cites.
    pub passages: &'a [(&'a str, &'a str)],
    /// What the client has written.
    pub client_texts: &'a [String],
    /// The agent's instructions: no source of money and percents.
    pub instructions: &'a str,
    /// In the organization's time zone.
    pub today: NaiveDate,
}

/// A number found in a text, and whether it has a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// As it stands in the text.
    pub text: String,
    pub kind: Kind,
    /// `items/{item}`, a passage's resource, `client`, `instructions`.
    pub source: Option<String>,
}

/// What a number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Money,
    Percent,
    Date,
    Duration,
    Quantity,
    Phone,
    Link,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Percent => "percent",
            Self::Date => "date",
            Self::Duration => "duration",
            Self::Quantity => "quantity",
            Self::Phone => "phone",
            Self::Link => "link",
        }
    }
}

impl Finding {
    pub fn allowed(&self) -> bool {
        self.source.is_some()
    }
}

/// The numbers of `text`. Until kinds are told apart, every run of digits must stand in a source.
pub fn check(text: &str, evidence: &Evidence<'_>) -> Vec<Finding> {
    let source = |digits: &str| {
        let holds = |text: &str| runs(text).any(|run| run == digits);
        let price = evidence.prices.iter().find(|item| holds(&item.line()));
        let passage = || evidence.passages.iter().find(|(_, text)| holds(text));
        let client = || evidence.client_texts.iter().any(|text| holds(text));
        price
            .map(|item| t11_core::format_name("items", item.id))
            .or_else(|| passage().map(|(resource, _)| (*resource).to_owned()))
            .or_else(|| client().then(|| "client".to_owned()))
    };
    runs(text)
        .map(|digits| Finding {
            text: digits.to_owned(),
            kind: Kind::Quantity,
            source: source(digits),
        })
        .collect()
}

fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_ascii_digit())
        .filter(|run| !run.is_empty())
}
