//! A folded text cut into numbers, words, codes and signs.

use std::ops::Range;

use super::claim::{MICRO, Value};
use super::words;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Lexeme {
    /// In millionths.
    Number(i128),
    Word,
    /// Letters and digits together, or more digits than an amount has.
    Code,
    Sign(char),
    NewLine,
    /// Read before by its form.
    Read(Value),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) lexeme: Lexeme,
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
    /// Nothing stands between it and the token before.
    pub(super) glued: bool,
}

impl Token<'_> {
    pub(super) fn is_sign(&self, signs: &[char]) -> bool {
        matches!(self.lexeme, Lexeme::Sign(sign) if signs.contains(&sign))
    }

    pub(super) fn word(&self) -> Option<&str> {
        (self.lexeme == Lexeme::Word).then_some(self.text)
    }
}

/// Cuts `text`, passing over what was `read` already.
pub(super) fn tokens(text: &str, read: Vec<(Range<usize>, Value)>) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut read = read.into_iter().peekable();
    let mut at = 0;
    let mut end_before = usize::MAX;
    while let Some(char) = text[at..].chars().next() {
        let (lexeme, end) = if let Some((span, value)) = read.next_if(|(span, _)| span.start <= at)
        {
            (Lexeme::Read(value), span.end.max(at + char.len_utf8()))
        } else if char == ' ' {
            at += 1;
            continue;
        } else if char == '\n' {
            (Lexeme::NewLine, at + 1)
        } else {
            let limit = read
                .peek()
                .map_or(text.len(), |(span, _)| span.start.max(at + char.len_utf8()));
            let (lexeme, length) = lexeme(&text[at..limit], char);
            (lexeme, at + length)
        };
        tokens.push(Token {
            lexeme,
            text: &text[at..end],
            span: at..end,
            glued: end_before == at,
        });
        at = end;
        end_before = end;
    }
    tokens
}

/// The token at the start of `text`, and how many bytes it takes.
fn lexeme(text: &str, first: char) -> (Lexeme, usize) {
    if first.is_ascii_digit() {
        return number_or_code(text);
    }
    if is_letter(first) {
        let word = run(text, is_letter);
        let rest = &text[word..];
        let digits = rest.strip_prefix(['-', '_']).unwrap_or(rest);
        let before_digits = digits.starts_with(|char: char| char.is_ascii_digit());
        // `usd500` is an amount, `р-40` a model.
        let is_currency = digits.len() == rest.len()
            && text[..word].is_ascii()
            && words::currency(&text[..word]).is_some();
        if before_digits && !is_currency {
            return (Lexeme::Code, code_end(text));
        }
        return (Lexeme::Word, word);
    }
    if first.is_numeric() {
        return (Lexeme::Code, code_end(text).max(first.len_utf8()));
    }
    (Lexeme::Sign(first), first.len_utf8())
}

fn number_or_code(text: &str) -> (Lexeme, usize) {
    let Some((micros, end)) = number(text) else {
        return (Lexeme::Code, code_end(text).max(1));
    };
    let rest = &text[end..];
    let (joined, hyphen) = match rest.strip_prefix('-') {
        Some(joined) => (joined, true),
        None => (rest, false),
    };
    let letters = &joined[..run(joined, is_letter)];
    if letters.is_empty() && !rest.starts_with(|char: char| char.is_numeric()) {
        return (Lexeme::Number(micros), end);
    }
    let after = &joined[letters.len()..];
    let goes_on = after.starts_with(char::is_numeric);
    let is_number = if letters.is_empty() {
        hyphen
    } else {
        !goes_on && is_suffix(letters, hyphen)
    };
    if is_number {
        (Lexeme::Number(micros), end)
    } else {
        (Lexeme::Code, code_end(text).max(end))
    }
}

/// Letters that may stand right behind a number and leave it one.
fn is_suffix(letters: &str, hyphen: bool) -> bool {
    words::time_unit(letters).is_some()
        || words::is_ordinal_ending(letters)
        || (hyphen && (words::is_case_ending(letters) || words::day_adjective(letters).is_some()))
        || (!hyphen
            && (words::measure(letters).is_some()
                || words::part(letters).is_some()
                || words::glued_scale(letters, true).is_some()
                || words::currency(letters).is_some()
                || words::cents(letters).is_some()
                || letters.starts_with("процент")))
}

/// More digits than any price has are a code: a card, an account, an order.
const MAX_DIGITS: usize = 15;
const MAX_FRACTION: usize = 6;

/// `45 000`, `1,200.50`, `1.200,50`, `0,5` as millionths; the bytes they take.
fn number(text: &str) -> Option<(i128, usize)> {
    let (mut digits, mut end) = whole(text);
    let mut fraction = "";
    if let Some(rest) = text[end..].strip_prefix(['.', ',']) {
        let length = run(rest, |char| char.is_ascii_digit());
        if length > 0 {
            fraction = &rest[..length];
            end += 1 + length;
        }
    }
    // `1.2.3` is a version, an address, a paragraph.
    let goes_on = text[end..]
        .strip_prefix('.')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if goes_on || digits.len() > MAX_DIGITS || fraction.len() > MAX_FRACTION {
        return None;
    }
    digits.push_str(fraction);
    digits.push_str(&"0".repeat(MAX_FRACTION - fraction.len()));
    digits.parse().ok().map(|micros| (micros, end))
}

/// The whole part: its digits without the grouping.
fn whole(text: &str) -> (String, usize) {
    let first = run(text, |char| char.is_ascii_digit());
    let mut digits = text[..first].to_owned();
    let mut end = first;
    if first > 3 || (first > 0 && text.starts_with('0')) {
        return (digits, end);
    }
    let separator = text[end..]
        .chars()
        .next()
        .filter(|char| [' ', ',', '.', '\''].contains(char));
    let Some(separator) = separator else {
        return (digits, end);
    };
    while let Some(rest) = text[end..].strip_prefix(separator) {
        let length = run(rest, |char| char.is_ascii_digit());
        if length != 3 {
            break;
        }
        digits.push_str(&rest[..3]);
        end += 4;
    }
    (digits, end)
}

/// Letters and digits, joined by single separators.
fn code_end(text: &str) -> usize {
    let mut end = run(text, char::is_alphanumeric);
    loop {
        let rest = &text[end..];
        let joined = rest.strip_prefix(['-', '/', '_', '.']);
        let length = joined.map_or(0, |joined| run(joined, char::is_alphanumeric));
        let dot_before_word = rest.starts_with('.')
            && !joined.is_some_and(|joined| joined.starts_with(|char: char| char.is_ascii_digit()));
        if length == 0 || dot_before_word {
            return end;
        }
        end += 1 + length;
    }
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|char| !belongs(char)).unwrap_or(text.len())
}

fn is_letter(char: char) -> bool {
    char.is_alphabetic() || matches!(char, '²' | '³')
}

/// A code without its separators, with Latin letters for the Cyrillic ones that look the same.
pub(super) fn plain_code(text: &str) -> String {
    text.chars()
        .filter(|char| char.is_alphanumeric())
        .map(latin_twin)
        .collect()
}

fn latin_twin(char: char) -> char {
    const TWINS: [(char, char); 11] = [
        ('а', 'a'),
        ('в', 'b'),
        ('е', 'e'),
        ('к', 'k'),
        ('м', 'm'),
        ('н', 'h'),
        ('о', 'o'),
        ('р', 'p'),
        ('с', 'c'),
        ('т', 't'),
        ('х', 'x'),
    ];
    TWINS
        .iter()
        .find(|(cyrillic, _)| *cyrillic == char)
        .map_or(char, |(_, latin)| *latin)
}

const _: () = assert!(MICRO == 10_i128.pow(MAX_FRACTION as u32));
