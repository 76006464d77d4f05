//! What the message is about, by rules: cheap, the same every time, and honest when nothing fits.

use std::sync::LazyLock;

use regex::Regex;

/// What the client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    Greeting,
    PriceQuestion,
    DeliveryQuestion,
    Objection,
    Question,
    Statement,
}

impl Intent {
    /// The word in traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::PriceQuestion => "price_question",
            Self::DeliveryQuestion => "delivery_question",
            Self::Objection => "objection",
            Self::Question => "question",
            Self::Statement => "statement",
        }
    }
}

/// What is known of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classified {
    pub intent: Intent,
    /// `price`, `timing`, `need`, `competitor`, `trust`.
    pub objection: Option<&'static str>,
    pub upset: bool,
}

/// Classifies a message.
pub fn classify(text: &str) -> Classified {
    let text = text.to_lowercase().replace('ё', "е");
    let objection = OBJECTIONS
        .iter()
        .find(|(_, pattern)| pattern.is_match(&text))
        .map(|(name, _)| *name);
    let intent = if objection.is_some() {
        Intent::Objection
    } else if PRICE.is_match(&text) {
        Intent::PriceQuestion
    } else if DELIVERY.is_match(&text) {
        Intent::DeliveryQuestion
    } else if GREETING.is_match(&text) {
        Intent::Greeting
    } else if text.contains('?') || QUESTION.is_match(&text) {
        Intent::Question
    } else {
        Intent::Statement
    };
    Classified {
        intent,
        objection,
        upset: UPSET.is_match(&text),
    }
}

#[expect(
    clippy::expect_used,
    reason = "fixed patterns, compiled by the tests below"
)]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("patterns are valid")
}

static OBJECTIONS: LazyLock<[(&str, Regex); 5]> = LazyLock::new(|| {
    [
        (
            "competitor",
            pattern(
                r"(у других|в другом месте|у конкурент|на (озоне|авито|wildberries)).{0,30}(дешевле|лучше)|cheaper (elsewhere|at)|competitor",
            ),
        ),
        (
            "price",
            pattern(
                r"(слишком |очень |как-то )?дорого|дороговато|не по карману|too expensive|too pricey|over ?priced|can'?t afford",
            ),
        ),
        (
            "timing",
            pattern(
                r"(не сейчас|подумаю|позже|потом решу|надо подумать|not now|think about it|maybe later)",
            ),
        ),
        (
            "need",
            pattern(
                r"(мне не нужн|не актуально|неинтересно|не интересно|don'?t need|not interested)",
            ),
        ),
        (
            "trust",
            pattern(
                r"(не доверяю|обман|мошенник|развод|а вдруг|scam|don'?t trust|is (this|it) legit)",
            ),
        ),
    ]
});
static PRICE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(сколько (стоит|стоят|будет)|цен[аыуе]|прайс|стоимост|почем|по чем|скидк|how much|price|cost|discount)",
    )
});
static DELIVERY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(доставк|достав(ите|ляете)|привез|самовывоз|deliver|shipping|ship to|pick ?up)")
});
static GREETING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(здравствуйте|здравствуй|привет|добрый (день|вечер)|доброе утро|hello|hi|hey|good (morning|afternoon|evening))[\s!.,)]*$",
    )
});
static QUESTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(как|какой|какая|какие|где|когда|почему|зачем|есть ли|можно ли|что|кто|what|where|when|why|how|which|who|do you|can you|is there|are there)\b",
    )
});
static UPSET: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(безобраз|ужасн|отврат|кошмар|издеваетесь|возмут|terrible|awful|ridiculous|disgust|unacceptable|furious)",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intents_in_both_languages() {
        for (text, intent) in [
            ("Здравствуйте!", Intent::Greeting),
            ("Сколько стоит диван Осло?", Intent::PriceQuestion),
            ("How much is the Oslo sofa?", Intent::PriceQuestion),
            ("Вы доставляете в Казань?", Intent::DeliveryQuestion),
            ("Какая гарантия", Intent::Question),
            ("Меня зовут Анна", Intent::Statement),
        ] {
            assert_eq!(classify(text).intent, intent, "{text}");
        }
    }

    #[test]
    fn objections_are_typed() {
        for (text, kind) in [
            ("Ой, дорого", "price"),
            ("That's too expensive", "price"),
            ("Я подумаю", "timing"),
            ("У других дешевле", "competitor"),
            ("Это не мошенники?", "trust"),
        ] {
            assert_eq!(classify(text).objection, Some(kind), "{text}");
        }
        assert_eq!(classify("Есть ли диван?").objection, None);
    }
}
