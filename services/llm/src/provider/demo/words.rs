//! Words made comparable: stems, and one name for words that ask for the same thing.

use std::collections::{BTreeSet, HashMap};

use rust_stemmers::{Algorithm, Stemmer};

/// The language of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    Ru,
    En,
}

impl Lang {
    /// The language of the first text that has letters of one; by the majority of its letters.
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        for text in texts {
            let russian = text
                .chars()
                .filter(|c| matches!(c, 'а'..='я' | 'А'..='Я' | 'ё' | 'Ё'));
            let latin = text.chars().filter(char::is_ascii_alphabetic);
            match (russian.count(), latin.count()) {
                (0, 0) => {}
                (russian, latin) if russian >= latin => return Self::Ru,
                _ => return Self::En,
            }
        }
        Self::En
    }
}

/// Words of one meaning in a sale, so that «сколько стоит» finds «Цена» and `delivery` finds
/// «доставка». The first is the name.
const CONCEPTS: &[&[&str]] = &[
    &[
        PRICE,
        "цена",
        "цены",
        "стоимость",
        "стоит",
        "стоить",
        "стоят",
        "прайс",
        "почем",
        "cost",
    ],
    &[
        TIME,
        "срок",
        "сроки",
        "когда",
        "долго",
        "быстро",
        "when",
        "long",
        "soon",
    ],
    &[
        "delivery",
        "доставка",
        "доставить",
        "доставляете",
        "привезти",
        "deliver",
        "shipping",
        "ship",
    ],
    &[
        "payment",
        "оплата",
        "оплатить",
        "платить",
        "рассрочка",
        "pay",
        "installment",
    ],
    &[
        "return",
        "возврат",
        "вернуть",
        "обмен",
        "обменять",
        "refund",
        "exchange",
    ],
    &["warranty", "гарантия", "гарантийный", "guarantee"],
    &["discount", "скидка", "скидки", "акция", "sale"],
    &["address", "адрес", "где", "where", "located"],
    &["hours", "график", "режим", "работаете", "open", "schedule"],
    &[
        "contact",
        "телефон",
        "контакты",
        "позвонить",
        "phone",
        "call",
    ],
    &[
        "assembly",
        "сборка",
        "собрать",
        "монтаж",
        "установка",
        "assemble",
        "installation",
    ],
];

pub(super) const PRICE: &str = "price";
pub(super) const TIME: &str = "days";

/// Words that ask for nothing by themselves.
const STOP_WORDS: &[&str] = &[
    "а",
    "без",
    "бы",
    "был",
    "быть",
    "в",
    "вам",
    "вас",
    "ваш",
    "ваша",
    "ваше",
    "ваши",
    "во",
    "вот",
    "все",
    "вы",
    "да",
    "для",
    "до",
    "его",
    "ее",
    "если",
    "есть",
    "еще",
    "же",
    "за",
    "и",
    "из",
    "или",
    "им",
    "их",
    "к",
    "как",
    "какая",
    "какие",
    "какой",
    "какое",
    "каком",
    "ко",
    "кто",
    "ли",
    "меня",
    "мне",
    "можно",
    "мой",
    "мы",
    "на",
    "надо",
    "нам",
    "нас",
    "не",
    "нет",
    "ни",
    "но",
    "ну",
    "о",
    "об",
    "он",
    "она",
    "они",
    "от",
    "по",
    "под",
    "подскажите",
    "пожалуйста",
    "при",
    "про",
    "расскажите",
    "с",
    "свой",
    "сколько",
    "со",
    "так",
    "там",
    "то",
    "тоже",
    "только",
    "у",
    "уже",
    "хочу",
    "чего",
    "чем",
    "что",
    "чтобы",
    "эта",
    "эти",
    "это",
    "этот",
    "я",
    "a",
    "about",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "by",
    "can",
    "could",
    "do",
    "does",
    "for",
    "from",
    "give",
    "has",
    "have",
    "how",
    "i",
    "if",
    "in",
    "is",
    "it",
    "its",
    "me",
    "much",
    "many",
    "my",
    "not",
    "of",
    "on",
    "or",
    "our",
    "please",
    "tell",
    "that",
    "the",
    "their",
    "there",
    "this",
    "to",
    "us",
    "want",
    "was",
    "we",
    "what",
    "which",
    "who",
    "will",
    "with",
    "would",
    "you",
    "your",
];

/// Makes terms of texts.
pub(super) struct Words {
    russian: Stemmer,
    english: Stemmer,
    concepts: HashMap<String, &'static str>,
}

impl Words {
    pub(super) fn new() -> Self {
        let mut words = Self {
            russian: Stemmer::create(Algorithm::Russian),
            english: Stemmer::create(Algorithm::English),
            concepts: HashMap::new(),
        };
        for concept in CONCEPTS {
            for word in *concept {
                let stem = words.stem(word);
                words.concepts.insert(stem, concept[0]);
            }
        }
        words
    }

    /// The terms of a text, each once.
    pub(super) fn terms(&self, text: &str) -> BTreeSet<String> {
        lower_words(text)
            .filter(|word| !STOP_WORDS.contains(&word.as_str()))
            .map(|word| {
                let stem = self.stem(&word);
                self.concepts
                    .get(&stem)
                    .map_or(stem, |concept| (*concept).to_owned())
            })
            .collect()
    }

    fn stem(&self, word: &str) -> String {
        let stemmer = if word.is_ascii() {
            &self.english
        } else {
            &self.russian
        };
        stemmer.stem(word).into_owned()
    }
}

/// Words in lower case, `ё` written as `е`.
pub(super) fn lower_words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('ё', "е"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_languages_meet() {
        let words = Words::new();
        for (one, other) in [
            ("Сколько стоит диван?", "Цены на диваны"),
            ("How much does delivery cost?", "стоимость доставки"),
            ("возвраты", "refunds"),
        ] {
            assert_eq!(words.terms(one), words.terms(other), "{one} / {other}");
        }
    }

    #[test]
    fn a_concept_keeps_its_name_under_stemming() {
        let words = Words::new();
        for concept in CONCEPTS {
            assert_eq!(Vec::from_iter(words.terms(concept[0])), [concept[0]]);
        }
    }

    #[test]
    fn the_language_is_that_of_the_first_text_with_letters() {
        assert_eq!(Lang::of(["Сколько стоит MacBook Air?"]), Lang::Ru);
        assert_eq!(Lang::of(["How much?"]), Lang::En);
        assert_eq!(Lang::of(["45 000?", "диван"]), Lang::Ru);
        assert_eq!(Lang::of([""]), Lang::En);
    }
}
