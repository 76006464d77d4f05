//! One form of a text for all that reads it: lower case, plain spaces, plain digits.

use std::ops::Range;

/// A folded text that remembers where its bytes came from.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) text: String,
    /// Of every byte of `text`: the bytes of the original character.
    origin: Vec<Range<usize>>,
}

impl Folded {
    pub(super) fn new(original: &str) -> Self {
        let mut folded = Self::default();
        for (at, char) in original.char_indices() {
            let Some(plain) = plain(char) else { continue };
            for lower in plain.to_lowercase() {
                let lower = if lower == 'ё' { 'е' } else { lower };
                folded.text.push(lower);
                let from = at..at + char.len_utf8();
                folded
                    .origin
                    .extend(std::iter::repeat_n(from, lower.len_utf8()));
            }
        }
        folded
    }

    /// Where `span` of the folded text stands in the original.
    pub(super) fn original(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.origin.get(span.start).map_or(0, |from| from.start);
        let end = self
            .origin
            .get(span.end.saturating_sub(1))
            .map_or(start, |from| from.end);
        start..end.max(start)
    }
}

/// What a character is read as; `None` for those that are not seen and only hide what is.
fn plain(char: char) -> Option<char> {
    Some(match char {
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => return None,
        '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => return None,
        '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{2010}' | '\u{2011}' | '\u{2212}' => '-',
        '\u{2012}'..='\u{2015}' => '–',
        '\u{2018}' | '\u{2019}' => '\'',
        '×' => 'х',
        // Full-width forms stand 0xFEE0 above ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(char as u32 - 0xfee0)?,
        // Five alphabets of mathematical digits in a row.
        '\u{1d7ce}'..='\u{1d7ff}' => char::from_digit((char as u32 - 0x1d7ce) % 10, 10)?,
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_a_number_goes_and_places_stay() {
        let original = "Цена: 4\u{200b}5\u{a0}０００ РУБ";
        let folded = Folded::new(original);
        assert_eq!(folded.text, "цена: 45 000 руб");
        let at = folded.text.find("45 000").unwrap();
        let span = folded.original(&(at..at + 6));
        assert_eq!(&original[span], "4\u{200b}5\u{a0}０００");
    }
}
