//! What is a word, and which words are numbers.

use std::ops::Range;

use super::MAX_TERM_CHARS;

/// Words: letters and digits, with single `-`, `/`, `.`, `,`, `_` or `'` between them where they belong to
/// one word; groups of three digits after spaces belong to one number.
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at + self.text[self.at..].find(char::is_alphanumeric)?;
        let mut end = self.run_end(start);
        while let Some(next) = self.joined(start, end) {
            end = next;
        }
        self.at = end;
        Some(start..end)
    }
}

impl Words<'_> {
    /// The end of the run of letters and digits that begins at `start`.
    fn run_end(&self, start: usize) -> usize {
        self.text[start..]
            .find(|char: char| !char.is_alphanumeric() && !is_mark(char))
            .map_or(self.text.len(), |length| start + length)
    }

    /// The end of the next run, if it belongs to the word `start..end`.
    fn joined(&self, start: usize, end: usize) -> Option<usize> {
        let mut rest = self.text[end..].chars();
        let joint = rest.next()?;
        let next = rest.next().filter(|char| char.is_alphanumeric())?;
        let from = end + joint.len_utf8();
        let run = self.run_end(from);
        let before = self.text[start..end].chars().next_back()?;
        let digits = before.is_ascii_digit() && next.is_ascii_digit();
        let belongs = match joint {
            '-' | '\u{2010}' | '\u{2011}' | '_' | '/' => true,
            '.' | ',' => digits,
            '\'' | '’' => before.is_alphabetic() && next.is_alphabetic(),
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' => {
                digits && is_group(&self.text[from..run]) && is_grouped(&self.text[start..end])
            }
            _ => false,
        };
        belongs.then_some(run)
    }
}

/// Combining marks belong to the letter before (й written as two).
fn is_mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}')
}

fn is_group(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// One to three digits, then groups of three.
fn is_grouped(text: &str) -> bool {
    let mut groups = text.split([' ', '\u{a0}', '\u{202f}', '\u{2009}']);
    groups.next().is_some_and(|first| {
        (1..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_digit())
    }) && groups.all(is_group)
}

/// `45 000,00`, `45.000,00`, `45000.0` and `45,000` are all `45000`; `3,50` is `3.5`. Nothing when
/// it is not a number.
pub(super) fn number(word: &str) -> Option<String> {
    if !word
        .chars()
        .all(|char| char.is_ascii_digit() || char.is_whitespace() || ".,".contains(char))
    {
        return None;
    }
    let plain: String = word.chars().filter(|char| !char.is_whitespace()).collect();
    let points = plain.bytes().filter(|byte| *byte == b'.').count();
    let commas = plain.bytes().filter(|byte| *byte == b',').count();
    let last = plain.rfind(['.', ',']);
    let (whole, fraction) = match (points, commas, last) {
        (0, 0, _) | (_, _, None) => (plain.as_str(), ""),
        (1, 1, Some(at)) => (&plain[..at], &plain[at + 1..]),
        // One mark and three digits after it: a thousand, unless the number starts with zero.
        (1, 0, Some(at)) | (0, 1, Some(at)) if plain.len() - at != 4 || plain.starts_with('0') => {
            (&plain[..at], &plain[at + 1..])
        }
        // Groups all along: thousands. Anything else is a date or a version and stays a code.
        _ => {
            let mut groups = plain.split(['.', ',']);
            let first = groups.next().unwrap_or_default();
            if !(1..=3).contains(&first.len()) || !groups.all(is_group) {
                return None;
            }
            (plain.as_str(), "")
        }
    };
    let whole: String = whole
        .chars()
        .filter(char::is_ascii_digit)
        .take(MAX_TERM_CHARS)
        .collect();
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() {
        whole
    } else {
        format!("{whole}.{fraction}")
    })
}
