//! Where sentences end, in Russian and in English.

/// A full stop after these ends no sentence.
const ABBREVIATIONS: [&str; 48] = [
    "г", "гг", "в", "вв", "ул", "д", "кв", "стр", "корп", "обл", "р", "руб", "коп", "тыс", "млн",
    "млрд", "шт", "ед", "см", "мм", "кг", "гр", "мин", "макс", "ок", "др", "пр", "т", "п", "напр",
    "тел", "им", "рис", "табл", "ст", "mr", "mrs", "ms", "dr", "st", "vs", "etc", "inc", "ltd",
    "no", "approx", "e.g", "i.e",
];

/// The byte offsets after each sentence of `text`, the last one being its end. A line break ends a
/// sentence. Spaces after a sentence belong to it.
pub fn ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let stop = match char {
            '\n' => true,
            '.' | '!' | '?' | '…' => {
                // Further marks and closing quotes belong to the sentence.
                while chars
                    .next_if(|(_, next)| ".!?…»”\"')]".contains(*next))
                    .is_some()
                {}
                let rest = chars.peek().map_or("", |(next, _)| &text[*next..]);
                let opens = begins_sentence(rest);
                opens && (char != '.' || !is_abbreviation(&text[..at]))
            }
            _ => false,
        };
        if stop {
            while chars.next_if(|(_, next)| next.is_whitespace()).is_some() {}
            ends.push(chars.peek().map_or(text.len(), |(next, _)| *next));
        }
    }
    if ends.last() != Some(&text.len()) && !text.is_empty() {
        ends.push(text.len());
    }
    ends
}

/// A space, then a capital, a figure, a quote or a dash.
fn begins_sentence(rest: &str) -> bool {
    let mut chars = rest.chars();
    match chars.next() {
        None => true,
        Some(space) if space.is_whitespace() => chars
            .find(|char| !char.is_whitespace())
            .is_none_or(|first| {
                first.is_uppercase() || first.is_numeric() || !first.is_alphanumeric()
            }),
        Some(_) => false,
    }
}

/// Is the word before the full stop an abbreviation or an initial?
fn is_abbreviation(before: &str) -> bool {
    let word_start = before
        .char_indices()
        .rev()
        .take_while(|(_, char)| char.is_alphanumeric() || *char == '.')
        .last()
        .map_or(before.len(), |(at, _)| at);
    let word = before[word_start..].to_lowercase();
    let last = word.rsplit('.').next().unwrap_or_default();
    let is_initial = last.chars().count() == 1 && last.chars().all(char::is_alphabetic);
    is_initial || ABBREVIATIONS.contains(&word.as_str()) || ABBREVIATIONS.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<&str> {
        let mut start = 0;
        ends(text)
            .into_iter()
            .map(|end| {
                let sentence = &text[start..end];
                start = end;
                sentence.trim_end()
            })
            .collect()
    }

    #[test]
    fn abbreviations_and_numbers_do_not_end_sentences() {
        let cases: [(&str, &[&str]); 7] = [
            (
                "Привезём завтра. Занос — 500 руб. за этаж.",
                &["Привезём завтра.", "Занос — 500 руб. за этаж."],
            ),
            (
                "г. Тверь, ул. Мира, д. 5. Звоните!",
                &["г. Тверь, ул. Мира, д. 5.", "Звоните!"],
            ),
            (
                "А. С. Пушкин родился в Москве.",
                &["А. С. Пушкин родился в Москве."],
            ),
            ("Цена 3.5 млн. Торг? Нет…", &["Цена 3.5 млн. Торг?", "Нет…"]),
            (
                "He said “Stop.” Then e.g. nothing.",
                &["He said “Stop.”", "Then e.g. nothing."],
            ),
            ("first line\nsecond line", &["first line", "second line"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(sentences(text), expected, "{text}");
        }
    }

    #[test]
    fn the_last_end_is_the_end_of_the_text() {
        for text in ["a", "a.", "a. ", "a.\n\n", "?!»"] {
            assert_eq!(ends(text).last(), Some(&text.len()), "{text:?}");
        }
    }
}
