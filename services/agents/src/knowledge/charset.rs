//! Bytes to text when nothing says which charset they are in.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// A detector needs no more to be sure.
const SAMPLE_BYTES: usize = 256 * 1024;

/// Text may hold a stray control character; more than one in this many is not text.
const CHARS_PER_CONTROL: usize = 200;

/// The text in `bytes` and the charset it was written in, or nothing when this is no text.
pub fn decode(bytes: &[u8]) -> Option<(String, &'static Encoding)> {
    decode_as(bytes, detect(bytes))
}

/// The same with a charset named elsewhere (an HTTP header, `<meta charset>`); a byte order mark
/// still wins.
pub fn decode_as(bytes: &[u8], charset: &'static Encoding) -> Option<(String, &'static Encoding)> {
    let (text, used, _) = charset.decode(bytes);
    is_text(&text).then(|| (text.into_owned(), used))
}

/// The most likely charset: the mark, UTF-16's pattern, valid UTF-8, else the statistics of the
/// letters, where Russian is preferred when in doubt.
pub fn detect(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    if let Some(encoding) = utf16_without_mark(sample) {
        return encoding;
    }
    if is_utf8(bytes) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    detector.guess(Some(b"ru"), Utf8Detection::Deny)
}

/// Valid, or cut in the middle of the last character.
fn is_utf8(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Latin and Cyrillic text in UTF-16 has 0x00 or 0x04 in nearly every second byte, always on the
/// same side; no one-byte charset has them at all.
fn utf16_without_mark(sample: &[u8]) -> Option<&'static Encoding> {
    let pairs = sample.len() / 2;
    if pairs < 2 {
        return None;
    }
    let high = |side: usize| {
        sample
            .chunks_exact(2)
            .filter(|pair| matches!(pair[side], 0x00 | 0x04))
            .count()
            * 10
            > pairs * 8
    };
    match (high(0), high(1)) {
        (false, true) => Some(UTF_16LE),
        (true, false) => Some(UTF_16BE),
        _ => None,
    }
}

fn is_text(text: &str) -> bool {
    let mut chars = 0_usize;
    let mut controls = 0_usize;
    for char in text.chars() {
        chars += 1;
        let allowed = matches!(char, '\t' | '\n' | '\r' | '\u{0c}' | '\u{85}');
        if (char.is_control() && !allowed) || char == '\u{fffd}' {
            controls += 1;
        }
    }
    controls * CHARS_PER_CONTROL <= chars
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUSSIAN: &str = "Наименование;Цена\nДиван угловой «Осло»;45 000\nКресло;12 500\n";

    #[test]
    fn the_same_text_comes_out_of_every_charset() {
        let plain_quotes = RUSSIAN.replace(['«', '»'], "\"");
        for label in ["utf-8", "windows-1251", "koi8-r", "ibm866"] {
            let encoding = Encoding::for_label(label.as_bytes()).unwrap();
            let text = if label == "windows-1251" {
                RUSSIAN
            } else {
                &plain_quotes
            };
            let (bytes, _, lossy) = encoding.encode(text);
            assert!(!lossy);
            assert_eq!(decode(&bytes).unwrap().0, text, "{label}");
        }
    }

    #[test]
    fn utf16_with_and_without_the_mark() {
        let little: Vec<u8> = RUSSIAN.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = RUSSIAN.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(&little).unwrap(), (RUSSIAN.to_owned(), UTF_16LE));
        assert_eq!(decode(&big).unwrap(), (RUSSIAN.to_owned(), UTF_16BE));
        let marked = [&[0xff, 0xfe][..], &little].concat();
        assert_eq!(decode(&marked).unwrap().0, RUSSIAN);
    }

    #[test]
    fn a_cut_last_character_does_not_hide_utf8() {
        let bytes = "Цена договорная".as_bytes();
        assert_eq!(detect(&bytes[..bytes.len() - 1]), UTF_8);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let noise: Vec<u8> = (0..4096_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        assert!(decode(&noise).is_none());
        assert!(decode(&[0_u8; 1000]).is_none());
    }
}
