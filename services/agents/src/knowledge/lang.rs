//! The language of a text, as far as stemming and answering care: Russian, English or unknown.

use serde::{Deserialize, Serialize};
use whatlang::{Detector, Lang as Detected};

/// A BCP-47 tag out of three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Russian.
    Ru,
    /// English.
    En,
    /// Undetermined: too little text, or another language.
    #[default]
    Und,
}

/// Detection reads no more than this: language does not change the answer further on.
const SAMPLE_CHARS: usize = 4_000;

/// Under this many letters a trigram detector guesses; the script alone is more honest.
const TRIGRAM_LETTERS: usize = 60;

/// Letters of the neighbours' alphabets that Russian has not (Ukrainian, Belarusian, Kazakh,
/// Serbian).
const NOT_RUSSIAN: &str = "іїєґўәғқңөұүһђјљњћџ";

impl Lang {
    /// The BCP-47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
            Self::Und => "und",
        }
    }

    /// The language with this tag; anything unknown is undetermined.
    pub fn from_tag(tag: &str) -> Self {
        match tag {
            "ru" => Self::Ru,
            "en" => Self::En,
            _ => Self::Und,
        }
    }

    /// The language of a part of a document in this language. Parts written in the document's own
    /// script need no trigrams, which cost more than everything else that is done to a part.
    pub fn of_part(self, text: &str) -> Self {
        let letters = Letters::count(text);
        let total = letters.cyrillic + letters.latin + letters.other;
        let is_like = match self {
            Self::Ru => letters.cyrillic * 2 > total && !letters.foreign_cyrillic,
            Self::En => letters.latin * 10 > total * 9 && !letters.latin_extended,
            Self::Und => false,
        };
        match if is_like || total == 0 {
            self
        } else {
            Self::of(text)
        } {
            Self::Und => self,
            lang => lang,
        }
    }

    /// The language of `text`: the script decides between Cyrillic and Latin, trigrams decide
    /// whether it is Russian or English among the languages written so.
    pub fn of(text: &str) -> Self {
        let letters = Letters::count(text);
        let total = letters.cyrillic + letters.latin + letters.other;
        if total < 3 || letters.other * 2 > total {
            return Self::Und;
        }
        if letters.cyrillic * 5 >= total {
            // Latin brand names are usual in Russian text, so a fifth of Cyrillic is enough.
            return if letters.foreign_cyrillic {
                Self::Und
            } else {
                among_cyrillic(text, total)
            };
        }
        among_latin(text, total, letters.latin_extended)
    }
}

struct Letters {
    cyrillic: usize,
    latin: usize,
    latin_extended: bool,
    foreign_cyrillic: bool,
    other: usize,
}

impl Letters {
    fn count(text: &str) -> Self {
        let mut letters = Self {
            cyrillic: 0,
            latin: 0,
            latin_extended: false,
            foreign_cyrillic: false,
            other: 0,
        };
        for char in text
            .chars()
            .take(SAMPLE_CHARS)
            .filter(|char| char.is_alphabetic())
        {
            match char {
                'a'..='z' | 'A'..='Z' => letters.latin += 1,
                '\u{400}'..='\u{52f}' => {
                    letters.cyrillic += 1;
                    let lower = char.to_lowercase().next().unwrap_or(char);
                    letters.foreign_cyrillic |= NOT_RUSSIAN.contains(lower);
                }
                '\u{c0}'..='\u{24f}' => {
                    letters.latin += 1;
                    letters.latin_extended = true;
                }
                _ => letters.other += 1,
            }
        }
        letters
    }
}

fn among_cyrillic(text: &str, letters: usize) -> Lang {
    if letters < TRIGRAM_LETTERS {
        return Lang::Ru;
    }
    let detector = Detector::with_allowlist(vec![
        Detected::Rus,
        Detected::Bul,
        Detected::Mkd,
        Detected::Srp,
        Detected::Eng,
    ]);
    match reliable(&detector, text) {
        Some(Detected::Bul | Detected::Mkd | Detected::Srp) => Lang::Und,
        _ => Lang::Ru,
    }
}

fn among_latin(text: &str, letters: usize, extended: bool) -> Lang {
    if letters < TRIGRAM_LETTERS {
        return if extended { Lang::Und } else { Lang::En };
    }
    let detector = Detector::with_allowlist(vec![
        Detected::Eng,
        Detected::Deu,
        Detected::Fra,
        Detected::Spa,
        Detected::Ita,
        Detected::Por,
        Detected::Pol,
        Detected::Nld,
        Detected::Tur,
        Detected::Vie,
    ]);
    match reliable(&detector, text) {
        None | Some(Detected::Eng) => Lang::En,
        Some(_) => Lang::Und,
    }
}

fn reliable(detector: &Detector, text: &str) -> Option<Detected> {
    let end = text
        .char_indices()
        .nth(SAMPLE_CHARS)
        .map_or(text.len(), |(at, _)| at);
    detector
        .detect(&text[..end])
        .filter(|info| info.is_reliable())
        .map(|info| info.lang())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_russian_english_and_the_rest() {
        let cases = [
            (
                "Доставка по Москве бесплатна при заказе от пяти тысяч рублей, занос на этаж оплачивается отдельно.",
                Lang::Ru,
            ),
            (
                "Delivery within the city is free for orders over fifty pounds; we carry it to your floor.",
                Lang::En,
            ),
            ("Сколько стоит?", Lang::Ru),
            ("price?", Lang::En),
            ("Ноутбук Lenovo ThinkPad X1 Carbon", Lang::Ru),
            (
                "Доставка по місту безкоштовна, якщо замовлення більше ніж п'ять тисяч гривень.",
                Lang::Und,
            ),
            (
                "Die Lieferung innerhalb der Stadt ist kostenlos, wenn der Auftrag fünfzig Euro übersteigt.",
                Lang::Und,
            ),
            ("送料は無料です", Lang::Und),
            ("12 500", Lang::Und),
            ("", Lang::Und),
        ];
        for (text, expected) in cases {
            assert_eq!(Lang::of(text), expected, "{text}");
        }
    }

    #[test]
    fn parts_follow_their_document_unless_they_are_plainly_other() {
        let english = "Delivery within the city is free for orders over fifty pounds.";
        assert_eq!(Lang::Ru.of_part(english), Lang::En);
        assert_eq!(
            Lang::En.of_part("Доставка по городу бесплатна при заказе от 5 000 ₽."),
            Lang::Ru
        );
        assert_eq!(Lang::Ru.of_part("12 500"), Lang::Ru);
        assert_eq!(Lang::Und.of_part("Сколько стоит доставка?"), Lang::Ru);
    }

    #[test]
    fn tags_round_trip() {
        for lang in [Lang::Ru, Lang::En, Lang::Und] {
            assert_eq!(Lang::from_tag(lang.tag()), lang);
        }
    }
}
