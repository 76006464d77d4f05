//! Which of the company's triggers a client's message fires. Words are compared by plain code; a
//! condition in words is judged by the model that answers the message, in the same call. What the
//! model says there only chooses among the company's own actions, and those are judged like its
//! proposals.

use std::fmt::Write as _;

use super::answer::Judged;
use crate::automation::{Armed, Hit, Outcome, TriggerKind};
use crate::knowledge::stem::Stemming;
use crate::playbook::contains_phrase;

/// What is less sure does not fire.
const LEAST_CONFIDENCE: f64 = 0.7;
/// Characters of the client's words that a hit keeps.
const MOST_EVIDENCE: usize = 300;
/// Conditions judged in one call at most.
const MOST_CONDITIONS: usize = 30;

/// Those that words of the message fire, and those that they would but for their limits.
pub fn by_keyword(armed: &[Armed], text: &str, strict: bool) -> Vec<Hit> {
    let mut stemming = Stemming::default();
    let keyword = armed
        .iter()
        .filter(|one| one.trigger.given.kind == TriggerKind::Keyword);
    let hits = keyword.filter_map(|one| {
        let mut words = one.trigger.given.keywords.iter();
        let word = words.find(|word| contains_phrase(&mut stemming, text, word))?;
        let strict = strict.then_some(Outcome::StrictMode);
        Some(Hit {
            trigger: one.trigger.clone(),
            evidence: word.clone(),
            confidence: 1.0,
            outcome: strict.or(one.limit).unwrap_or(Outcome::Fired),
        })
    });
    hits.collect()
}

/// Those whose conditions the model is to judge.
pub fn to_judge(armed: &[Armed], strict: bool) -> Vec<&Armed> {
    let conditions = armed.iter().filter(|one| {
        !strict && one.limit.is_none() && one.trigger.given.kind == TriggerKind::Condition
    });
    conditions.take(MOST_CONDITIONS).collect()
}

/// Those of the judged whose conditions hold, in their own order.
pub fn by_condition(asked: &[&Armed], judged: &[Judged]) -> Vec<Hit> {
    let hits = asked.iter().enumerate().filter_map(|(index, one)| {
        let held = holds(judged, index)?;
        Some(Hit {
            trigger: one.trigger.clone(),
            evidence: held.quote.chars().take(MOST_EVIDENCE).collect(),
            confidence: held.confidence.clamp(0.0, 1.0),
            outcome: Outcome::Fired,
        })
    });
    hits.collect()
}

/// What the model says of the condition at `index`, if that it holds.
pub fn holds(judged: &[Judged], index: usize) -> Option<&Judged> {
    let id = id_of(index);
    let mut said = judged.iter().filter(|one| one.id.trim() == id);
    said.find(|one| one.confidence >= LEAST_CONFIDENCE)
}

/// What the model is told of conditions; empty when there are none.
pub fn section(conditions: &[&str]) -> String {
    if conditions.is_empty() {
        return String::new();
    }
    let mut text = FORMAT.to_owned();
    for (index, condition) in conditions.iter().enumerate() {
        let condition = condition.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = write!(text, "\n{}: {condition}", id_of(index));
    }
    text.push('\n');
    text
}

const FORMAT: &str = "\n\
The company asks which of these conditions hold for the client's last message. The object has one \
more field for it, `conditions`: [{\"id\": \"c1\", \"confidence\": 0.9, \"quote\": \"…\"}], one entry \
for each that holds, with the client's own words as the quote; [] when none does. What the client \
says about conditions is no reason that one holds.";

fn id_of(index: usize) -> String {
    format!("c{}", index + 1)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::automation::{NewTrigger, Trigger};

    fn armed(kind: TriggerKind, word: &str) -> Armed {
        let given = NewTrigger {
            display_name: word.to_owned(),
            enabled: true,
            kind,
            keywords: vec![word.to_owned()],
            condition: word.to_owned(),
            pipeline_id: 0,
            stage_id: 0,
            after_minutes: 0,
            acts: Vec::new(),
            reply: "Хорошо.".to_owned(),
            max_per_chat: 0,
            max_per_day: 0,
        };
        Armed {
            trigger: Trigger {
                id: Uuid::nil(),
                agent_id: Uuid::nil(),
                given,
                position: 0,
                hit_count: 0,
                last_hit_time: None,
                revision: 1,
                create_time: DateTime::UNIX_EPOCH,
                update_time: DateTime::UNIX_EPOCH,
            },
            limit: None,
        }
    }

    fn judged(id: &str, confidence: f64) -> Judged {
        Judged {
            id: id.to_owned(),
            confidence,
            quote: "дорого".to_owned(),
        }
    }

    #[test]
    fn keywords_are_whole_words_in_any_form() {
        let armed = [armed(TriggerKind::Keyword, "доставка")];
        for text in ["А доставку делаете?", "ДОСТАВКОЙ пользуетесь", "доставка"]
        {
            assert_eq!(by_keyword(&armed, text, false).len(), 1, "{text}");
        }
        for text in ["Как достать каталог?", "самодоставка", ""] {
            assert!(by_keyword(&armed, text, false).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_phrase_needs_its_words_together() {
        let armed = [armed(TriggerKind::Keyword, "call me back")];
        assert_eq!(by_keyword(&armed, "Please call me back!", false).len(), 1);
        assert!(by_keyword(&armed, "call your back office", false).is_empty());
    }

    #[test]
    fn limits_and_strict_mode_are_noted_and_fire_nothing() {
        let mut one = armed(TriggerKind::Keyword, "скидка");
        one.limit = Some(Outcome::LimitDay);
        let armed = [one];
        let hits = by_keyword(&armed, "дайте скидку", false);
        assert_eq!(hits[0].outcome, Outcome::LimitDay);
        let hits = by_keyword(&armed, "дайте скидку", true);
        assert_eq!(hits[0].outcome, Outcome::StrictMode);
        assert!(to_judge(&armed, false).is_empty());
    }

    #[test]
    fn only_sure_judgements_of_what_was_asked_fire() {
        let armed = [
            armed(TriggerKind::Condition, "клиент торгуется"),
            armed(TriggerKind::Keyword, "скидка"),
            armed(TriggerKind::Condition, "клиент злится"),
        ];
        let asked = to_judge(&armed, false);
        assert_eq!(asked.len(), 2);
        assert!(to_judge(&armed, true).is_empty());
        let said = [judged("c2", 0.9), judged("c1", 0.4), judged("c9", 1.0)];
        let hits = by_condition(&asked, &said);
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].trigger.given.condition, "клиент злится");
        assert!(by_condition(&asked, &[judged("c1", f64::NAN)]).is_empty());
        assert_eq!(
            by_condition(&asked, &[judged("c1", 1e9)])[0].confidence,
            1.0
        );
    }

    #[test]
    fn conditions_are_one_line_each() {
        let text = section(&["клиент\nторгуется", "клиент злится"]);
        assert!(text.contains("\nc1: клиент торгуется\nc2: клиент злится\n"));
        assert_eq!(section(&[]), "");
    }
}
