//! Digits in a text, in groups between which stand the signs that people write in long numbers.

use std::ops::Range;

/// What stands between two groups, or before the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Gap {
    pub(super) space: bool,
    pub(super) dash: bool,
    pub(super) dot: bool,
    /// `(`
    pub(super) open: bool,
    /// `)`
    pub(super) close: bool,
}

impl Gap {
    fn add(&mut self, sign: char) -> bool {
        let of_sign = match sign {
            ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' => &mut self.space,
            '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' => &mut self.dash,
            '.' => &mut self.dot,
            '(' => &mut self.open,
            ')' => &mut self.close,
            _ => return false,
        };
        *of_sign = true;
        true
    }

    /// Whether a number may begin after it that is not the one before it.
    pub(super) fn parts(self) -> bool {
        self.space
    }
}

/// Digits without a sign between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) range: Range<usize>,
    /// What stands before it; of the first one only what touches it.
    pub(super) gap: Gap,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }
}

/// Groups that may be one number, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) groups: Vec<Group>,
    /// Where the plus before the first group stands.
    pub(super) plus: Option<usize>,
}

/// At most so many signs stand between two groups: `8 (916) - 123`.
const MOST_SIGNS: usize = 3;
/// Shorter runs are no number that is looked for.
const FEWEST_DIGITS: usize = 6;

/// The run that begins with the digit at `start`, and where it ends.
pub(super) fn run(text: &str, start: usize) -> (Run, usize) {
    let mut groups = Vec::with_capacity(8);
    let (mut gap, plus) = before(text, start);
    let mut at = start;
    loop {
        let digits = digits(&text[at..]);
        let range = at..at + digits;
        at = range.end;
        groups.push(Group { range, gap });
        match after(&text[at..]) {
            Some((next, length)) => (gap, at) = (next, at + length),
            None => return (Run { groups, plus }, at),
        }
    }
}

impl Run {
    pub(super) fn is_long(&self) -> bool {
        self.groups.iter().map(Group::len).sum::<usize>() >= FEWEST_DIGITS
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// `(` and `+` that touch the digit at `start`.
fn before(text: &str, start: usize) -> (Gap, Option<usize>) {
    let mut gap = Gap::default();
    let mut head = &text[..start];
    if let Some(rest) = head.strip_suffix('(') {
        gap.open = true;
        head = rest.strip_suffix(' ').unwrap_or(rest);
    }
    (gap, head.ends_with('+').then(|| head.len() - 1))
}

/// What stands between the group that ended and the next digit, and how long it is.
fn after(text: &str) -> Option<(Gap, usize)> {
    let mut gap = Gap::default();
    for (count, (at, sign)) in text.char_indices().enumerate() {
        if sign.is_ascii_digit() {
            return Some((gap, at));
        }
        if count == MOST_SIGNS || !gap.add(sign) {
            return None;
        }
    }
    None
}

/// The digits of these groups.
pub(super) fn joined(text: &str, groups: &[Group]) -> String {
    groups
        .iter()
        .map(|group| &text[group.range.clone()])
        .collect()
}
