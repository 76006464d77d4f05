//! Payloads as people may read them: phones, cards and e-mails are masked.

use serde_json::Value;

/// A number of so many digits may be a phone or a card.
const MIN_DIGITS: usize = 7;
/// What is left of it, to tell one from another.
const LEFT: usize = 2;

/// The payload in JSON, masked. What is not JSON is left out.
pub(crate) fn masked(payload: &str) -> String {
    let mut value: Value = serde_json::from_str(payload).unwrap_or_default();
    mask(&mut value, false);
    value.to_string()
}

/// Ids and times are numbers that tell of nobody; anything else may hold what people wrote.
fn mask(value: &mut Value, is_id: bool) {
    match value {
        Value::String(text) if !is_id => *text = mask_text(text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, is_id)),
        Value::Object(entries) => {
            for (key, value) in entries {
                mask(value, names_id(key));
            }
        }
        _ => {}
    }
}

fn names_id(key: &str) -> bool {
    key == "id" || key == "ID" || key == "uid" || key.ends_with("_id") || key.ends_with("_at")
}

fn mask_text(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let without_mail: String = words.map(mask_mail).collect();
    mask_numbers(&without_mail)
}

/// `ana@example.com` → `a•••@example.com`.
fn mask_mail(word: &str) -> String {
    let Some((name, host)) = word.split_once('@') else {
        return word.to_owned();
    };
    match name.chars().next() {
        Some(first) if host.contains('.') => format!("{first}•••@{host}"),
        _ => word.to_owned(),
    }
}

/// `+1 555-01-00` → `•••00`: runs of digits with what people write between them.
fn mask_numbers(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        masked.push_str(before);
        let end = from.find(|c| !is_of_number(c)).unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        // What follows the last digit is of the text.
        let last = run.rfind(|c: char| c.is_ascii_digit()).unwrap_or_default();
        let (number, tail) = run.split_at(last + 1);
        masked.push_str(&mask_number(number));
        masked.push_str(tail);
        rest = after;
    }
    masked.push_str(rest);
    masked
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.' | '+' | '/' | '\u{a0}')
}

fn mask_number(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < MIN_DIGITS {
        return number.to_owned();
    }
    let left = digits[digits.len() - LEFT..].iter();
    "•••".chars().chain(left.copied()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn phones_cards_and_mail_are_masked_and_ids_are_not() {
        let payload = r#"{"id":"0b6d0f0e-0000-4000-8000-000000000001","talk_id":"1234567890",
            "created_at":"1760000200","text":"call +7 (915) 123-45-67, card 4111 1111 1111 1111, or ana@example.com!",
            "custom_fields":{"0":{"id":"8001","values":{"0":{"value":"+15550100123"}}}},
            "author":{"name":"Ana 15"}}"#;
        let masked: Value = serde_json::from_str(&masked(payload)).unwrap();
        assert_eq!(masked["id"], "0b6d0f0e-0000-4000-8000-000000000001");
        assert_eq!(masked["talk_id"], "1234567890");
        assert_eq!(masked["created_at"], "1760000200");
        assert_eq!(
            masked["text"],
            "call +•••67, card •••11, or a•••@example.com!"
        );
        assert_eq!(
            masked["custom_fields"]["0"]["values"]["0"]["value"],
            "+•••23"
        );
        assert_eq!(masked["author"]["name"], "Ana 15");
    }

    #[test]
    fn short_numbers_are_read() {
        assert_eq!(
            mask_text("2 rooms for 12 000 ₽, 10.12"),
            "2 rooms for 12 000 ₽, 10.12"
        );
    }

    proptest! {
        #[test]
        fn no_long_number_is_left(text in "[0-9 a-z+()-]{0,60}") {
            let masked = mask_text(&text);
            let longest = masked.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
            prop_assert!(longest.unwrap_or_default() < MIN_DIGITS);
        }
    }
}
