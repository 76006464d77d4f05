//! The terms of a chunk as they are kept beside it, so that loading the index needs no stemming.

use std::collections::HashMap;

use super::stem::Stemming;

/// A stem in a heading says more about a passage than one in its text.
const HEADING_WEIGHT: u32 = 2;

/// Changes when stemming changes: rows with another version are stemmed anew from their text.
pub const VERSION: u8 = 1;

/// How often each term occurs in a chunk.
///
/// Held the way it is stored: for each term in order how many bytes it shares with the one before,
/// how many follow, those bytes, and the count. Numbers are LEB128.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    bytes: Vec<u8>,
    length: u32,
}

impl Terms {
    /// The terms of a passage under its headings.
    pub fn of(stemming: &mut Stemming, heading_path: &[String], text: &str) -> Self {
        let mut counts: HashMap<String, u32> = HashMap::new();
        let mut add = |term: &str, weight: u32| match counts.get_mut(term) {
            Some(count) => *count += weight,
            None => {
                counts.insert(term.to_owned(), weight);
            }
        };
        stemming.each(text, |term, _| add(term, 1));
        for heading in heading_path {
            stemming.each(heading, |term, _| add(term, HEADING_WEIGHT));
        }
        let mut counts: Vec<(String, u32)> = counts.into_iter().collect();
        counts.sort_unstable();
        Self::of_sorted(&counts)
    }

    fn of_sorted(counts: &[(String, u32)]) -> Self {
        let mut terms = Self::default();
        let mut before = "";
        for (term, count) in counts {
            let shared = before
                .bytes()
                .zip(term.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            write_number(&mut terms.bytes, shared as u64);
            write_number(&mut terms.bytes, (term.len() - shared) as u64);
            terms.bytes.extend_from_slice(&term.as_bytes()[shared..]);
            write_number(&mut terms.bytes, u64::from(*count));
            terms.length = terms.length.saturating_add(*count);
            before = term;
        }
        terms
    }

    /// The sum of all counts: the length of the chunk in terms.
    pub fn length(&self) -> u32 {
        self.length
    }

    /// Calls `take` with each term and its count, in the order of the terms.
    pub fn each(&self, take: impl FnMut(&str, u32)) {
        // Whatever is held was written here or read through once before.
        read_terms(&self.bytes, take);
    }
}

/// Reads terms to the end; nothing when the bytes are damaged.
fn read_terms(mut bytes: &[u8], mut take: impl FnMut(&str, u32)) -> Option<()> {
    let mut term: Vec<u8> = Vec::new();
    while !bytes.is_empty() {
        let shared = usize::try_from(read_number(&mut bytes)?).ok()?;
        let length = usize::try_from(read_number(&mut bytes)?).ok()?;
        if shared > term.len() {
            return None;
        }
        term.truncate(shared);
        term.extend_from_slice(bytes.split_off(..length)?);
        let count = u32::try_from(read_number(&mut bytes)?).ok()?;
        take(std::str::from_utf8(&term).ok()?, count);
    }
    Some(())
}

/// [`Terms`] as bytes to store, the version first.
pub fn encode_terms(terms: &Terms) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(terms.bytes.len() + 1);
    bytes.push(VERSION);
    bytes.extend_from_slice(&terms.bytes);
    bytes
}

/// The terms in `bytes`; nothing when they are of another version or damaged.
pub fn decode_terms(bytes: &[u8]) -> Option<Terms> {
    let (&version, bytes) = bytes.split_first()?;
    if version != VERSION {
        return None;
    }
    let mut length = 0_u32;
    read_terms(bytes, |_, count| length = length.saturating_add(count))?;
    Some(Terms {
        bytes: bytes.to_vec(),
        length,
    })
}

/// Appends a number, seven bits a byte, the lowest first.
pub(super) fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number from the front of `bytes`.
pub(super) fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Terms {
        let headings = ["Доставка".to_owned(), "Сроки".to_owned()];
        Terms::of(
            &mut Stemming::default(),
            &headings,
            "Доставка дивана: доставим за 3 дня, диван P-40",
        )
    }

    #[test]
    fn headings_weigh_more() {
        let terms = sample();
        let count = |word: &str| {
            let wanted = &Stemming::default().tokens(word)[0].term;
            let mut found = None;
            terms.each(|term, count| found = found.or((term == wanted).then_some(count)));
            found
        };
        assert_eq!(count("доставка"), Some(3));
        assert_eq!(count("диван"), Some(2));
        let mut sum = 0;
        terms.each(|_, count| sum += count);
        assert_eq!(terms.length(), sum);
    }

    #[test]
    fn terms_survive_storing() {
        for terms in [Terms::default(), sample()] {
            assert_eq!(decode_terms(&encode_terms(&terms)), Some(terms));
        }
    }

    #[test]
    fn damaged_bytes_are_refused_not_trusted() {
        let bytes = encode_terms(&sample());
        assert_eq!(decode_terms(&[]), None);
        assert_eq!(decode_terms(&[VERSION + 1]), None);
        for end in 2..bytes.len() {
            // A cut either is refused or loses the tail; it never panics.
            if let Some(terms) = decode_terms(&bytes[..end]) {
                assert!(terms.length() < sample().length());
            }
        }
        for at in 1..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            decode_terms(&damaged);
        }
    }
}
