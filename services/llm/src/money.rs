//! Money as whole nano-USD, read from decimal text. No floating point on the way: a bill is a sum
//! of many small numbers.

use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Nano-USD in one USD, as a power of ten.
const NANO_DIGITS: i32 = 9;
/// Micro-USD for a million tokens in one USD for a token, as a power of ten.
const PRICE_DIGITS: i32 = 12;

/// An amount in nano-USD: a thousandth of what the wire shows, so that sums of calls that cost
/// less than a micro-USD are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(crate) struct NanoUsd(pub(crate) i64);

/// A price in micro-USD for a million tokens, which is pico-USD for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenPrice(pub(crate) i64);

impl NanoUsd {
    /// The amount in a decimal number of USD, as JSON writes it: `0.000021`, `2.1e-5`. Less than
    /// a nano-USD is rounded, half away from zero. `None` for anything else and for debts.
    pub(crate) fn from_decimal_usd(text: &str) -> Option<Self> {
        scaled(text, NANO_DIGITS)
            .filter(|nano| *nano >= 0)
            .map(Self)
    }

    /// So many micro-USD.
    pub(crate) fn from_micro_usd(micro: i64) -> Self {
        Self(micro.saturating_mul(1_000))
    }

    /// In micro-USD, rounded, half up.
    pub(crate) fn micro_usd(self) -> i64 {
        self.0.saturating_add(500).div_euclid(1_000)
    }
}

impl Add for NanoUsd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for NanoUsd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

impl TokenPrice {
    /// The price in a decimal number of USD for one token, `0.00000015`. Negative prices stand
    /// for "it depends" in OpenRouter's list and are not prices.
    pub(crate) fn from_decimal_usd_per_token(text: &str) -> Option<Self> {
        scaled(text, PRICE_DIGITS)
            .filter(|price| *price >= 0)
            .map(Self)
    }

    /// What `tokens` cost, rounded up to a nano-USD.
    pub(crate) fn of(self, tokens: i64) -> NanoUsd {
        let pico = i128::from(self.0) * i128::from(tokens.max(0));
        NanoUsd(i64::try_from((pico + 999) / 1_000).unwrap_or(i64::MAX))
    }
}

/// `text × 10^digits` as a whole number, half away from zero.
fn scaled(text: &str, digits: i32) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // Where the point of the result stands among the digits, counted from the left.
    let point = i32::try_from(whole.len())
        .ok()?
        .checked_add(exponent)?
        .checked_add(digits)?;
    let mut value: i64 = 0;
    let mut rounding = false;
    for (place, byte) in (0_i32..).zip(whole.bytes().chain(fraction.bytes())) {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        if place < point {
            value = value.checked_mul(10)?.checked_add(digit)?;
        } else if place == point {
            rounding = digit >= 5;
        }
    }
    let given = i32::try_from(whole.len() + fraction.len()).ok()?;
    if value != 0 {
        for _ in given..point {
            value = value.checked_mul(10)?;
        }
    }
    value = value.checked_add(i64::from(rounding))?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nano(text: &str) -> Option<i64> {
        NanoUsd::from_decimal_usd(text).map(|amount| amount.0)
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, expected) in [
            ("0", 0),
            ("0.0", 0),
            ("0.000021", 21_000),
            ("2.1e-5", 21_000),
            ("2.1E-05", 21_000),
            ("1e-7", 100),
            ("4e-10", 0),
            ("5e-10", 1),
            ("0.0000000015", 2),
            ("12", 12_000_000_000),
            ("1.5e1", 15_000_000_000),
            ("0.1", 100_000_000),
            ("0e99", 0),
            ("0.00000000000000000000000000000001", 0),
        ] {
            assert_eq!(nano(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "-",
            "-1",
            "1,5",
            "NaN",
            "0x1",
            "1e",
            "1e999999999999",
            "9e30",
            "--1",
        ] {
            assert_eq!(nano(text), None, "{text}");
        }
    }

    #[test]
    fn prices_are_per_million_tokens() {
        let price = TokenPrice::from_decimal_usd_per_token("0.00000015").unwrap();
        assert_eq!(price, TokenPrice(150_000));
        assert_eq!(price.of(1_000_000).micro_usd(), 150_000);
        assert_eq!(price.of(31), NanoUsd(4_650));
        assert_eq!(TokenPrice::from_decimal_usd_per_token("-1"), None);
    }

    #[test]
    fn small_calls_add_up() {
        let call = NanoUsd::from_decimal_usd("0.0000004").unwrap();
        assert_eq!(call.micro_usd(), 0);
        assert_eq!(
            std::iter::repeat_n(call, 1_000)
                .sum::<NanoUsd>()
                .micro_usd(),
            400
        );
    }

    proptest! {
        #[test]
        fn nine_places_come_back_as_written(whole in 0_i64..1_000_000, fraction in 0_i64..1_000_000_000) {
            let text = format!("{whole}.{fraction:09}");
            prop_assert_eq!(nano(&text), Some(whole * 1_000_000_000 + fraction));
            let shifted = format!("{whole}{fraction:09}e-9");
            prop_assert_eq!(nano(&shifted), nano(&text));
        }

        #[test]
        fn no_text_panics(text in "[-0-9.eE+]{0,24}") {
            let _ = nano(&text);
        }
    }
}
