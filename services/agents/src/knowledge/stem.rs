//! Text to terms, the same way for what is indexed and for what is asked.
//!
//! A term is a stem (Snowball: Russian for Cyrillic words, English for Latin ones), a number, or an
//! article code. Numbers lose their grouping (`45 000` is `45000`), codes lose their separators and
//! the difference between look-alike Cyrillic and Latin letters (`Р-40` typed in Russian is `P-40`).

mod words;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};

use words::{Words, number};

/// Words that say nothing about what a passage is about. Function words only: "о нас", "кто",
/// "сколько" may be the question.
const STOP_WORDS: [&str; 92] = [
    "и",
    "в",
    "во",
    "на",
    "с",
    "со",
    "к",
    "ко",
    "по",
    "из",
    "за",
    "от",
    "до",
    "у",
    "о",
    "об",
    "при",
    "для",
    "без",
    "под",
    "над",
    "что",
    "как",
    "а",
    "но",
    "да",
    "или",
    "либо",
    "же",
    "бы",
    "ли",
    "не",
    "ни",
    "то",
    "это",
    "этот",
    "эта",
    "эти",
    "так",
    "его",
    "ее",
    "их",
    "он",
    "она",
    "они",
    "оно",
    "мы",
    "вы",
    "я",
    "если",
    "чтобы",
    "также",
    "уже",
    "еще",
    "только",
    "будет",
    "быть",
    "the",
    "a",
    "an",
    "and",
    "or",
    "of",
    "to",
    "in",
    "on",
    "at",
    "for",
    "with",
    "by",
    "from",
    "is",
    "are",
    "was",
    "be",
    "been",
    "it",
    "its",
    "this",
    "that",
    "these",
    "as",
    "if",
    "do",
    "does",
    "can",
    "we",
    "you",
    "i",
    "my",
    "your",
    "our",
];

/// Longer words are cut: nobody asks for them, and they would fill the dictionary.
const MAX_TERM_CHARS: usize = 64;

/// A term and where it stands in the text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What is indexed.
    pub term: String,
    /// What it was made from.
    pub span: Range<usize>,
}

/// Makes terms; keep one for many texts, it remembers the stems of words it has seen.
pub struct Stemming {
    russian: Stemmer,
    english: Stemmer,
    seen: HashMap<String, Option<String>>,
}

impl std::fmt::Debug for Stemming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stemming")
    }
}

impl Default for Stemming {
    fn default() -> Self {
        Self {
            russian: Stemmer::create(Algorithm::Russian),
            english: Stemmer::create(Algorithm::English),
            seen: HashMap::new(),
        }
    }
}

/// The memory of seen words is emptied at this size; texts repeat few words often.
const REMEMBERED_WORDS: usize = 50_000;

impl Stemming {
    /// The terms of `text` in order. One word may give several (`АБ-12/3`: the code and its parts).
    pub fn tokens(&mut self, text: &str) -> Vec<Token> {
        let mut tokens = Vec::new();
        self.each(text, |term, span| {
            tokens.push(Token {
                term: term.to_owned(),
                span,
            })
        });
        tokens
    }

    /// Calls `take` with every term and the bytes it stands for.
    pub fn each(&mut self, text: &str, mut take: impl FnMut(&str, Range<usize>)) {
        for span in (Words { text, at: 0 }) {
            let word = &text[span.clone()];
            if word.bytes().any(|byte| byte.is_ascii_digit()) {
                self.code(word, span, &mut take);
            } else {
                self.parts(word, span, &mut take);
            }
        }
    }

    /// A number or an article code, then its parts of two characters and more.
    fn code(&mut self, word: &str, span: Range<usize>, take: &mut impl FnMut(&str, Range<usize>)) {
        if let Some(number) = number(word) {
            return take(&number, span);
        }
        let code: String = word
            .chars()
            .filter(|char| char.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .map(latin_twin)
            .take(MAX_TERM_CHARS)
            .collect();
        take(&code, span.clone());
        let mut start = 0;
        for part in word.split(|char: char| !char.is_alphanumeric()) {
            let at = span.start + start;
            start += part.len()
                + word[start + part.len()..]
                    .chars()
                    .next()
                    .map_or(0, char::len_utf8);
            if part.len() == word.len() || part.chars().nth(1).is_none() {
                continue;
            }
            let place = at..at + part.len();
            if part.chars().all(|char| char.is_ascii_digit()) {
                take(part, place);
            } else if part.chars().all(char::is_alphabetic) {
                self.word(part, place, take);
            }
        }
    }

    /// The words joined by hyphens or slashes, one by one.
    fn parts(&mut self, word: &str, span: Range<usize>, take: &mut impl FnMut(&str, Range<usize>)) {
        let mut start = 0;
        for part in word.split(|char: char| !char.is_alphanumeric()) {
            if !part.is_empty() {
                let at = span.start + start;
                self.word(part, at..at + part.len(), take);
            }
            start += part.len()
                + word[start + part.len()..]
                    .chars()
                    .next()
                    .map_or(0, char::len_utf8);
        }
    }

    fn word(&mut self, word: &str, span: Range<usize>, take: &mut impl FnMut(&str, Range<usize>)) {
        if let Some(known) = self.seen.get(word) {
            if let Some(term) = known {
                take(term, span);
            }
            return;
        }
        let term = self.stem(word);
        if let Some(term) = &term {
            take(term, span);
        }
        if self.seen.len() >= REMEMBERED_WORDS {
            self.seen.clear();
        }
        self.seen.insert(word.to_owned(), term);
    }

    fn stem(&self, word: &str) -> Option<String> {
        let lower: String = word
            .chars()
            .flat_map(char::to_lowercase)
            .map(|char| if char == 'ё' { 'е' } else { char })
            .take(MAX_TERM_CHARS)
            .collect();
        if STOP_WORDS.contains(&lower.as_str()) {
            return None;
        }
        let first = lower.chars().next()?;
        let stem: Cow<'_, str> = match first {
            '\u{430}'..='\u{44f}' => Cow::Owned(self.russian(&lower)),
            'a'..='z' => self.english.stem(&lower),
            _ => Cow::Borrowed(&lower),
        };
        (!stem.is_empty()).then(|| stem.into_owned())
    }

    fn russian(&self, lower: &str) -> String {
        without_verb_ending(self.russian.stem(lower).into_owned())
    }
}

/// Snowball takes nouns on -ан, -ал for verbs in some cases only (`диван` and `дивана` give `дива`,
/// `диванов` gives `диван`). The stem loses the same letter in every case: the last one after `а`
/// or `я` that is not the word's first vowel.
fn without_verb_ending(mut stem: String) -> String {
    const VOWELS: &str = "аеиоуыэюя";
    let mut end = stem.chars().rev();
    if matches!(end.next(), Some('н' | 'л'))
        && matches!(end.next(), Some('а' | 'я'))
        && end.any(|char| VOWELS.contains(char))
    {
        stem.pop();
    }
    stem
}

/// The Latin letter that looks like this Cyrillic one, in lower case.
fn latin_twin(char: char) -> char {
    match char {
        'а' => 'a',
        'в' => 'b',
        'е' | 'ё' => 'e',
        'к' => 'k',
        'м' => 'm',
        'н' => 'h',
        'о' => 'o',
        'р' => 'p',
        'с' => 'c',
        'т' => 't',
        'у' => 'y',
        'х' => 'x',
        other => other,
    }
}

/// The bytes of `text` that made one of `terms`, in order: what to mark in a found passage.
pub fn highlights(text: &str, terms: &[String]) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    Stemming::default().each(text, |term, span| {
        let overlaps = spans.last().is_some_and(|last| last.end > span.start);
        if !overlaps && terms.iter().any(|wanted| wanted == term) {
            spans.push(span);
        }
    });
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        Stemming::default()
            .tokens(text)
            .into_iter()
            .map(|token| token.term)
            .collect()
    }

    #[test]
    fn forms_of_a_word_meet() {
        for (a, b) in [
            ("диваны", "дивана"),
            ("диванов", "диван"),
            ("материалы", "материала"),
            ("экранов", "экран"),
            ("планов", "план"),
            ("кресло", "кресла"),
            ("доставка", "доставкой"),
            ("Ёлка", "елки"),
            ("warranty", "warranties"),
            ("sofas", "sofa"),
            ("ДИВАН", "диван"),
            ("интернет-магазин", "интернет магазина"),
        ] {
            assert_eq!(terms(a), terms(b), "{a} {b}");
        }
    }

    #[test]
    fn codes_and_numbers_meet_however_they_are_written() {
        for (a, b) in [
            ("P-40", "р-40"),
            ("АБ-12/3", "аб-12/3"),
            ("45 000", "45000"),
            ("45\u{a0}000,00", "45000"),
            ("45,000.00", "45 000"),
            ("3,50", "3.5"),
            ("1.250.000", "1250000"),
        ] {
            assert_eq!(terms(a), terms(b), "{a} {b}");
        }
        assert_eq!(terms("P-40"), ["p40", "40"]);
        assert_eq!(terms("АБ-12/3"), ["aб123", "аб", "12"]);
        assert_eq!(
            terms("0.125 12.05.2026 2026 100"),
            ["0.125", "12052026", "12", "05", "2026", "2026", "100"]
        );
        assert_eq!(terms("12,5 кг, 3 шт."), ["12.5", "кг", "3", "шт"]);
    }

    #[test]
    fn stop_words_go_and_questions_stay() {
        assert_eq!(terms("и в на the of"), Vec::<String>::new());
        assert_eq!(terms("Сколько стоит?").len(), 2);
        assert_eq!(terms("кто").len(), 1);
    }

    #[test]
    fn spans_point_at_the_words() {
        let text = "Диван «Осло» (P-40): 45 000 ₽";
        for token in Stemming::default().tokens(text) {
            assert!(
                text.is_char_boundary(token.span.start) && text.is_char_boundary(token.span.end)
            );
        }
        let wanted = [terms("осло"), terms("45000"), terms("p40")].concat();
        let found: Vec<&str> = highlights(text, &wanted)
            .into_iter()
            .map(|span| &text[span])
            .collect();
        assert_eq!(found, ["Осло", "P-40", "45 000"]);
    }

    #[test]
    fn hostile_text_is_survived() {
        for text in [
            "-",
            "--a--",
            "1 000 000 000 000",
            "a-",
            "…",
            "é\u{301}\u{301}",
            "日本語",
            "'a'b'",
            "1..2,,3",
        ] {
            for token in Stemming::default().tokens(text) {
                assert!(!token.term.is_empty(), "{text}");
            }
        }
        assert!(terms(&"я".repeat(10_000))[0].chars().count() <= MAX_TERM_CHARS);
    }
}
