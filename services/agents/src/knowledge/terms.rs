//! The terms of a chunk as they are kept beside it, so that loading the index needs no stemming.

use std::collections::BTreeMap;

use super::stem::Stemming;

/// A stem in a heading says more about a passage than one in its text.
const HEADING_WEIGHT: u32 = 2;

/// Changes when stemming changes: rows with another version are stemmed anew from their text.
pub const VERSION: u8 = 1;

/// How often each term occurs in a chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    counts: BTreeMap<String, u32>,
    length: u32,
}

impl Terms {
    /// The terms of a passage under its headings.
    pub fn of(stemming: &mut Stemming, heading_path: &[String], text: &str) -> Self {
        let mut terms = Self::default();
        stemming.each(text, |term, _| terms.add(term, 1));
        for heading in heading_path {
            stemming.each(heading, |term, _| terms.add(term, HEADING_WEIGHT));
        }
        terms
    }

    fn add(&mut self, term: &str, weight: u32) {
        self.length = self.length.saturating_add(weight);
        match self.counts.get_mut(term) {
            Some(count) => *count = count.saturating_add(weight),
            None => {
                self.counts.insert(term.to_owned(), weight);
            }
        }
    }

    /// The sum of all counts: the length of the chunk in terms.
    pub fn length(&self) -> u32 {
        self.length
    }

    /// Each term with its count, in the order of the terms.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.counts
            .iter()
            .map(|(term, count)| (term.as_str(), *count))
    }
}

/// [`Terms`] as bytes: the version, then for each term in order how many bytes it shares with the
/// one before, how many follow, those bytes, and the count. Numbers are LEB128.
pub fn encode_terms(terms: &Terms) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    let mut before = "";
    for (term, count) in terms.iter() {
        let shared = before
            .bytes()
            .zip(term.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        write_number(&mut bytes, shared as u64);
        write_number(&mut bytes, (term.len() - shared) as u64);
        bytes.extend_from_slice(&term.as_bytes()[shared..]);
        write_number(&mut bytes, u64::from(count));
        before = term;
    }
    bytes
}

/// The terms in `bytes`; nothing when they are of another version or damaged.
pub fn decode_terms(bytes: &[u8]) -> Option<Terms> {
    let (&version, mut bytes) = bytes.split_first()?;
    if version != VERSION {
        return None;
    }
    let mut terms = Terms::default();
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
        terms.add(std::str::from_utf8(&term).ok()?, count);
    }
    Some(terms)
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
            terms
                .iter()
                .find(|(term, _)| term == wanted)
                .map(|(_, count)| count)
        };
        assert_eq!(count("доставка"), Some(3));
        assert_eq!(count("диван"), Some(2));
        assert_eq!(
            terms.length(),
            terms.iter().map(|(_, count)| count).sum::<u32>()
        );
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
