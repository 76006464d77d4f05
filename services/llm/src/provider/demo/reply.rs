//! What the demo model says: its choice of quotations and the words around them.

use std::collections::{BTreeMap, BTreeSet};

use super::passages::{self, Passage};
use super::units::{Text, Unit, key_and_value, units};
use super::words::{Lang, Words, lower_words};
use crate::provider::{Message, Role};

/// More quotations are no answer.
const MAX_QUOTES: usize = 3;
/// A quotation is as good as this share of the best one, or left out.
const NEAR_BEST: f64 = 0.8;
/// The share of the question, by weight, that a quotation must speak of.
const COVERAGE: f64 = 0.33;
/// The share that one added for the rest of the question must speak of.
const REST_COVERAGE: f64 = 0.22;
/// What a word of the headings counts, beside 1 for one of the text itself.
const CONTEXT_WEIGHT: f64 = 0.55;
/// Longer sentences are cut.
const MAX_QUOTE_CHARS: usize = 320;
/// Documents named when there is nothing to quote.
const MAX_NAMED: usize = 3;

const GREETINGS: &[&str] = &[
    "здравствуйте",
    "здравствуй",
    "привет",
    "приветствую",
    "добрый",
    "доброе",
    "день",
    "вечер",
    "утро",
    "hello",
    "hi",
    "hey",
    "good",
    "morning",
    "afternoon",
    "evening",
    "day",
];
const THANKS: &[&str] = &["спасибо", "благодарю", "большое", "thanks", "thank", "you"];

/// An answer in sentences, each with the passages it stands on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) sentences: Vec<Sentence>,
    /// The question is about something that no passage speaks of.
    pub(super) no_answer: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) text: String,
    /// Ids of passages.
    pub(super) sources: Vec<String>,
}

impl Reply {
    /// The sentences, one a line.
    pub(super) fn text(&self) -> String {
        let lines: Vec<_> = self
            .sentences
            .iter()
            .map(|sentence| sentence.text.as_str())
            .collect();
        lines.join("\n")
    }
}

/// The answer to the last message of the user.
pub(super) fn reply(messages: &[Message]) -> Reply {
    let (passages, questions) = material(messages);
    let question = questions.last().map_or("", String::as_str);
    let texts = questions.iter().rev().map(String::as_str);
    let lang = Lang::of(texts.chain(passages.iter().map(|passage| passage.text.as_str())));
    let first = messages
        .iter()
        .all(|message| message.role != Role::Assistant);

    let mut sentences = Vec::new();
    if first {
        sentences.push(plain(introduction(lang)));
    }
    let no_answer = match small_talk(question, &passages, lang) {
        Some(text) => {
            sentences.push(plain(text));
            false
        }
        None => {
            let quotes = quotes(question, &passages);
            let no_answer = quotes.is_empty();
            if no_answer {
                sentences.push(plain(nothing_found(&passages, lang)));
            }
            sentences.extend(phrased(&quotes, lang));
            no_answer
        }
    };
    Reply {
        sentences,
        no_answer,
    }
}

/// The passages of the prompt, each once, and what the user said, oldest first.
fn material(messages: &[Message]) -> (Vec<Passage>, Vec<String>) {
    let (mut passages, mut questions) = (Vec::<Passage>::new(), Vec::new());
    for message in messages
        .iter()
        .filter(|message| message.role != Role::Assistant)
    {
        let (found, around) = passages::split(&message.content);
        for passage in found {
            passages.retain(|known| known.id != passage.id);
            passages.push(passage);
        }
        if message.role == Role::User {
            questions.push(around);
        }
    }
    (passages, questions)
}

/// The units nearest to the question, in the order of the passages; then, for what they leave
/// open, the nearest to the rest of it.
fn quotes<'a>(question: &str, passages: &'a [Passage]) -> Vec<Unit<'a>> {
    let words = Words::new();
    let wanted = words.terms(question);
    let mut units = distinct_units(passages, &words);
    let mut weights = weights(&wanted, &units);
    let whole: f64 = weights.values().sum();
    let mut quotes = Vec::new();
    let (mut context_weight, mut coverage) = (CONTEXT_WEIGHT, COVERAGE);
    while quotes.len() < MAX_QUOTES {
        let of_unit = |unit: &Unit<'_>| score(unit, &weights, context_weight);
        let best = units
            .iter()
            .map(|(_, unit)| of_unit(unit))
            .fold(0.0, f64::max);
        if best == 0.0 || best < coverage * whole {
            break;
        }
        let near = |(_, unit): &mut (usize, Unit<'_>)| of_unit(unit) >= NEAR_BEST * best;
        let mut nearest: Vec<_> = units.extract_if(.., near).collect();
        // Stable: of equals, the earlier passage.
        nearest.sort_by(|(_, a), (_, b)| of_unit(b).total_cmp(&of_unit(a)));
        nearest.truncate(MAX_QUOTES - quotes.len());
        weights.retain(|term, _| !nearest.iter().any(|(_, unit)| unit.terms.contains(term)));
        quotes.extend(nearest);
        // A heading that was enough to choose by is not enough to add to a choice.
        (context_weight, coverage) = (0.0, REST_COVERAGE);
    }
    quotes.sort_by_key(|(place, _)| *place);
    quotes.into_iter().map(|(_, unit)| unit).collect()
}

/// All units with their places, each text once.
fn distinct_units<'a>(passages: &'a [Passage], words: &Words) -> Vec<(usize, Unit<'a>)> {
    let mut seen = BTreeSet::new();
    let all = passages
        .iter()
        .flat_map(|passage| units(passage, words))
        .enumerate();
    all.filter(|(_, unit)| seen.insert(unit.text.clone()))
        .collect()
}

/// How much each word of the question tells: rare ones tell more (inverse document frequency).
fn weights(wanted: &BTreeSet<String>, units: &[(usize, Unit<'_>)]) -> BTreeMap<String, f64> {
    let weight = |term: &String| {
        let holders = units
            .iter()
            .filter(|(_, unit)| unit.terms.contains(term) || unit.context.contains(term));
        // A word that nothing speaks of counts like one that a single unit does.
        let (all, holders) = (units.len() as f64, holders.count().max(1) as f64);
        ((all + 1.0) / (holders + 0.5)).ln().max(0.1)
    };
    wanted
        .iter()
        .map(|term| (term.clone(), weight(term)))
        .collect()
}

fn score(unit: &Unit<'_>, weights: &BTreeMap<String, f64>, context_weight: f64) -> f64 {
    let of_term = |(term, weight): (&String, &f64)| {
        if unit.terms.contains(term) {
            *weight
        } else if unit.context.contains(term) {
            weight * context_weight
        } else {
            0.0
        }
    };
    weights.iter().map(of_term).sum()
}

fn phrased(quotes: &[Unit<'_>], lang: Lang) -> Vec<Sentence> {
    let mut before = None;
    quotes
        .iter()
        .map(|unit| {
            let place = (&unit.passage.source, &unit.passage.section);
            let same = before.replace(place) == Some(place);
            let text = match &unit.text {
                Text::Sentence(sentence) => quotation(sentence, unit.passage, same, lang),
                Text::Row(cells) => row(cells, unit.passage, lang),
            };
            Sentence {
                text,
                sources: vec![unit.passage.id.clone()],
            }
        })
        .collect()
}

/// `Из материала «Доставка.docx», раздел «Сроки»: «Привезём за 2 дня».`
fn quotation(sentence: &str, passage: &Passage, same_place: bool, lang: Lang) -> String {
    let quote = quoted(&shortened(sentence.trim_end_matches('.')));
    if same_place {
        return match lang {
            Lang::Ru => format!("Там же: {quote}."),
            Lang::En => format!("Also there: {quote}."),
        };
    }
    let (source, section) = (quoted(&passage.source), quoted(&passage.section));
    match (lang, passage.source.is_empty(), passage.section.is_empty()) {
        (Lang::Ru, true, _) => format!("Из ваших материалов: {quote}."),
        (Lang::Ru, false, true) => format!("Из материала {source}: {quote}."),
        (Lang::Ru, false, false) => format!("Из материала {source}, раздел {section}: {quote}."),
        (Lang::En, true, _) => format!("From your materials: {quote}."),
        (Lang::En, false, true) => format!("From {source}: {quote}."),
        (Lang::En, false, false) => format!("From {source}, section {section}: {quote}."),
    }
}

/// `Диван «Осло» — цена: 45 000 ₽, срок: 5 дней (материал «Прайс.xlsx»).`
fn row(cells: &[&str], passage: &Passage, lang: Lang) -> String {
    let mut cells = cells.iter().map(|cell| match key_and_value(cell) {
        Some((key, value)) => (Some(key), value),
        None => (None, *cell),
    });
    let subject = cells.next().map_or("", |(_, value)| value);
    let facts: Vec<_> = cells
        .map(|(key, value)| match key {
            Some(key) => format!("{}: {value}", lower_first(key)),
            None => value.to_owned(),
        })
        .collect();
    let facts = shortened(&format!("{subject} — {}", facts.join(", ")));
    let source = quoted(&passage.source);
    match (lang, passage.source.is_empty()) {
        (_, true) => format!("{facts}."),
        (Lang::Ru, false) => format!("{facts} (материал {source})."),
        (Lang::En, false) => format!("{facts} (from {source})."),
    }
}

/// In one kind of marks in both languages, so that a quotation is always known as one; marks
/// inside become the inner ones.
fn quoted(text: &str) -> String {
    format!("«{}»", text.replace('«', "„").replace('»', "“"))
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MAX_QUOTE_CHARS {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_QUOTE_CHARS).collect();
    let end = head.rfind(char::is_whitespace).unwrap_or(head.len());
    format!("{}…", head[..end].trim_end())
}

/// `Цена` → `цена`, but `НДС` stays.
fn lower_first(key: &str) -> String {
    let mut chars = key.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(chars).collect()
        }
        _ => key.to_owned(),
    }
}

fn introduction(lang: Lang) -> String {
    match lang {
        Lang::Ru => "Я демо-модель: не рассуждаю, а цитирую ваши материалы.",
        Lang::En => "I am the demo model: I do not reason, I quote your materials.",
    }
    .to_owned()
}

/// The answer to a message that only greets or thanks.
fn small_talk(question: &str, passages: &[Passage], lang: Lang) -> Option<String> {
    let words: Vec<_> = lower_words(question).collect();
    let only = |known: &[&str]| words.iter().all(|word| known.contains(&word.as_str()));
    if words.is_empty() {
        return None;
    }
    if only(GREETINGS) {
        let hint = hint(passages, lang);
        return Some(match lang {
            Lang::Ru => format!("Здравствуйте! {hint}"),
            Lang::En => format!("Hello! {hint}"),
        });
    }
    only(THANKS).then(|| match lang {
        Lang::Ru => "Пожалуйста! Спрашивайте ещё.".to_owned(),
        Lang::En => "You are welcome! Ask me more.".to_owned(),
    })
}

fn nothing_found(passages: &[Passage], lang: Lang) -> String {
    let hint = hint(passages, lang);
    match (lang, passages.is_empty()) {
        (_, true) => hint,
        (Lang::Ru, false) => format!("В этих материалах нет ответа на ваш вопрос. {hint}"),
        (Lang::En, false) => format!("These materials do not answer your question. {hint}"),
    }
}

/// What can be asked.
fn hint(passages: &[Passage], lang: Lang) -> String {
    let mut sources: Vec<_> = passages.iter().map(|passage| &passage.source).collect();
    sources.retain(|source| !source.is_empty());
    sources.dedup();
    let named: Vec<_> = sources
        .iter()
        .take(MAX_NAMED)
        .map(|source| quoted(source))
        .collect();
    let named = named.join(", ");
    match (lang, named.is_empty()) {
        (Lang::Ru, true) => "В материалах агента ничего не нашлось: добавьте знания или спросите о другом.".to_owned(),
        (Lang::Ru, false) => format!("Спросите о том, что в них есть: {named}."),
        (Lang::En, true) => "Nothing was found in the agent's materials: add knowledge, or ask about something else.".to_owned(),
        (Lang::En, false) => format!("Ask about what is in them: {named}."),
    }
}

fn plain(text: String) -> Sentence {
    Sentence {
        text,
        sources: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
