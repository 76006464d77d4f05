//! Which of the company's plays fit a message: at most one script of the stage, at most three
//! responses to the objection.

use serde_json::{Value, json};

use super::Language;
use super::classify::Intent;
use super::known::Known;
use super::run::Past;
use super::trace::{Passage, PassageKind, Sentence};
use crate::crm_settings::FieldEntity;
use crate::knowledge::stem::Stemming;
use crate::memory;
use crate::playbook::placeholder::{self, Filled};
use crate::playbook::{
    self, NewScript, ObjectionResponse, Script, StageRef, Variable, VariableSource, applies,
};

/// Responses given to the model at most.
const MOST_RESPONSES: usize = 3;
/// Words in a row that show that a play was used though it was not named.
const RUN: usize = 5;

/// A script or response that was given to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Play {
    /// `s1`, `r1`: what sentences refer to.
    pub id: String,
    /// `scripts/{script}`, `objectionResponses/{response}`.
    pub resource: String,
    pub kind: PassageKind,
    pub display_name: String,
    /// With its placeholders filled.
    pub text: String,
    /// What of it is the company's own: where numbers may come from.
    pub evidence: String,
    /// Whether it is said word for word.
    pub verbatim: bool,
}

/// What was chosen, and what was left out and why.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plays {
    pub chosen: Vec<Play>,
    /// Name and reason.
    pub left_out: Vec<(String, String)>,
}

/// What of a message decides.
pub struct Wanted<'a> {
    pub intent: Intent,
    pub objection: Option<&'a str>,
    pub language: Language,
    /// The agent has not said anything yet.
    pub first: bool,
}

/// What the company's own phrases say a message objects; then what the rules saw.
pub fn objection(known: &Known, text: &str, by_rules: Option<&'static str>) -> Option<String> {
    let at = place(known);
    let mut stemming = Stemming::default();
    let responses = known.responses.iter();
    let mut fitting = responses.filter(|response| applies(&response.given.stages, at));
    let by_phrase = fitting.find(|response| {
        let mut phrases = response.given.phrases.iter();
        phrases.any(|phrase| playbook::contains_phrase(&mut stemming, text, phrase))
    });
    by_phrase
        .map(|response| response.given.objection_type.clone())
        .or_else(|| by_rules.map(str::to_owned))
}

/// After how many repeats an objection of this type goes to a person: the least patient response
/// that applies decides.
pub fn escalates(known: &Known, objection: &str, before: usize) -> bool {
    let of_type = responses_to(known, objection);
    let least = of_type.map(ObjectionResponse::escalate_after).min();
    least.is_some_and(|after| before >= after)
}

/// How often the client has raised an objection of this type before.
pub fn raised(known: &Known, past: &[Past], objection: &str) -> usize {
    let said = past.iter().filter(|past| past.from_client);
    said.filter(|past| {
        let by_rules = super::classify::classify(&past.text).objection;
        self::objection(known, &past.text, by_rules).as_deref() == Some(objection)
    })
    .count()
}

/// Chooses plays.
pub fn choose(known: &Known, wanted: &Wanted<'_>) -> Plays {
    let mut plays = Plays::default();
    for script in scripts_for(known, wanted) {
        match filled_script(known, script) {
            Ok(filled) => {
                plays.chosen.push(play(script, filled));
                break;
            }
            Err(missing) => {
                let reason = format!("variable_missing: {missing}");
                plays
                    .left_out
                    .push((script.given.display_name.clone(), reason));
            }
        }
    }
    let Some(objection) = wanted.objection else {
        return plays;
    };
    let mut responses: Vec<_> = responses_to(known, objection).collect();
    responses.sort_by(|a, b| {
        let by_use = b
            .counts
            .effectiveness()
            .total_cmp(&a.counts.effectiveness());
        own_first(b.given.agent.is_some(), a.given.agent.is_some())
            .then(by_use)
            .then(a.id.cmp(&b.id))
    });
    for response in responses {
        let number = plays
            .chosen
            .iter()
            .filter(|play| play.kind == PassageKind::Response)
            .count();
        if number == MOST_RESPONSES {
            break;
        }
        match placeholder::fill(&response.given.response, |name| free(known, name)) {
            Ok(filled) => plays.chosen.push(answer(response, number + 1, filled)),
            Err(missing) => {
                let reason = format!("variable_missing: {missing}");
                plays
                    .left_out
                    .push((response.given.objection_type.clone(), reason));
            }
        }
    }
    plays
}

fn own_first(one: bool, other: bool) -> std::cmp::Ordering {
    one.cmp(&other)
}

fn responses_to<'a>(
    known: &'a Known,
    objection: &'a str,
) -> impl Iterator<Item = &'a ObjectionResponse> {
    let at = place(known);
    known.responses.iter().filter(move |response| {
        response.given.objection_type == objection && applies(&response.given.stages, at)
    })
}

fn place(known: &Known) -> Option<StageRef> {
    let crm = known.crm.as_ref()?;
    Some(StageRef {
        connection: crm.connection,
        pipeline_id: crm.lead.pipeline_id,
        stage_id: crm.lead.stage_id,
    })
}

/// Scripts that fit, best first: for this very stage, for this agent, more effective, by name.
fn scripts_for<'a>(known: &'a Known, wanted: &Wanted<'_>) -> Vec<&'a Script> {
    let at = place(known);
    let language = wanted.language.code();
    let fits = |script: &&Script| {
        let given = &script.given;
        let speaks = given.languages.is_empty() || given.languages.iter().any(|l| l == language);
        speaks && applies(&given.stages, at) && is_asked(given, wanted)
    };
    let mut scripts: Vec<_> = known.scripts.iter().filter(fits).collect();
    scripts.sort_by(|a, b| {
        let rank = |script: &Script| {
            (
                !script.given.stages.is_empty(),
                script.given.agent.is_some(),
            )
        };
        let by_use = b
            .counts
            .effectiveness()
            .total_cmp(&a.counts.effectiveness());
        let by_name = a.given.display_name.cmp(&b.given.display_name);
        rank(b).cmp(&rank(a)).then(by_use).then(by_name)
    });
    scripts
}

/// Whether a script of its type belongs here. What is said later, or when a person takes over, is
/// no answer.
fn is_asked(script: &NewScript, wanted: &Wanted<'_>) -> bool {
    match script.script_type.as_str() {
        "greeting" => wanted.first,
        "objection_handling" => wanted.objection.is_some(),
        "follow_up" | "handoff" => false,
        _ => wanted.objection.is_none() && wanted.intent != Intent::Greeting,
    }
}

fn filled_script(known: &Known, script: &Script) -> Result<Filled, String> {
    let given = &script.given;
    placeholder::fill(&given.content, |name| {
        let variable = given.variables.iter().find(|v| v.variable == name)?;
        variable_value(known, variable)
    })
}

/// `None`: a required one is missing. One that is not required is left empty.
fn variable_value(known: &Known, variable: &Variable) -> Option<placeholder::Value> {
    let own = |text: &str| placeholder::Value {
        text: text.to_owned(),
        trusted: true,
    };
    let found = match variable.source {
        VariableSource::Fixed => Some(own(&variable.default_value)),
        VariableSource::Crm => of_crm(known, &variable.variable),
        VariableSource::Memory => of_memory(known, &variable.variable),
    };
    match found {
        Some(found) => Some(found),
        None if !variable.default_value.is_empty() => Some(own(&variable.default_value)),
        None => (!variable.required).then(|| own("")),
    }
}

/// Placeholders of responses say where they are from by their names.
fn free(known: &Known, name: &str) -> Option<placeholder::Value> {
    if name.starts_with("memory.") {
        return of_memory(known, name);
    }
    of_crm(known, name)
}

/// What the client has named itself is no word of the company's; neither is what the agent writes.
fn of_crm(known: &Known, name: &str) -> Option<placeholder::Value> {
    let crm = known.crm.as_ref()?;
    let name = name.strip_prefix("crm.").unwrap_or(name).to_lowercase();
    let value = |text: String, trusted: bool| {
        let text = shown(&text);
        (!text.is_empty()).then_some(placeholder::Value { text, trusted })
    };
    if matches!(name.as_str(), "name" | "имя") {
        return value(crm.lead.contact_display_name.clone(), false);
    }
    let field = crm.readable().find(|field| {
        let code = field.code.to_lowercase();
        memory::key(&field.display_name) == memory::key(&name) || (!code.is_empty() && code == name)
    })?;
    let trusted = field.entity == FieldEntity::Leads && !crm.is_writable(field);
    value(field.text(), trusted)
}

fn of_memory(known: &Known, name: &str) -> Option<placeholder::Value> {
    let name = memory::key(name.strip_prefix("memory.").unwrap_or(name));
    let memory = known.memories.iter().find(|memory| memory.key == name)?;
    let text = shown(&memory.content);
    (!text.is_empty()).then_some(placeholder::Value {
        text,
        trusted: false,
    })
}

/// What others have written, as it may stand in a text of ours; empty when it commands or carries
/// a link.
fn shown(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().take(200).collect();
    let commands = super::guard::guard(&line).strict() || line.contains("://");
    if commands { String::new() } else { line }
}

fn play(script: &Script, filled: Filled) -> Play {
    Play {
        id: "s1".to_owned(),
        resource: t11_core::format_name("scripts", script.id),
        kind: PassageKind::Script,
        display_name: script.given.display_name.clone(),
        text: filled.text,
        evidence: filled.evidence,
        verbatim: script.given.verbatim,
    }
}

fn answer(response: &ObjectionResponse, number: usize, filled: Filled) -> Play {
    Play {
        id: format!("r{number}"),
        resource: t11_core::format_name("objectionResponses", response.id),
        kind: PassageKind::Response,
        display_name: response.given.objection_type.clone(),
        text: filled.text,
        evidence: filled.evidence,
        verbatim: false,
    }
}

impl Play {
    /// As the trace keeps what the model was given.
    pub fn passage(&self) -> Passage {
        Passage {
            id: self.id.clone(),
            kind: self.kind,
            resource: self.resource.clone(),
            source_display_name: self.display_name.clone(),
            heading_path: String::new(),
            page: 0,
            content: self.text.clone(),
            score: 1.0,
        }
    }

    /// Whether an answer rests on it: a sentence names it, or repeats some of its words in a row.
    fn is_used(&self, sentences: &[Sentence]) -> bool {
        sentences.iter().any(|sentence| {
            sentence.passage_ids.contains(&self.id) || shares_run(&sentence.text, &self.text)
        })
    }
}

fn shares_run(one: &str, other: &str) -> bool {
    let (one, other) = (words(one), words(other));
    one.windows(RUN)
        .any(|run| other.windows(RUN).any(|own| own == run))
}

/// The words of a text, compared without case and marks.
pub fn words(text: &str) -> Vec<String> {
    let lowered = text.to_lowercase().replace('ё', "е");
    let words = lowered.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Plays {
    /// Resources of the plays that an answer uses: its script, and the first of its responses.
    pub fn used(&self, sentences: &[Sentence]) -> Vec<String> {
        let used = |kind: PassageKind| {
            let mut plays = self.chosen.iter();
            plays.find(|play| play.kind == kind && play.is_used(sentences))
        };
        let both = [used(PassageKind::Script), used(PassageKind::Response)];
        both.into_iter()
            .flatten()
            .map(|play| play.resource.clone())
            .collect()
    }

    /// For the trace.
    pub fn detail(&self, objection: Option<&str>) -> Value {
        let names = |kind: PassageKind| -> Vec<_> {
            let chosen = self.chosen.iter().filter(|play| play.kind == kind);
            chosen.map(|play| play.resource.clone()).collect()
        };
        let left_out = self.left_out.iter();
        let left_out: Vec<_> = left_out
            .map(|(name, reason)| json!({"name": name, "reason": reason}))
            .collect();
        json!({
            "objection": objection, "script": names(PassageKind::Script).first(),
            "responses": names(PassageKind::Response), "left_out": left_out,
        })
    }
}

#[cfg(test)]
mod tests;
