//! The numbers of a text, one after another.

mod day;
mod place;

use std::ops::Range;

use chrono::NaiveDate;

use super::amount::{self, Amount, Unit};
use super::claim::{Bound, Claim, Count, Date, MICRO, Value};
use super::fold::Folded;
use super::token::{Lexeme, Token, plain_code, tokens};
use super::words;
use super::written::{self, Context};
use crate::knowledge::stem::Stemming;

/// Every number of `text`, in order.
pub(super) fn claims(folded: &Folded, original: &str, today: NaiveDate) -> Vec<Claim> {
    let text = folded.text.as_str();
    let cyrillic = text
        .chars()
        .any(|char| ('\u{400}'..='\u{4ff}').contains(&char));
    let context = Context { today, cyrillic };
    let tokens = tokens(text, written::find(text, &context));
    let sentences = place::sentences(&tokens);
    let mut scan = Scan {
        folded,
        original,
        tokens: &tokens,
        sentences: &sentences,
        context,
        stemming: None,
        claims: Vec::new(),
    };
    let mut at = 0;
    while at < tokens.len() {
        at = scan.step(at).max(at + 1);
    }
    scan.claims
}

struct Scan<'t> {
    folded: &'t Folded,
    original: &'t str,
    tokens: &'t [Token<'t>],
    sentences: &'t [super::claim::Sentence],
    context: Context,
    stemming: Option<Stemming>,
    claims: Vec<Claim>,
}

impl<'t> Scan<'t> {
    /// Reads what begins at a token; the token to go on from.
    fn step(&mut self, at: usize) -> usize {
        let token = &self.tokens[at];
        match &token.lexeme {
            Lexeme::Read(value) => self.claim(at..at + 1, value.clone(), Bound::Exact),
            Lexeme::Code => self.claim(
                at..at + 1,
                Value::Code(plain_code(token.text)),
                Bound::Exact,
            ),
            Lexeme::Sign(_) => self.money_after_sign(at).unwrap_or(at + 1),
            Lexeme::NewLine => at + 1,
            Lexeme::Number(_) => self
                .list_mark(at)
                .or_else(|| self.day_of_month(at))
                .or_else(|| self.ordinal(at))
                .or_else(|| self.amounts(at))
                .unwrap_or(at + 1),
            Lexeme::Word => self
                .day_word(at)
                .or_else(|| self.money_after_sign(at))
                .or_else(|| self.amounts(at))
                .or_else(|| self.unit_alone(at))
                .unwrap_or(at + 1),
        }
    }

    /// Keeps a claim made by a run of tokens; the token after it.
    fn claim(&mut self, run: Range<usize>, value: Value, bound: Bound) -> usize {
        let (first, last) = (&self.tokens[run.start], &self.tokens[run.end - 1]);
        let span = first.span.start..last.span.end;
        let sentence = self.sentences[run.start];
        self.claims.push(Claim {
            span,
            value,
            bound,
            sentence,
        });
        run.end
    }

    fn word(&self, at: usize) -> Option<&'t str> {
        self.tokens.get(at).and_then(|token| token.word())
    }

    fn is_sign(&self, at: usize, signs: &[char]) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.is_sign(signs))
    }

    fn home_currency(&self) -> &'static str {
        if self.context.cyrillic { "RUB" } else { "USD" }
    }

    /// `$500`, `USD 1,200–1,500`.
    fn money_after_sign(&mut self, at: usize) -> Option<usize> {
        let token = &self.tokens[at];
        let unit = match token.lexeme {
            Lexeme::Word => {
                words::currency(token.text).map(|currency| Unit::Money(currency.code()))
            }
            _ => amount::currency_sign(token),
        }?;
        if !matches!(self.tokens.get(at + 1)?.lexeme, Lexeme::Number(_)) {
            return None;
        }
        let first = amount::amount(self.tokens, at + 1, true)?;
        // «В ₽: 3 дня» is no money.
        if matches!(
            amount::unit(self.tokens, first.end),
            Some((Unit::Time(..) | Unit::Measure(_) | Unit::Percent, _))
        ) {
            return None;
        }
        let bound = self.bound(at);
        let second = self.connected(at, &first).and_then(|(from, joined)| {
            let second = amount::amount(self.tokens, from, true)?;
            (joined == Joined::Range).then_some(second)
        });
        let Some(second) = second else {
            let end = match amount::unit(self.tokens, first.end) {
                Some((again, end)) if again == unit => end,
                _ => first.end,
            };
            return Some(self.claim(at..end, amount::value(first.micros, unit), bound));
        };
        self.claim(
            at..second.end,
            amount::value(lifted(&first, &second), unit),
            Bound::From,
        );
        Some(self.claim(
            at..second.end,
            amount::value(second.micros, unit),
            Bound::UpTo,
        ))
    }

    /// An amount, or two that share a unit.
    fn amounts(&mut self, at: usize) -> Option<usize> {
        let first = amount::amount(self.tokens, at, false)?;
        if let Some((unit, end)) = amount::unit(self.tokens, first.end) {
            let (micros, end) = self.with_cents(first.micros, unit, end);
            return Some(self.claim(
                at..end,
                amount::value(micros, unit),
                self.bound_around(at, first.end),
            ));
        }
        if let Some((from, joined)) = self.connected(at, &first)
            && let Some(second) = amount::amount(self.tokens, from, false)
            && !second.weak
        {
            return Some(self.joined(at, &first, &second, joined));
        }
        Some(self.unitless(at, &first))
    }

    fn joined(&mut self, at: usize, first: &Amount, second: &Amount, joined: Joined) -> usize {
        let bounds = match joined {
            Joined::Range => (Bound::From, Bound::UpTo),
            Joined::Either => (self.bound(at), self.bound(at)),
        };
        let low = lifted(first, second);
        match amount::unit(self.tokens, second.end) {
            Some((unit, end)) => {
                self.claim(at..end, amount::value(low, unit), bounds.0);
                self.claim(at..end, amount::value(second.micros, unit), bounds.1)
            }
            None => {
                let low_value = self.bare(at, low, second);
                let high_value = self.bare(at, second.micros, second);
                self.claim(at..second.end, low_value, bounds.0);
                self.claim(at..second.end, high_value, bounds.1)
            }
        }
    }

    /// «45 рублей 50 копеек».
    fn with_cents(&self, micros: i128, unit: Unit, end: usize) -> (i128, usize) {
        if let Unit::Money(currency) = unit
            && let Some(rest) = amount::amount(self.tokens, end, false)
            && let Some((Unit::Cents(of), after)) = amount::unit(self.tokens, rest.end)
            && of == currency
        {
            return (micros + rest.micros / 100, after);
        }
        (micros, end)
    }

    fn unitless(&mut self, at: usize, amount: &Amount) -> usize {
        let talk = self.word(amount.end).is_some_and(words::is_talk_noun);
        if amount.weak || (talk && amount.micros <= 10 * MICRO) {
            return amount.end;
        }
        let value = self.bare(at, amount.micros, amount);
        self.claim(at..amount.end, value, self.bound_around(at, amount.end))
    }

    /// What an amount without a unit says, by the words around it.
    fn bare(&mut self, at: usize, micros: i128, amount: &Amount) -> Value {
        if let Some(unit) = self.label(at) {
            return amount::value(micros, unit);
        }
        if let Some(year) = self.year(at, micros) {
            return Value::Date(Date::Year(year));
        }
        if self.is_article_number(at) {
            return Value::Code((micros / MICRO).to_string());
        }
        let counted = self
            .word(amount.end)
            .is_some_and(|word| !words::is_function_word(word));
        let money = Unit::Money(self.home_currency());
        let large = micros >= 100 * MICRO;
        if self.beside_price(at) && (large || !counted) {
            return amount::value(micros, money);
        }
        let after_for = at > 0 && matches!(self.word(at - 1), Some("за" | "for"));
        if !counted && (amount.scaled.is_some() || (after_for && large)) {
            return amount::value(micros, money);
        }
        if !counted && self.beside_stock(at) {
            return amount::value(micros, Unit::Measure("piece"));
        }
        Value::Count(self.count(at, micros, amount.end))
    }

    fn count(&mut self, at: usize, micros: i128, end: usize) -> Count {
        let (before, named) = self.name_before(at);
        let mut after = Vec::new();
        for ahead in end..end + 2 {
            let Some(word) = self
                .word(ahead)
                .filter(|word| !words::is_function_word(word))
            else {
                break;
            };
            after.push(self.stem(word));
        }
        Count {
            micros,
            before,
            named,
            after,
        }
    }

    fn stem(&mut self, word: &str) -> String {
        let stemming = self.stemming.get_or_insert_default();
        stemming
            .tokens(word)
            .into_iter()
            .next()
            .map_or_else(|| word.to_owned(), |token| token.term)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joined {
    /// «10–20», «от 10 до 20».
    Range,
    /// «2 или 3».
    Either,
}

/// The first of two amounts, lifted to the scale of the second: 10 in «от 10 до 20 тысяч».
fn lifted(first: &Amount, second: &Amount) -> i128 {
    match (first.scaled, second.scaled) {
        (None, Some((group, by))) if first.micros <= group => first.micros.saturating_mul(by),
        _ => first.micros,
    }
}
