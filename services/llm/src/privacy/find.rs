//! Finds what is masked in a text: one pass over its bytes, and a look around each `@` and at each
//! run of digits.

use std::ops::Range;

use super::Kind;
use super::number::{self, Run};
use super::{card, email, phone, words};

/// What was found, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// What stands in the text, in its order; nothing overlaps.
pub(super) fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'@' => {
                let address = email::around(text, at);
                at = address.as_ref().map_or(at + 1, |range| range.end);
                if let Some(range) = address {
                    add_address(&mut found, range);
                }
            }
            b'0'..=b'9' => {
                let (run, end) = number::run(text, at);
                if run.is_long() {
                    numbers(text, &run, &mut found);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// An address may begin with digits that were taken for a number.
fn add_address(found: &mut Vec<Found>, range: Range<usize>) {
    while found
        .last()
        .is_some_and(|last| last.range.end > range.start)
    {
        found.pop();
    }
    let kind = Kind::Email;
    found.push(Found { kind, range });
}

fn numbers(text: &str, run: &Run, found: &mut Vec<Found>) {
    let mut first = 0;
    while first < run.groups.len() {
        match number_from(text, run, first) {
            Some((kind, count)) => {
                found.push(Found {
                    kind,
                    range: range(text, run, first, count),
                });
                first += count;
            }
            None => first += 1,
        }
    }
}

/// What begins with the group `first`, and how many groups it has.
fn number_from(text: &str, run: &Run, first: usize) -> Option<(Kind, usize)> {
    let groups = &run.groups[first..];
    let is_free = match first {
        0 => run.plus.is_some() || !words::touches(text, range(text, run, 0, 1).start),
        _ => groups[0].gap.parts(),
    };
    if !is_free {
        return None;
    }
    let ends = |count: &usize| {
        let end = groups[count - 1].range.end;
        let is_last = groups.len() == *count;
        if is_last {
            !words::goes_on(&text[end..])
        } else {
            groups[*count].gap.parts()
        }
    };
    let is_told = words::before(text, groups[0].range.start) == words::Context::Other;
    let card = card::length(text, groups).filter(|count| *count > 1 || !is_told);
    if let Some(count) = card.filter(ends) {
        return Some((Kind::Card, count));
    }
    let count = phone::length(text, run, first).filter(ends)?;
    Some((Kind::Phone, count))
}

/// From the first of the groups, with the plus or the bracket before it.
fn range(text: &str, run: &Run, first: usize, count: usize) -> Range<usize> {
    let group = &run.groups[first];
    let closes = run.groups[first..first + count]
        .iter()
        .skip(1)
        .any(|group| group.gap.close);
    let bracket = usize::from(closes && text[..group.range.start].ends_with('('));
    let start = match (first, run.plus) {
        (0, Some(plus)) => plus,
        _ => group.range.start - bracket,
    };
    start..run.groups[first + count - 1].range.end
}
