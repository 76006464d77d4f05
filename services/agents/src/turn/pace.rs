//! How an answer is sent: in how many messages, and after what delay.

use std::time::Duration;

use crate::agent::Settings;

/// A person types about this many characters a second.
const CHARS_PER_SECOND: u64 = 20;
/// No delay by length is longer.
const MOST_BY_LENGTH: u64 = 12;

/// Splits an answer's sentences into at most `max_parts` messages of about equal length.
pub fn parts<'a>(sentences: &[&'a str], max_parts: i32) -> Vec<Vec<&'a str>> {
    let wanted = usize::try_from(max_parts)
        .unwrap_or(1)
        .clamp(1, sentences.len().max(1));
    let length: usize = sentences
        .iter()
        .map(|sentence| sentence.chars().count())
        .sum();
    let each = length.div_ceil(wanted).max(1);
    let mut parts = vec![Vec::new()];
    let mut filled = 0;
    for sentence in sentences {
        if filled >= each && parts.len() < wanted {
            parts.push(Vec::new());
            filled = 0;
        }
        filled += sentence.chars().count();
        if let Some(part) = parts.last_mut() {
            part.push(*sentence);
        }
    }
    parts
}

/// How long to wait before a message goes out.
pub fn delay(text: &str, settings: &Settings) -> Duration {
    let by_length = (text.chars().count() as u64 / CHARS_PER_SECOND).min(MOST_BY_LENGTH);
    let least = u64::try_from(settings.min_reply_delay_seconds).unwrap_or(0);
    Duration::from_secs(by_length.max(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sentence_is_lost_and_none_is_split() {
        let sentences = [
            "Раз.",
            "Два слова.",
            "А это предложение подлиннее.",
            "Четыре.",
        ];
        for most in 0..6 {
            let parts = parts(&sentences, most);
            assert_eq!(parts.concat(), sentences);
            assert!(parts.len() <= usize::try_from(most.max(1)).unwrap());
        }
        assert_eq!(parts(&[], 3), [Vec::<&str>::new()]);
    }

    #[test]
    fn the_delay_grows_with_the_text_up_to_a_cap() {
        let settings = Settings {
            min_reply_delay_seconds: 3,
            ..Settings::default()
        };
        assert_eq!(delay("Да.", &settings).as_secs(), 3);
        assert_eq!(delay(&"а".repeat(100), &settings).as_secs(), 5);
        assert_eq!(delay(&"а".repeat(9_000), &settings).as_secs(), 12);
    }
}
