//! What a good model would do: check the request, find the passages that speak of the question,
//! answer with them in the shape asked for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::script::Script;
use super::{CHAT_MODEL, shape};

/// Sentences in an answer.
const MAX_SENTENCES: usize = 2;
/// Words are compared by so many of their first letters: crude, but alike for every inflection.
const STEM_CHARS: usize = 5;
/// Characters in one chunk.
const PIECE_CHARS: usize = 5;
const NOTHING_RU: &str = "К сожалению, в материалах нет ответа на этот вопрос.";
const NOTHING_EN: &str = "Unfortunately, the materials do not answer this question.";

/// Refuses what the real server refuses.
pub(super) fn check(request: &Value) -> Result<(), Script> {
    let refuse = |message: &str| Err(Script::refuse(400, message));
    let Some(messages) = request["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty())
    else {
        return refuse("messages: Required");
    };
    for message in messages {
        let role = message["role"].as_str().unwrap_or_default();
        if !["system", "developer", "user", "assistant", "tool"].contains(&role) {
            return refuse("messages.role: Invalid");
        }
        if role == "tool" && !message["tool_call_id"].is_string() {
            return refuse("messages.tool_call_id: Required");
        }
        let called = message["tool_calls"]
            .as_array()
            .is_some_and(|calls| !calls.is_empty());
        if !message["content"].is_string() && !message["content"].is_array() && !called {
            return refuse("messages.content: Required");
        }
    }
    if request["temperature"]
        .as_f64()
        .is_some_and(|value| !(0.0..=2.0).contains(&value))
    {
        return refuse("temperature: must be between 0 and 2");
    }
    for limit in ["max_tokens", "max_completion_tokens"] {
        if request[limit].as_i64().is_some_and(|value| value < 1) {
            return refuse("max tokens: must be at least 1");
        }
    }
    let format = &request["response_format"];
    if format["type"] == "json_schema"
        && !(format["json_schema"]["name"].is_string()
            && format["json_schema"]["schema"].is_object())
    {
        return refuse("response_format.json_schema: Invalid");
    }
    for tool in request["tools"].as_array().into_iter().flatten() {
        if tool["type"] != "function" || !tool["function"]["name"].is_string() {
            return refuse("tools: Invalid");
        }
    }
    match request["model"].as_str() {
        None | Some(CHAT_MODEL) => Ok(()),
        Some(other) => {
            let message = format!("No endpoints found for {other}.");
            let metadata = json!({"error_type": "not_found"});
            Err(Script::refuse_with(
                404,
                &json!({"code": 404, "message": message, "metadata": metadata}),
            ))
        }
    }
}

/// The answer to a request that was checked.
pub(super) fn answer(request: &Value) -> Script {
    let (sentences, found) = sentences(request);
    let text = match &request["response_format"]["json_schema"]["schema"] {
        Value::Null => sentences
            .iter()
            .map(|(text, _)| text.as_str())
            .collect::<Vec<_>>()
            .join(" "),
        schema => shape::answer(schema, &sentences, !found).to_string(),
    };
    let prompt_tokens = tokens(&request["messages"].to_string());
    let completion_tokens = tokens(&text);
    if request["stream"] == true {
        stream(&text, prompt_tokens, completion_tokens)
    } else {
        whole(&text, prompt_tokens, completion_tokens)
    }
}

fn stream(text: &str, prompt_tokens: i64, completion_tokens: i64) -> Script {
    let mut script = Script::stream()
        .comment()
        .delta(&json!({"role": "assistant", "content": ""}));
    let chars: Vec<char> = text.chars().collect();
    for piece in chars.chunks(PIECE_CHARS) {
        script = script.text(&String::from_iter(piece));
    }
    let cost = cost(prompt_tokens, completion_tokens);
    script
        .finish("stop")
        .usage(prompt_tokens, completion_tokens, &cost)
        .done()
}

fn whole(text: &str, prompt_tokens: i64, completion_tokens: i64) -> Script {
    let body = json!({
        "id": "gen-fake-1",
        "object": "chat.completion",
        "created": 1_795_249_437,
        "model": CHAT_MODEL,
        "choices": [{
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": text, "refusal": null},
        }],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    });
    Script::plain(200, "application/json", body.to_string())
}

fn tokens(text: &str) -> i64 {
    i64::try_from(text.len().div_ceil(4)).unwrap_or(i64::MAX)
}

/// At the catalogue's prices, in decimal USD: 0.15 and 0.6 micro-USD a token.
fn cost(prompt_tokens: i64, completion_tokens: i64) -> String {
    let nano = prompt_tokens * 150 + completion_tokens * 600;
    format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000)
}

/// The sentences that answer, each with the ids of its passages, and whether any passage did.
fn sentences(request: &Value) -> (Vec<(String, Vec<String>)>, bool) {
    let messages = request["messages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let question = messages
        .iter()
        .rev()
        .find(|message| message["role"] == "user");
    let question = question
        .map(|message| without_passages(&content(message)))
        .unwrap_or_default();
    let wanted = stems(&question);
    let mut found = Vec::new();
    for passage in messages
        .iter()
        .flat_map(|message| passages(&content(message)))
    {
        let about = stems(&passage.about);
        for sentence in passage
            .text
            .split_inclusive(['\n', '!', '?'])
            .flat_map(|line| line.split(". "))
        {
            let known: BTreeSet<_> = stems(sentence).union(&about).cloned().collect();
            let (own, all) = (stems(sentence), wanted.intersection(&known).count());
            if wanted.intersection(&own).count() > 0 {
                found.push((all, sentence.trim().to_owned(), vec![passage.id.clone()]));
            }
        }
    }
    // Stable: of equals, the earlier passage.
    found.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
    let best = found.first().map_or(0, |(score, ..)| *score);
    let chosen: Vec<_> = found
        .into_iter()
        .filter(|(score, ..)| *score == best)
        .take(MAX_SENTENCES)
        .map(|(_, text, sources)| (text, sources))
        .collect();
    if !chosen.is_empty() {
        return (chosen, true);
    }
    let russian = question.chars().any(|c| matches!(c, 'а'..='я' | 'А'..='Я'));
    let nothing = if russian { NOTHING_RU } else { NOTHING_EN };
    (vec![(nothing.to_owned(), Vec::new())], false)
}

struct Passage {
    id: String,
    /// Its document and section.
    about: String,
    text: String,
}

/// `<passage id="…" source="…" section="…">text</passage>`, escaped as XML is.
fn passages(text: &str) -> Vec<Passage> {
    let blocks = text.split("<passage ").skip(1);
    let passage = |block: &str| {
        let (attributes, rest) = block.split_once('>')?;
        let text = rest.split("</passage>").next()?;
        let value = |name: &str| {
            let start = attributes.split(&format!("{name}=\"")).nth(1)?;
            Some(unescaped(start.split('"').next()?))
        };
        let about = format!(
            "{} {}",
            value("source").unwrap_or_default(),
            value("section").unwrap_or_default()
        );
        Some(Passage {
            id: value("id")?,
            about,
            text: unescaped(text),
        })
    };
    blocks.filter_map(passage).collect()
}

fn without_passages(text: &str) -> String {
    let after = text
        .split("<passage ")
        .map(|block| match block.split_once("</passage>") {
            Some((_, after)) => after,
            None => block,
        });
    after.collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// The text of a message, given as a string or in parts.
fn content(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

/// The beginnings of words of three letters or more, and numbers.
pub(super) fn stems(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 2 || word.chars().any(char::is_numeric))
        .map(|word| {
            word.to_lowercase()
                .replace('ё', "е")
                .chars()
                .take(STEM_CHARS)
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(question: &str) -> (Vec<(String, Vec<String>)>, bool) {
        let material = "<passage id=\"p1\" source=\"Прайс.xlsx\">Название: Диван; Цена: 45 000\n\
                        Название: Кресло; Цена: 18 900</passage>\
                        <passage id=\"p2\" source=\"A &amp; B\">Доставка — 2 дня. Подъём бесплатно.</passage>";
        sentences(&json!({"messages": [
            {"role": "system", "content": material},
            {"role": "user", "content": question},
        ]}))
    }

    #[test]
    fn it_answers_from_the_passages() {
        let expected = vec![(
            "Название: Диван; Цена: 45 000".to_owned(),
            vec!["p1".to_owned()],
        )];
        assert_eq!(ask("Какая цена дивана?"), (expected, true));
        assert_eq!(ask("Когда доставка?").0[0].1, ["p2"]);
    }

    #[test]
    fn it_says_when_there_is_no_answer() {
        assert_eq!(
            ask("Кто президент?"),
            (vec![(NOTHING_RU.to_owned(), vec![])], false)
        );
        assert_eq!(ask("Who is it?").0[0].0, NOTHING_EN);
    }

    #[test]
    fn costs_are_decimal() {
        assert_eq!(cost(31, 18), "0.000015450");
    }
}
