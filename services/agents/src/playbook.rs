//! What the company says: scripts by stage, and responses to objections.

pub mod placeholder;

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use t11_core::{Etag, Violations};
use uuid::Uuid;

use crate::knowledge::stem::Stemming;
use crate::numbers;

/// What scripts are for.
pub const SCRIPT_TYPES: [&str; 7] = [
    "greeting",
    "qualification",
    "presentation",
    "objection_handling",
    "closing",
    "follow_up",
    "handoff",
];
/// What clients object.
pub const OBJECTION_TYPES: [&str; 10] = [
    "price",
    "timing",
    "need",
    "competitor",
    "trust",
    "authority",
    "delivery",
    "guarantee",
    "spam_fear",
    "other",
];
const TECHNIQUES: [&str; 7] = [
    "",
    "clarify",
    "reframe",
    "proof",
    "alternative",
    "price_anchor",
    "handoff",
];
const LANGUAGES: [&str; 2] = ["ru", "en"];

const MOST_STAGES: usize = 100;
const MOST_VARIABLES: usize = 50;
const MOST_PHRASES: usize = 50;
/// The same objection so many times, where nothing is set.
const ESCALATE_AFTER: i32 = 2;
/// Of Wilson's interval: 95 %.
const Z: f64 = 1.96;

/// Whether agents use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlayState {
    #[default]
    Draft,
    Published,
    Archived,
}

impl PlayState {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }

    /// Reads [`PlayState::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Archived]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A stage where something applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StageRef {
    pub connection: Uuid,
    pub pipeline_id: i64,
    pub stage_id: i64,
}

/// Where a placeholder's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableSource {
    Crm,
    Memory,
    Fixed,
}

impl VariableSource {
    /// The word in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crm => "crm",
            Self::Memory => "memory",
            Self::Fixed => "fixed",
        }
    }

    /// Reads [`VariableSource::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Crm, Self::Memory, Self::Fixed]
            .into_iter()
            .find(|source| source.as_str() == word)
    }
}

/// A placeholder of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    pub variable: String,
    pub required: bool,
    pub default_value: String,
    pub source: VariableSource,
}

/// A script as a person gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewScript {
    pub display_name: String,
    /// Of [`SCRIPT_TYPES`].
    pub script_type: String,
    pub content: String,
    pub variables: Vec<Variable>,
    /// `None` = every agent.
    pub agent: Option<Uuid>,
    /// Empty = every stage.
    pub stages: Vec<StageRef>,
    /// Empty = every language.
    pub languages: Vec<String>,
    /// Whether it is said word for word.
    pub verbatim: bool,
    pub state: PlayState,
}

/// A response as a person gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewResponse {
    /// Of [`OBJECTION_TYPES`].
    pub objection_type: String,
    /// How clients put it.
    pub phrases: Vec<String>,
    pub response: String,
    pub technique: String,
    /// `None` = it offers none.
    pub max_discount_percent: Option<i32>,
    /// `None` = every agent.
    pub agent: Option<Uuid>,
    /// Empty = every stage.
    pub stages: Vec<StageRef>,
    /// 0 = 2.
    pub escalate_after: i32,
    pub state: PlayState,
}

/// How often it was used, and how often the client answered within 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub usage: i64,
    pub success: i64,
}

impl Counts {
    /// The lower bound of Wilson's interval of the share of successes; 0 without any use.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn effectiveness(self) -> f64 {
        if self.usage <= 0 {
            return 0.0;
        }
        let n = self.usage as f64;
        let share = (self.success as f64 / n).clamp(0.0, 1.0);
        let middle = share + Z * Z / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        ((middle - spread) / (1.0 + Z * Z / n)).clamp(0.0, 1.0)
    }
}

/// A script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub id: Uuid,
    pub given: NewScript,
    pub counts: Counts,
    pub revision: i64,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

/// A response to an objection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectionResponse {
    pub id: Uuid,
    pub given: NewResponse,
    pub counts: Counts,
    pub revision: i64,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

impl Script {
    /// The etag of this revision.
    pub fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }
}

impl ObjectionResponse {
    /// The etag of this revision.
    pub fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }

    /// The same objection so many times goes to a person.
    pub fn escalate_after(&self) -> usize {
        let after = match self.given.escalate_after {
            0 => ESCALATE_AFTER,
            after => after,
        };
        usize::try_from(after).unwrap_or(usize::MAX)
    }
}

/// Whether something for `stages` applies where the lead is; without a lead only what is for all.
pub fn applies(stages: &[StageRef], at: Option<StageRef>) -> bool {
    stages.is_empty() || at.is_some_and(|at| stages.contains(&at))
}

/// Whether `phrase` stands in `text`, in any form of its words.
pub fn contains_phrase(stemming: &mut Stemming, text: &str, phrase: &str) -> bool {
    let mut terms = |text: &str| -> Vec<String> {
        let tokens = stemming.tokens(text).into_iter();
        tokens.map(|token| token.term).collect()
    };
    let (text, phrase) = (terms(text), terms(phrase));
    !phrase.is_empty() && text.windows(phrase.len()).any(|run| *run == phrase)
}

impl NewScript {
    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn check(mut self) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        self.display_name = violations.text("script.display_name", &self.display_name, 1, 160);
        one_of(
            &mut violations,
            "script.type",
            &self.script_type,
            &SCRIPT_TYPES,
        );
        self.content = violations.text("script.content", &self.content, 1, 8_000);
        self.check_variables(&mut violations);
        check_stages(&mut violations, "script.stages", &self.stages);
        for (index, language) in self.languages.iter().enumerate() {
            let field = format!("script.languages[{index}]");
            one_of(&mut violations, &field, language, &LANGUAGES);
        }
        violations.check().map(|()| self)
    }

    fn check_variables(&mut self, violations: &mut Violations) {
        if self.variables.len() > MOST_VARIABLES {
            let words = format!("at most {MOST_VARIABLES} variables");
            violations.add("script.variables", "TOO_MANY", words);
        }
        let mut named = HashSet::new();
        for (index, variable) in self.variables.iter_mut().enumerate() {
            let field = |name: &str| format!("script.variables[{index}].{name}");
            variable.variable = violations.text(&field("variable"), &variable.variable, 1, 64);
            let value = field("default_value");
            variable.default_value = violations.text(&value, &variable.default_value, 0, 500);
            if variable.source == VariableSource::Fixed && variable.default_value.is_empty() {
                violations.add(value, "REQUIRED", "a fixed variable is its default value");
            }
            if !named.insert(variable.variable.clone()) {
                violations.add(field("variable"), "DUPLICATE", "each is listed once");
            }
        }
        check_placeholders(violations, "script.content", &self.content, |name| {
            named.contains(name)
        });
    }
}

impl NewResponse {
    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn check(mut self) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let field = |name: &str| format!("objection_response.{name}");
        one_of(
            &mut violations,
            &field("type"),
            &self.objection_type,
            &OBJECTION_TYPES,
        );
        one_of(
            &mut violations,
            &field("technique"),
            &self.technique,
            &TECHNIQUES,
        );
        if self.phrases.len() > MOST_PHRASES {
            let words = format!("at most {MOST_PHRASES} phrases");
            violations.add(field("phrases"), "TOO_MANY", words);
        }
        for (index, phrase) in self.phrases.iter_mut().enumerate() {
            *phrase = violations.text(&field(&format!("phrases[{index}]")), phrase, 2, 300);
        }
        self.response = violations.text(&field("response"), &self.response, 1, 4_000);
        let free =
            |name: &str| name == "name" || name.starts_with("crm.") || name.starts_with("memory.");
        check_placeholders(&mut violations, &field("response"), &self.response, free);
        self.check_discount(&mut violations);
        violations.range(&field("escalate_after"), self.escalate_after, 0, 10);
        check_stages(&mut violations, &field("stages"), &self.stages);
        violations.check().map(|()| self)
    }

    /// A response may not offer more than it is allowed to.
    fn check_discount(&self, violations: &mut Violations) {
        let most = self.max_discount_percent.unwrap_or(0);
        violations.range("objection_response.max_discount_percent", most, 0, 100);
        let offered = numbers::discounts(&self.response, NaiveDate::default());
        if offered
            .iter()
            .any(|micros| *micros > i128::from(most) * numbers::MICROS)
        {
            let words = format!("the response offers more than {most} %");
            violations.add("objection_response.response", "DISCOUNT_ABOVE_MAX", words);
        }
    }
}

fn one_of(violations: &mut Violations, field: &str, word: &str, known: &[&str]) {
    if !known.contains(&word) {
        let listed: Vec<_> = known
            .iter()
            .filter(|word| !word.is_empty())
            .copied()
            .collect();
        let words = format!("one of {}", listed.join(", "));
        violations.add(field, "UNKNOWN_VALUE", words);
    }
}

fn check_stages(violations: &mut Violations, field: &str, stages: &[StageRef]) {
    if stages.len() > MOST_STAGES {
        violations.add(field, "TOO_MANY", format!("at most {MOST_STAGES} stages"));
    }
    for (index, stage) in stages.iter().enumerate() {
        if stage.pipeline_id <= 0 || stage.stage_id <= 0 {
            let words = "a pipeline's and a stage's id are above 0";
            violations.add(format!("{field}[{index}]"), "OUT_OF_RANGE", words);
        }
    }
}

fn check_placeholders(
    violations: &mut Violations,
    field: &str,
    text: &str,
    known: impl Fn(&str) -> bool,
) {
    match placeholder::names(text) {
        Ok(names) => {
            let mut unknown: Vec<_> = names.into_iter().filter(|name| !known(name)).collect();
            unknown.dedup();
            for name in unknown {
                let words = format!("`{name}` is not among the variables");
                violations.add(field, "VARIABLE_UNKNOWN", words);
            }
        }
        Err(at) => {
            let words = format!("the placeholder at «{at}» does not end or has no name");
            violations.add(field, "PLACEHOLDER_INVALID", words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(content: &str) -> NewScript {
        NewScript {
            display_name: "Приветствие".to_owned(),
            script_type: "greeting".to_owned(),
            content: content.to_owned(),
            variables: vec![Variable {
                variable: "name".to_owned(),
                required: true,
                default_value: String::new(),
                source: VariableSource::Crm,
            }],
            agent: None,
            stages: Vec::new(),
            languages: Vec::new(),
            verbatim: false,
            state: PlayState::Published,
        }
    }

    fn response(text: &str, max_discount_percent: Option<i32>) -> NewResponse {
        NewResponse {
            objection_type: "price".to_owned(),
            phrases: vec!["слишком дорого".to_owned()],
            response: text.to_owned(),
            technique: String::new(),
            max_discount_percent,
            agent: None,
            stages: Vec::new(),
            escalate_after: 0,
            state: PlayState::Published,
        }
    }

    fn broken(outcome: Result<impl Sized, Violations>) -> Vec<String> {
        let violations = outcome.err().unwrap_or_default().0.into_iter();
        violations
            .map(|violation| format!("{} {}", violation.field, violation.reason))
            .collect()
    }

    #[test]
    fn every_placeholder_is_listed() {
        assert!(script("Здравствуйте, {{ name }}!").check().is_ok());
        let unknown = script("{{name}}, ваш бюджет {{crm.budget}}?").check();
        assert_eq!(broken(unknown), ["script.content VARIABLE_UNKNOWN"]);
        let open = script("{{name").check();
        assert_eq!(broken(open), ["script.content PLACEHOLDER_INVALID"]);
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let mut script = script("");
        script.script_type = "song".to_owned();
        script.display_name = String::new();
        script.languages = vec!["de".to_owned()];
        script.variables[0].source = VariableSource::Fixed;
        assert_eq!(
            broken(script.check()),
            [
                "script.display_name REQUIRED",
                "script.type UNKNOWN_VALUE",
                "script.content REQUIRED",
                "script.variables[0].default_value REQUIRED",
                "script.languages[0] UNKNOWN_VALUE",
            ]
        );
    }

    #[test]
    fn a_response_offers_no_more_than_it_may() {
        let offer = "Понимаю. Сделаем скидку 15 % при заказе сегодня.";
        let above = ["objection_response.response DISCOUNT_ABOVE_MAX"];
        assert_eq!(broken(response(offer, None).check()), above);
        assert_eq!(broken(response(offer, Some(10)).check()), above);
        assert!(response(offer, Some(15)).check().is_ok());
        assert!(response("99 % клиентов довольны.", None).check().is_ok());
    }

    #[test]
    fn effectiveness_is_cautious() {
        let of = |success, usage| Counts { usage, success }.effectiveness();
        assert_eq!(of(0, 0), 0.0);
        assert!((of(1, 1) - 0.2065).abs() < 0.001);
        assert!((of(90, 100) - 0.8256).abs() < 0.001);
        assert!(of(9, 10) < of(90, 100));
    }

    #[test]
    fn phrases_are_found_in_any_form() {
        let mut stemming = Stemming::default();
        let mut found = |text: &str, phrase: &str| contains_phrase(&mut stemming, text, phrase);
        assert!(found(
            "Ну это слишком дорогой диван",
            "слишком дорогой диван"
        ));
        assert!(found(
            "Слишком дорогие диваны у вас",
            "слишком дорогой диван"
        ));
        assert!(!found("Диван не слишком мягкий", "слишком дорогой диван"));
        assert!(!found("что угодно", "и в на"));
    }
}
