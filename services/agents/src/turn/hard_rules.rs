//! Words that decide a turn before any model is asked.

use std::sync::LazyLock;

use regex::RegexSet;

/// What a hard rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HardRule {
    /// The client does not want to be written to.
    OptOut,
    /// The client asks for a person.
    HumanRequested,
    /// Courts, police, complaints to authorities: a person must answer.
    LegalThreat,
}

impl HardRule {
    /// The word in traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptOut => "opt_out",
            Self::HumanRequested => "human_requested",
            Self::LegalThreat => "legal_threat",
        }
    }
}

/// The first rule that the text meets.
pub fn hard_rule(text: &str) -> Option<HardRule> {
    let text = text.to_lowercase().replace('ё', "е");
    [
        (&*OPT_OUT, HardRule::OptOut),
        (&*HUMAN, HardRule::HumanRequested),
        (&*LEGAL, HardRule::LegalThreat),
    ]
    .into_iter()
    .find_map(|(patterns, rule)| patterns.is_match(&text).then_some(rule))
}

#[expect(
    clippy::expect_used,
    reason = "fixed patterns, compiled by the tests below"
)]
fn set(patterns: &[&str]) -> RegexSet {
    RegexSet::new(patterns).expect("patterns are valid")
}

static OPT_OUT: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"^\s*(стоп|stop|unsubscribe|отписаться|отпишите( меня)?)\s*[.!]*\s*$",
        r"не (пишите|присылайте|беспокойте)( мне)?( больше)?",
        r"(больше|хватит) (мне )?(не )?(писать|пишите)",
        r"(удалите|уберите) (мой номер|меня из)",
        r"(stop|don'?t|do not|quit) (writing|messaging|texting|contacting|message|text|contact|write)( to)?( me)?\b",
        r"remove me from",
    ])
});

static HUMAN: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"(позовите|соедините|переключите|дайте|позови|нужен|нужна|хочу|можно)\b.{0,40}\b(человек|оператор|менеджер|живо|сотрудник|консультант)",
        r"(поговорить|пообщаться|связаться) с (живым )?(человеком|оператором|менеджером|сотрудником|консультантом)",
        r"\b(talk|speak|chat|connect me|transfer me|put me through)\b.{0,30}\b(human|person|agent|operator|manager|representative|someone real)\b",
        r"\b(need|want|get me|call) (a |an |the )?(real |live )?(human|person|operator|manager|representative)\b",
    ])
});

static LEGAL: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"\b(подам|подаю|подать|обращусь|пойду|иду|напишу|пишу)\b.{0,30}\b(в суд|иск|роспотребнадзор|прокуратур|полици)",
        r"\b(мой|наш) (юрист|адвокат)\b",
        r"\b(sue|lawsuit|my (lawyer|attorney)|legal action|take you to court|consumer protection)\b",
    ])
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_a_person() {
        for text in [
            "позовите человека",
            "Соедините меня с живым оператором, пожалуйста",
            "Хочу поговорить с менеджером",
            "Can I speak to a human?",
            "I need a real person",
        ] {
            assert_eq!(hard_rule(text), Some(HardRule::HumanRequested), "{text}");
        }
    }

    #[test]
    fn opting_out() {
        for text in [
            "Стоп",
            "STOP",
            "не пишите мне больше",
            "Stop texting me",
            "Отпишите меня",
        ] {
            assert_eq!(hard_rule(text), Some(HardRule::OptOut), "{text}");
        }
    }

    #[test]
    fn threats() {
        for text in [
            "Я подам на вас в суд",
            "my lawyer will call you",
            "Напишу в Роспотребнадзор",
        ] {
            assert_eq!(hard_rule(text), Some(HardRule::LegalThreat), "{text}");
        }
    }

    #[test]
    fn ordinary_talk_meets_no_rule() {
        for text in [
            "Сколько стоит доставка?",
            "На сколько человек этот стол?",
            "Это стоп-кран или вентиль?",
            "Do you have a person-sized sofa?",
            "Пишите цену в рублях",
            "Есть ли скидка для юристов?",
        ] {
            assert_eq!(hard_rule(text), None, "{text}");
        }
    }
}
