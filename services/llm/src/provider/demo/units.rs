//! Passages cut into what can be quoted: sentences, and rows of tables.

use std::collections::BTreeSet;

use super::passages::Passage;
use super::words::{PRICE, TIME, Words, lower_words};

/// A sentence or a row.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    pub(super) passage: &'a Passage,
    pub(super) text: Text<'a>,
    pub(super) terms: BTreeSet<String>,
    /// Those of the headings above it.
    pub(super) context: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Text<'a> {
    Sentence(&'a str),
    /// `Название: Диван; Цена: 45 000`, or cells between bars.
    Row(Vec<&'a str>),
}

/// Longer ones are no names of columns.
const MAX_KEY_CHARS: usize = 40;
const CURRENCIES: &[&str] = &["₽", "$", "€", "₸", "£"];
const CURRENCY_WORDS: &[&str] = &["руб", "рублей", "рубля", "рубль", "usd", "eur", "тенге"];
const SPANS: &[&str] = &[
    "день",
    "дня",
    "дней",
    "час",
    "часа",
    "часов",
    "неделя",
    "недели",
    "недель",
    "месяц",
    "месяца",
    "месяцев",
    "лет",
    "года",
    "day",
    "days",
    "hour",
    "hours",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
];
/// A dot after these ends no sentence.
const ABBREVIATIONS: &[&str] = &[
    "г",
    "гг",
    "д",
    "им",
    "кв",
    "корп",
    "млн",
    "мин",
    "обл",
    "пос",
    "пр",
    "просп",
    "р",
    "руб",
    "с",
    "см",
    "ст",
    "стр",
    "т",
    "тел",
    "тыс",
    "ул",
    "шт",
    "co",
    "dr",
    "etc",
    "inc",
    "mr",
    "mrs",
    "no",
    "st",
    "vs",
];

/// All units of a passage, in its order.
pub(super) fn units<'a>(passage: &'a Passage, words: &Words) -> Vec<Unit<'a>> {
    let context = words.terms(&format!(
        "{} {}",
        passage.section,
        stem_of_file(&passage.source)
    ));
    let texts = passage.text.lines().flat_map(|line| match row(line) {
        Some(cells) => vec![Text::Row(cells)],
        None => sentences(line).into_iter().map(Text::Sentence).collect(),
    });
    texts
        .map(|text| {
            let whole = match &text {
                Text::Sentence(sentence) => (*sentence).to_owned(),
                Text::Row(cells) => cells.join("; "),
            };
            Unit {
                passage,
                text,
                terms: terms(&whole, words),
                context: context.clone(),
            }
        })
        .collect()
}

fn stem_of_file(source: &str) -> &str {
    source.rsplit_once('.').map_or(source, |(stem, _)| stem)
}

/// The terms of a text; an amount of money or of time is one too, though no word says so.
fn terms(text: &str, words: &Words) -> BTreeSet<String> {
    let mut terms = words.terms(text);
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return terms;
    }
    if CURRENCIES.iter().any(|sign| text.contains(sign)) {
        terms.insert(PRICE.to_owned());
    }
    for word in lower_words(text) {
        if CURRENCY_WORDS.contains(&word.as_str()) {
            terms.insert(PRICE.to_owned());
        } else if SPANS.contains(&word.as_str()) {
            terms.insert(TIME.to_owned());
        }
    }
    terms
}

/// The cells of a row of a table.
fn row(line: &str) -> Option<Vec<&str>> {
    let cells = |separator: char| -> Vec<&str> {
        line.split(separator)
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect()
    };
    if line.contains(['|', '\t']) {
        let cells = cells(if line.contains('|') { '|' } else { '\t' });
        let says_something = cells
            .iter()
            .any(|cell| cell.contains(char::is_alphanumeric));
        return (cells.len() > 1 && says_something).then_some(cells);
    }
    let cells = cells(';');
    (cells.len() > 1 && cells.iter().all(|cell| key_and_value(cell).is_some())).then_some(cells)
}

/// `Цена: 45 000` → `("Цена", "45 000")`.
pub(super) fn key_and_value(cell: &str) -> Option<(&str, &str)> {
    let (key, value) = cell.split_once(": ")?;
    (key.chars().count() <= MAX_KEY_CHARS).then_some((key.trim(), value.trim()))
}

/// Sentences of a line: they end with `.`, `!`, `?` or `…` before something that can begin one.
fn sentences(line: &str) -> Vec<&str> {
    let line = line
        .trim()
        .trim_start_matches(['•', '-', '–', '—', '*', '#'])
        .trim_start();
    let (mut found, mut start) = (Vec::new(), 0);
    for (place, mark) in line.match_indices(['.', '!', '?', '…']) {
        let end = place + mark.len();
        if end > start
            && begins_sentence(&line[end..])
            && !(mark == "." && abbreviated(&line[start..place]))
        {
            found.push(line[start..end].trim());
            start = end;
        }
    }
    found.push(line[start..].trim());
    found.retain(|sentence| sentence.contains(char::is_alphanumeric));
    found
}

fn begins_sentence(rest: &str) -> bool {
    let mut chars = rest.chars();
    chars.next().is_some_and(char::is_whitespace)
        && chars
            .find(|c| c.is_alphanumeric())
            .is_some_and(|c| !c.is_lowercase())
}

fn abbreviated(before: &str) -> bool {
    let word = before
        .rsplit(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_they_end() {
        let line = "— Доставка по ул. Ленина стоит 500 руб. и занимает 2.5 дня. Подъём бесплатно! «Осло» тоже?";
        let expected = [
            "Доставка по ул. Ленина стоит 500 руб. и занимает 2.5 дня.",
            "Подъём бесплатно!",
            "«Осло» тоже?",
        ];
        assert_eq!(sentences(line), expected);
        assert_eq!(sentences(" … "), Vec::<&str>::new());
    }

    #[test]
    fn rows_are_told_from_sentences() {
        assert_eq!(
            row("Название: Диван; Цена: 45 000"),
            Some(vec!["Название: Диван", "Цена: 45 000"])
        );
        assert_eq!(row("| Диван | 45 000 |"), Some(vec!["Диван", "45 000"]));
        for line in [
            "|---|---|",
            "Есть диваны; цены разные: смотрите сайт.",
            "Просто текст",
            "",
        ] {
            assert_eq!(row(line), None, "{line}");
        }
    }

    #[test]
    fn amounts_are_terms() {
        let words = Words::new();
        assert!(terms("Осло — 45 000 ₽", &words).contains(PRICE));
        assert!(terms("Привезём за 2 дня", &words).contains(TIME));
        assert!(!terms("Привезём", &words).contains(TIME));
    }
}
