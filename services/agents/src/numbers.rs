//! The number rule: nothing countable leaves without a source.
//!
//! Every amount of money, percent, date, span of time, quantity, phone and link of an outgoing text
//! must be one of
//! - a price row valid today: its price, its lowest price when the text says «от» too, or a discount
//!   not above what the rows named in the sentence (all rows, when it names none) allow;
//! - a passage that the sentence cites;
//! - the client's own words: money only where the sentence quotes («ваш бюджет») and states no
//!   price, percents never, since whoever asks for 90 % off would hear it confirmed;
//! - the agent's instructions, but for money and percents.
//!
//! Values are compared with their kind, their currency or unit, and whether they are exact, lowest
//! or highest: «до 15 %» is no source of «15 %». A price that would have to be computed has none.
//! Amounts without a currency are rubles in Cyrillic text and dollars in other text. A date without
//! a year is of this year. What is not understood is a quantity of itself, and so has no source
//! unless it stands there in the same words.

mod amount;
mod claim;
mod fold;
mod scan;
mod token;
mod words;
mod written;

#[cfg(test)]
mod tests;

use std::cell::OnceCell;

use chrono::NaiveDate;

use crate::knowledge::stem::Stemming;
use crate::price_book::PriceItem;
use crate::price_book::currency::Currency;

pub use claim::MICRO as MICROS;

use claim::{Bound, Claim, MICRO, Sentence, Value};
use fold::Folded;

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

    /// Only the company's data may say what things cost.
    fn is_price(self) -> bool {
        matches!(self, Self::Money | Self::Percent)
    }
}

impl Finding {
    pub fn allowed(&self) -> bool {
        self.source.is_some()
    }
}

/// Every number of `text` in order, each with where it comes from.
pub fn check(text: &str, evidence: &Evidence<'_>) -> Vec<Finding> {
    let folded = Folded::new(text);
    let claims = scan::claims(&folded, text, evidence.today);
    if claims.is_empty() {
        return Vec::new();
    }
    let sources = Sources::read(evidence);
    let mut findings: Vec<Finding> = Vec::new();
    let mut last = None;
    for claim in claims {
        let source = sources.of(&claim, &folded.text[..]);
        // Both ends of a range are one number to people.
        if last == Some(claim.span.clone())
            && let Some(finding) = findings.last_mut()
        {
            finding.source = finding.source.take().and(source);
            continue;
        }
        findings.push(Finding {
            text: text[folded.original(&claim.span)].to_owned(),
            kind: claim.value.kind(),
            source,
        });
        last = Some(claim.span);
    }
    findings
}

/// A price as it stands in the cell of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenPrice {
    /// In millionths of the currency.
    pub micros: i128,
    pub currency: Option<Currency>,
    /// «От».
    pub from: bool,
    /// What it is the price of: «шт» in «100 ₽/шт».
    pub unit: String,
}

/// Reads `1 200,50`, `от 1 200 ₽`, `$5`, `750 ₽/м²`; nothing when anything else stands there.
pub fn written_price(text: &str) -> Option<WrittenPrice> {
    let folded = Folded::new(text);
    let tokens = token::tokens(&folded.text, Vec::new());
    let mut at = 0;
    let from = matches!(tokens.first()?.word(), Some("от" | "from"));
    at += usize::from(from);
    let currency = |unit: amount::Unit| match unit {
        amount::Unit::Money(code) => Currency::of_code(code),
        _ => None,
    };
    let mut sign = tokens
        .get(at)
        .and_then(amount::currency_sign)
        .and_then(currency);
    at += usize::from(sign.is_some());
    let amount = amount::amount(&tokens, at, sign.is_some())?;
    at = amount.end;
    if let Some((unit, end)) = amount::unit(&tokens, at) {
        sign = Some(currency(unit)?).filter(|found| sign.is_none_or(|sign| sign == *found));
        sign?;
        at = end;
    }
    at += usize::from(tokens.get(at).is_some_and(|token| token.is_sign(&['.'])));
    let mut unit = String::new();
    if tokens.get(at).is_some_and(|token| token.is_sign(&['/'])) {
        unit = text[folded.original(&(tokens.get(at + 1)?.span.start..folded.text.len()))]
            .trim()
            .to_owned();
        at = tokens.len();
    }
    (at == tokens.len() && !amount.weak).then_some(WrittenPrice {
        micros: amount.micros,
        currency: sign,
        from,
        unit,
    })
}

/// The amounts of money a text names, in millionths, with their currencies.
pub fn amounts_of_money(text: &str, today: NaiveDate) -> Vec<(i128, &'static str)> {
    let claims = claims_of(text, today).into_iter();
    let money = |claim: Claim| match claim.value {
        Value::Money { micros, currency } => Some((micros, currency)),
        _ => None,
    };
    claims.filter_map(money).collect()
}

/// The discounts a text offers, in millionths of a percent.
pub fn discounts(text: &str, today: NaiveDate) -> Vec<i128> {
    let claims = claims_of(text, today).into_iter();
    let offered = claims.filter(|claim| claim.sentence.speaks_of_discount);
    let percent = offered.filter_map(|claim| match claim.value {
        Value::Percent(micros) => Some(micros),
        _ => None,
    });
    percent.collect()
}

/// The numbers of everything a text may lean on, read when they are asked for.
struct Sources<'a> {
    evidence: Evidence<'a>,
    rows: Vec<(&'a PriceItem, Vec<Claim>)>,
    passages: OnceCell<Vec<(&'a str, Vec<Claim>)>>,
    client: OnceCell<Vec<Claim>>,
    instructions: OnceCell<Vec<Claim>>,
}

impl<'a> Sources<'a> {
    fn read(evidence: &Evidence<'a>) -> Self {
        let valid = evidence
            .prices
            .iter()
            .filter(|item| item.is_valid_on(evidence.today));
        let claims = |text: &str| claims_of(text, evidence.today);
        Self {
            evidence: *evidence,
            rows: valid.map(|item| (item, row_claims(item, claims))).collect(),
            passages: OnceCell::new(),
            client: OnceCell::new(),
            instructions: OnceCell::new(),
        }
    }

    fn of(&self, claim: &Claim, text: &str) -> Option<String> {
        let kind = claim.value.kind();
        let backed = |claims: &[Claim]| claims.iter().any(|source| source.backs(claim));
        let row = || {
            self.rows
                .iter()
                .find(|(_, claims)| backed(claims))
                .map(|(item, _)| *item)
        };
        if let Some(item) = row().or_else(|| self.discount(claim, text)) {
            return Some(t11_core::format_name("items", item.id));
        }
        if let Some((name, _)) = self.passages().iter().find(|(_, claims)| backed(claims)) {
            return Some((*name).to_owned());
        }
        if may_be_quoted(claim) && self.client().iter().any(|said| said.backs_quote(claim)) {
            return Some("client".to_owned());
        }
        (!kind.is_price() && backed(self.instructions())).then(|| "instructions".to_owned())
    }

    fn passages(&self) -> &[(&'a str, Vec<Claim>)] {
        let Evidence {
            passages, today, ..
        } = self.evidence;
        let read = || {
            passages
                .iter()
                .map(|(name, text)| (*name, claims_of(text, today)))
        };
        self.passages.get_or_init(|| read().collect())
    }

    fn client(&self) -> &[Claim] {
        let Evidence {
            client_texts,
            today,
            ..
        } = self.evidence;
        let read = || client_texts.iter().flat_map(|text| claims_of(text, today));
        self.client.get_or_init(|| read().collect())
    }

    fn instructions(&self) -> &[Claim] {
        let Evidence {
            instructions,
            today,
            ..
        } = self.evidence;
        self.instructions
            .get_or_init(|| claims_of(instructions, today))
    }

    /// The row that allows a discount: of those the text names, or of all, the least generous.
    fn discount(&self, claim: &Claim, text: &str) -> Option<&'a PriceItem> {
        let Value::Percent(micros) = claim.value else {
            return None;
        };
        if !claim.sentence.speaks_of_discount || claim.bound == Bound::From || micros <= 0 {
            return None;
        }
        let mut stemming = Stemming::default();
        let said: Vec<String> = stemming
            .tokens(text)
            .into_iter()
            .map(|token| token.term)
            .collect();
        let mut named = self.rows.iter().map(|(item, _)| *item).filter(|item| {
            let mut name = stemming.tokens(&item.display_name).into_iter();
            name.all(|token| said.contains(&token.term))
        });
        let all = || self.rows.iter().map(|(item, _)| *item);
        let strictest = match named.next() {
            Some(first) => named
                .chain([first])
                .min_by_key(|item| item.max_discount_percent),
            None => all().min_by_key(|item| item.max_discount_percent),
        }?;
        (micros <= i128::from(strictest.max_discount_percent) * MICRO).then_some(strictest)
    }
}

/// A price row says its price, its article and whatever stands in its names.
fn row_claims(item: &PriceItem, claims: impl Fn(&str) -> Vec<Claim>) -> Vec<Claim> {
    let own = |value, bound| Claim {
        span: 0..0,
        value,
        bound,
        sentence: Sentence::default(),
    };
    let mut all = vec![own(
        Value::Code(token::plain_code(&item.sku.to_lowercase())),
        Bound::Exact,
    )];
    if let Some(currency) = Currency::of_code(&item.currency) {
        let micros = i128::from(item.price_minor) * MICRO / i128::from(currency.minor_units());
        let price = amount::value(micros, amount::Unit::Money(currency.code()));
        all.push(own(
            price,
            if item.price_from {
                Bound::From
            } else {
                Bound::Exact
            },
        ));
    }
    let names = [&item.sku, &item.display_name]
        .into_iter()
        .chain(&item.aliases);
    all.extend(names.flat_map(|name| claims(name)));
    all
}

/// Quoting back is no promise, as long as it is the client who is quoted.
fn may_be_quoted(claim: &Claim) -> bool {
    match claim.value.kind() {
        Kind::Percent => false,
        Kind::Money => claim.sentence.quotes_client && !claim.sentence.states_price,
        _ => true,
    }
}

fn claims_of(text: &str, today: NaiveDate) -> Vec<Claim> {
    scan::claims(&Folded::new(text), text, today)
}
