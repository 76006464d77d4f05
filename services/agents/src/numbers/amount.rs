//! An amount and its unit, in digits, in words, or both: «1 млн 200 тыс.», «полторы тысячи».

use super::claim::{MICRO, TimeUnit, Value};
use super::token::{Lexeme, Token};
use super::words::{self, Part};

/// An amount that begins at a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) micros: i128,
    /// The token after it.
    pub(super) end: usize,
    /// What stood before the last scale word, and that scale: 20 and 1000 in «20 тысяч».
    pub(super) scaled: Option<(i128, i128)>,
    /// Rather an article or a figure of speech, unless a unit follows.
    pub(super) weak: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Percent,
    Money(&'static str),
    /// A hundredth of a currency.
    Cents(&'static str),
    Time(TimeUnit, i128),
    Measure(&'static str),
}

/// Adds up the parts of an amount.
struct Sum<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
    total: i128,
    group: Option<i128>,
    /// What is added next must be less: after «двадцать» less than ten, after «тысяч» than 1000.
    room: i128,
    scale_room: i128,
    scaled: Option<(i128, i128)>,
    weak: bool,
}

pub(super) fn amount(tokens: &[Token<'_>], at: usize, after_currency: bool) -> Option<Amount> {
    let mut sum = Sum {
        tokens,
        at,
        total: 0,
        group: None,
        room: i128::MAX,
        scale_room: i128::MAX,
        scaled: None,
        weak: true,
    };
    while sum.take(after_currency || sum.at > at) {}
    let micros = sum.total + sum.group.unwrap_or(0);
    (sum.at > at).then_some(Amount {
        micros,
        end: sum.at,
        scaled: sum.scaled,
        weak: sum.weak,
    })
}

impl<'t> Sum<'t> {
    fn token(&self, ahead: usize) -> Option<&'t Token<'t>> {
        self.tokens.get(self.at + ahead)
    }

    fn word(&self, ahead: usize) -> Option<&'t str> {
        self.token(ahead).and_then(|token| token.word())
    }

    fn started(&self) -> bool {
        self.group.is_some() || self.scaled.is_some()
    }

    /// Takes the next part; `false` when the amount is over.
    fn take(&mut self, after_currency: bool) -> bool {
        let Some(token) = self.token(0) else {
            return false;
        };
        match &token.lexeme {
            Lexeme::Number(micros) => self.number(*micros, after_currency),
            Lexeme::Word => self.words(token.text),
            // "twenty-five"
            Lexeme::Sign('-') if self.started() && token.glued => {
                self.word(1).is_some_and(|word| self.fits(word)) && self.skip(1)
            }
            _ => false,
        }
    }

    fn skip(&mut self, tokens: usize) -> bool {
        self.at += tokens;
        true
    }

    fn number(&mut self, micros: i128, after_currency: bool) -> bool {
        if self.group.is_some() || micros >= self.room {
            return false;
        }
        self.weak = false;
        self.group = Some(micros);
        self.room = 0;
        self.at += 1;
        let glued = self
            .token(0)
            .filter(|token| token.glued)
            .and_then(|token| token.word());
        if let Some(by) = glued.and_then(|word| words::glued_scale(word, after_currency)) {
            self.scale(by);
        }
        true
    }

    fn words(&mut self, word: &str) -> bool {
        if self.started() && self.group.is_some() {
            let half = [self.word(0), self.word(1), self.word(2)];
            if half[..2] == [Some("с"), Some("половиной")] {
                return self.add_half(2);
            }
            if half == [Some("and"), Some("a"), Some("half")] {
                return self.add_half(3);
            }
        }
        if word == "and" && self.started() && self.room > 0 {
            return self.word(1).is_some_and(|word| self.fits(word)) && self.skip(1);
        }
        if matches!(word, "a" | "an") {
            return self.article();
        }
        match words::part(word) {
            Some(Part::Value { tenths, room }) => {
                self.value(word, tenths * MICRO / 10, room * MICRO)
            }
            Some(Part::Hundred) => self.hundred(),
            Some(Part::Scale { by, alone }) if self.group.is_some() || alone => self.scale(by),
            _ => false,
        }
    }

    /// Whether `word` could be the next part.
    fn fits(&self, word: &str) -> bool {
        match words::part(word) {
            Some(Part::Value { tenths, .. }) => {
                tenths * MICRO / 10 < self.room && self.room != i128::MAX
            }
            _ => false,
        }
    }

    /// "a hundred", "half a million".
    fn article(&mut self) -> bool {
        let multiplies = |word| {
            matches!(
                words::part(word),
                Some(Part::Hundred | Part::Scale { alone: true, .. })
            ) || matches!(word, "dozen" | "couple")
        };
        let half = self.group == Some(MICRO / 2);
        let is_amount = self.word(1).is_some_and(multiplies) && (!self.started() || half);
        is_amount && self.skip(1)
    }

    fn add_half(&mut self, tokens: usize) -> bool {
        self.group = self.group.map(|group| group + MICRO / 2);
        self.room = 0;
        self.weak = false;
        self.skip(tokens)
    }

    fn value(&mut self, word: &str, value: i128, room: i128) -> bool {
        if value >= self.room {
            return false;
        }
        self.weak &= words::is_weak(word) || word == "half";
        self.group = Some(self.group.unwrap_or(0) + value);
        self.room = room;
        self.skip(1)
    }

    fn hundred(&mut self) -> bool {
        let group = self.group.unwrap_or(MICRO);
        if group >= 100 * MICRO {
            return false;
        }
        self.weak = false;
        self.group = Some(group * 100);
        self.room = 100 * MICRO;
        self.skip(1)
    }

    fn scale(&mut self, by: i128) -> bool {
        if by >= self.scale_room {
            return false;
        }
        let group = self.group.take().unwrap_or(MICRO);
        self.weak = false;
        self.total = self.total.saturating_add(group.saturating_mul(by));
        self.scaled = Some((group, by));
        self.scale_room = by;
        self.room = by * MICRO;
        self.skip(1)
    }
}

/// The unit at a token, and the token after it.
pub(super) fn unit(tokens: &[Token<'_>], at: usize) -> Option<(Unit, usize)> {
    let at = before_unit(tokens, at);
    let token = tokens.get(at)?;
    if let Lexeme::Sign(sign) = token.lexeme {
        let unit = if sign == '%' {
            Some(Unit::Percent)
        } else {
            currency_sign(token)
        };
        return unit.map(|unit| (unit, at + 1));
    }
    let word = token.word()?;
    if let Some(working) = words::day_adjective(word) {
        return match unit(tokens, at + 1) {
            Some((Unit::Time(TimeUnit::Day, of), end)) => {
                let of_days = if working {
                    TimeUnit::WorkingDay
                } else {
                    TimeUnit::Day
                };
                Some((Unit::Time(of_days, of), end))
            }
            _ => None,
        };
    }
    if word == "кв" {
        let dot = tokens
            .get(at + 1)
            .is_some_and(|token| token.is_sign(&['.']));
        let metre = at + 1 + usize::from(dot);
        return (tokens.get(metre)?.word()? == "м").then_some((Unit::Measure("m²"), metre + 1));
    }
    unit_word(word).map(|unit| (unit, at + 1))
}

fn unit_word(word: &str) -> Option<Unit> {
    if word.starts_with("процент") || ["percent", "pct"].contains(&word) {
        return Some(Unit::Percent);
    }
    words::currency(word)
        .map(|currency| Unit::Money(currency.code()))
        .or_else(|| words::cents(word).map(|currency| Unit::Cents(currency.code())))
        .or_else(|| words::time_unit(word).map(|(unit, of)| Unit::Time(unit, of)))
        .or_else(|| words::measure(word).map(Unit::Measure))
}

pub(super) fn currency_sign(token: &Token<'_>) -> Option<Unit> {
    match token.lexeme {
        Lexeme::Sign(_) => words::currency(token.text).map(|currency| Unit::Money(currency.code())),
        _ => None,
    }
}

/// Passes over what may stand between an amount and its unit: the dot of «тыс.», the ending of
/// «5-ти», the hyphen of "2-day", the "of" of "a couple of days".
fn before_unit(tokens: &[Token<'_>], at: usize) -> usize {
    const SHORT: [&str; 5] = ["тыс", "млн", "млрд", "mln", "bn"];
    let Some(token) = tokens.get(at) else {
        return at;
    };
    let next = tokens.get(at + 1);
    let word_before = at
        .checked_sub(1)
        .and_then(|before| tokens.get(before)?.word());
    if token.is_sign(&['.']) && word_before.is_some_and(|word| SHORT.contains(&word)) {
        return at + 1;
    }
    if token.is_sign(&['-']) && token.glued {
        let word = next.filter(|next| next.glued).and_then(|next| next.word());
        if word.is_some_and(words::is_case_ending) {
            return at + 2;
        }
        let is_unit =
            |word| words::time_unit(word).is_some() || words::day_adjective(word).is_some();
        if word.is_some_and(is_unit) {
            return at + 1;
        }
    }
    if token.word() == Some("of")
        && next
            .and_then(|next| next.word())
            .is_some_and(|word| unit_word(word).is_some())
    {
        return at + 1;
    }
    // "half an hour"
    if matches!(token.word(), Some("a" | "an")) && word_before == Some("half") {
        return at + 1;
    }
    at
}

/// What an amount of a unit says.
pub(super) fn value(micros: i128, unit: Unit) -> Value {
    match unit {
        Unit::Percent => Value::Percent(micros),
        Unit::Money(_) | Unit::Cents(_) if micros == 0 => Value::Named(super::Kind::Money, "free"),
        Unit::Money(currency) => Value::Money { micros, currency },
        Unit::Cents(currency) => Value::Money {
            micros: micros / 100,
            currency,
        },
        Unit::Time(unit, of) => Value::Duration {
            micros: micros.saturating_mul(of),
            unit,
        },
        Unit::Measure(unit) => Value::Measure { micros, unit },
    }
}
