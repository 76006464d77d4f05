//! Numbers of bank cards: the ranges that issuers have, and the check digit.

use super::number::{Group, joined};

const FEWEST: usize = 13;
const MOST: usize = 19;

/// How many of these groups, from the first, are the number of a card.
pub(super) fn length(text: &str, groups: &[Group]) -> Option<usize> {
    (1..=groups.len().min(5)).rev().find(|count| {
        let groups = &groups[..*count];
        is_written_so(groups) && is_card(&joined(text, groups))
    })
}

/// In one piece, by fours, or as American Express does; with one sign throughout.
fn is_written_so(groups: &[Group]) -> bool {
    let lengths: Vec<_> = groups.iter().map(Group::len).collect();
    let is_shape = matches!(
        lengths.as_slice(),
        [FEWEST..=MOST] | [4, 4, 4, 4] | [4, 4, 4, 4, 1..=3] | [4, 6, 5] | [4, 6, 4]
    );
    let gaps = groups[1..].iter().map(|group| group.gap);
    let is_one_sign = gaps
        .clone()
        .all(|gap| gap.space && !gap.dash && !gap.open && !gap.dot)
        || gaps
            .clone()
            .all(|gap| gap.dash && !gap.space && !gap.open && !gap.dot);
    is_shape && is_one_sign
}

fn is_card(digits: &str) -> bool {
    is_issued(digits) && has_check_digit(digits)
}

/// ISO/IEC 7812 ranges of Visa, Mastercard, Mir, American Express, Diners Club, Discover, JCB,
/// UnionPay and Maestro, with their lengths.
fn is_issued(digits: &str) -> bool {
    let first = |count: usize| {
        digits
            .get(..count)
            .and_then(|digits| digits.parse::<u16>().ok())
    };
    let (Some(two), Some(four)) = (first(2), first(4)) else {
        return false;
    };
    match (two, four) {
        (40..=49, _) => matches!(digits.len(), 13 | 16 | 19),
        (51..=55, _) | (_, 2221..=2720) | (_, 3528..=3589) => digits.len() == 16,
        (34 | 37, _) => digits.len() == 15,
        (36 | 38, _) | (_, 3000..=3059) => digits.len() == 14,
        (_, 2200..=2204) | (62 | 65, _) | (_, 6011 | 6440..=6499) => digits.len() >= 16,
        (50 | 56..=58 | 63 | 67, _) => matches!(digits.len(), 16 | 18 | 19),
        _ => false,
    }
}

/// Luhn's. A number of one digit has it too, and is none.
fn has_check_digit(digits: &str) -> bool {
    let digits = digits.as_bytes();
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .map(|byte| u32::from(byte - b'0'))
        .enumerate()
        .map(|(place, digit)| {
            if place % 2 == 1 {
                doubled(digit)
            } else {
                digit
            }
        })
        .sum();
    sum.is_multiple_of(10) && digits[1..].iter().any(|digit| *digit != digits[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_numbers_of_the_issuers_are_cards() {
        for number in [
            "4111111111111111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "36227206271667",
            "6011000990139424",
            "3566002020360505",
            "2200000000000004",
            "6200000000000005",
        ] {
            assert!(is_card(number), "{number}");
        }
    }

    #[test]
    fn a_wrong_digit_or_an_unknown_range_is_none() {
        for number in [
            "4111111111111112",
            "4444444444444444",
            "1234567812345670",
            "9111111111111111",
            "411111111111111",
            "0000000000000000",
        ] {
            assert!(!is_card(number), "{number}");
        }
    }
}
