//! What of a conversation the model is shown.

use super::run::Past;

/// Messages of the past that are shown at most.
const MOST_MESSAGES: usize = 12;
/// Characters of them, the newest kept.
const MOST_CHARS: usize = 6_000;

/// The newest messages that fit, oldest first. It begins with a client's message, for an answer
/// without its question says nothing.
pub fn recent(past: &[Past]) -> &[Past] {
    let mut chars = 0;
    let mut start = past.len();
    for (index, message) in past.iter().enumerate().rev().take(MOST_MESSAGES) {
        chars += message.text.chars().count();
        if chars > MOST_CHARS {
            break;
        }
        start = index;
    }
    let shown = &past[start..];
    let first_question = shown.iter().position(|message| message.from_client);
    &shown[first_question.unwrap_or(shown.len())..]
}

/// What to search for: a short question leans on the one before it («а доставка?»).
pub fn search_query(past: &[Past], text: &str) -> String {
    let short = text.split_whitespace().count() <= 3;
    let before = past.iter().rev().find(|message| message.from_client);
    match before {
        Some(before) if short => format!("{} {text}", before.text),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(texts: &[(bool, &str)]) -> Vec<Past> {
        texts
            .iter()
            .map(|(from_client, text)| Past {
                from_client: *from_client,
                text: (*text).to_owned(),
            })
            .collect()
    }

    #[test]
    fn the_newest_messages_stay() {
        let long = "а".repeat(6_000);
        let all = past(&[
            (true, "старое"),
            (false, &long),
            (true, "вопрос"),
            (false, "ответ"),
        ]);
        assert_eq!(recent(&all), &all[2..]);
        let many: Vec<_> = (0..40).map(|index| (index % 2 == 0, "да")).collect();
        assert_eq!(recent(&past(&many)).len(), 12);
    }

    #[test]
    fn an_answer_without_its_question_is_left_out() {
        let all = past(&[(false, "Здравствуйте!")]);
        assert!(recent(&all).is_empty());
    }

    #[test]
    fn a_short_question_leans_on_the_one_before() {
        let all = past(&[(true, "Сколько стоит диван Осло?"), (false, "45 000 ₽")]);
        assert_eq!(
            search_query(&all, "а доставка?"),
            "Сколько стоит диван Осло? а доставка?"
        );
        let full = "Какие есть кресла для гостиной?";
        assert_eq!(search_query(&all, full), full);
    }
}
