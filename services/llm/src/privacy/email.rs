//! E-mail addresses, found from their `@`.

use std::ops::Range;

/// What files with two dots in their names end with: `logo@2x.png` is no address.
const FILES: [&str; 7] = ["png", "jpg", "jpeg", "gif", "webp", "svg", "ico"];
/// Longest believed address, in bytes.
const LONGEST: usize = 254;

/// The address around the `@` at `at`.
pub(super) fn around(text: &str, at: usize) -> Option<Range<usize>> {
    let local = &text[..at];
    let start = local
        .char_indices()
        .rev()
        .take_while(|(_, char)| is_local(*char))
        .last()
        .map_or(at, |(start, _)| start);
    let skipped = text[start..at].len() - text[start..at].trim_start_matches(is_punctuation).len();
    let start = start + skipped;
    let domain = domain(&text[at + 1..])?;
    let end = at + 1 + domain.len();
    (start < at && end - start <= LONGEST).then_some(start..end)
}

fn is_local(char: char) -> bool {
    char.is_alphanumeric() || "._%+-".contains(char)
}

fn is_punctuation(char: char) -> bool {
    "._%+-".contains(char)
}

/// The domain that `text` begins with: labels between dots, the last one of letters. A sentence that
/// follows the dot without a space is not part of it.
fn domain(text: &str) -> Option<&str> {
    let whole = text
        .char_indices()
        .find(|(_, char)| !char.is_alphanumeric() && !"-.".contains(*char))
        .map_or(text, |(end, _)| &text[..end]);
    let (mut end, mut labels, mut before) = (0, 0, "");
    for label in whole.split('.') {
        let label = label.trim_end_matches('-');
        if label.is_empty() || label.starts_with('-') || (labels > 0 && begins_anew(before, label))
        {
            break;
        }
        end += label.len() + usize::from(labels > 0);
        (labels, before) = (labels + 1, label);
    }
    let is_top = before.chars().count() >= 2 && before.chars().all(char::is_alphabetic);
    let is_known = before.starts_with("xn--") || is_top;
    let is_file = FILES.iter().any(|file| before.eq_ignore_ascii_case(file));
    (labels >= 2 && is_known && !is_file).then(|| &whole[..end])
}

/// Whether a label is of another script than the one before it, or is written large after a small
/// one.
fn begins_anew(before: &str, label: &str) -> bool {
    let is_large = |label: &str| label.starts_with(char::is_uppercase);
    (before.is_ascii() && !label.is_ascii()) || (!is_large(before) && is_large(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        around(text, text.find('@')?).map(|range| &text[range])
    }

    #[test]
    fn an_address_ends_where_the_sentence_goes_on() {
        for (text, address) in [
            ("пишите на ivan@example.ru.", "ivan@example.ru"),
            ("ivan@example.ru.Спасибо", "ivan@example.ru"),
            ("ann@mail.example.com.Thanks", "ann@mail.example.com"),
            ("<a.b+c@example.co.uk>", "a.b+c@example.co.uk"),
            ("почта@пример.рф, жду", "почта@пример.рф"),
            ("...x_1@example.org-", "x_1@example.org"),
        ] {
            assert_eq!(found(text), Some(address), "{text}");
        }
    }

    #[test]
    fn what_only_has_the_sign_is_none() {
        for text in [
            "@sofas_bot",
            "logo@2x.png",
            "10 шт @ 500",
            "tokio@1.47.0",
            "user@localhost",
            "a@.ru",
            "@example.ru",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
