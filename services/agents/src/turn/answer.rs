//! The structured answer: its schema, and reading it while it streams.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::trace::Sentence;

/// What the model is told about the form of its answer.
pub const FORMAT: &str = "\
Answer with one JSON object and nothing else:
{\"sentences\": [{\"text\": \"…\", \"sources\": [\"p1\"]}], \"actions\": [], \"memory\": [], \
\"handoff\": null, \"no_answer\": false}
`sources` holds the ids of the passages, scripts and responses that a sentence rests on, empty for \
greetings and questions. `actions` may propose {\"kind\": \"…\", \"detail\": {\"text\": \"…\", \
\"name\": \"…\", \"value\": \"…\", \"confidence\": 0.9, \"due_hours\": 24}}: `create_task` and \
`add_note` with a text for the company's people, `add_tag` and `remove_tag` with a name, and what is \
listed under \"Actions\" by exactly the listed name; unused fields are \"\" and 0. `memory` may hold \
facts the client told about themselves, {\"key\": \"name\" | \"city\" | \"budget\" | …, \"content\": \
\"…\", \"kind\": \"fact\" | \"preference\" | \"context\" | \"interaction\"}. `handoff` is \
{\"reason\": \"…\", \"summary\": \"…\"} when a person must take over.";

/// The JSON Schema given to models that can be held to one. Strict mode of the field's providers
/// wants every property required and no other allowed.
pub const SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"required":["sentences","actions","memory","handoff","no_answer"],"properties":{"sentences":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["text","sources"],"properties":{"text":{"type":"string"},"sources":{"type":"array","items":{"type":"string"}}}}},"actions":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["kind","detail"],"properties":{"kind":{"type":"string","enum":["create_task","add_note","add_tag","remove_tag","move_stage","set_field","assign","run_salesbot"]},"detail":{"type":"object","additionalProperties":false,"required":["text","name","value","confidence","due_hours"],"properties":{"text":{"type":"string"},"name":{"type":"string"},"value":{"type":"string"},"confidence":{"type":"number"},"due_hours":{"type":"number"}}}}}},"memory":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["key","content","kind"],"properties":{"key":{"type":"string"},"content":{"type":"string"},"kind":{"type":"string","enum":["fact","preference","context","interaction"]}}}},"handoff":{"anyOf":[{"type":"null"},{"type":"object","additionalProperties":false,"required":["reason","summary"],"properties":{"reason":{"type":"string"},"summary":{"type":"string"}}}]},"no_answer":{"type":"boolean"}}}"#;

/// The same, with room for the conditions that the model was asked to judge.
static WITH_CONDITIONS: LazyLock<String> = LazyLock::new(|| {
    let required = SCHEMA.replacen("[\"sentences\"", "[\"conditions\",\"sentences\"", 1);
    let place = "\"properties\":{\"sentences\"";
    let with = format!("\"properties\":{{{CONDITIONS},\"sentences\"");
    required.replacen(place, &with, 1)
});

/// What of a schema is for conditions.
pub(super) const CONDITIONS: &str = r#""conditions":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["id","confidence","quote"],"properties":{"id":{"type":"string"},"confidence":{"type":"number"},"quote":{"type":"string"}}}}"#;

/// The schema of an answer.
pub fn schema(with_conditions: bool) -> &'static str {
    if with_conditions {
        &WITH_CONDITIONS
    } else {
        SCHEMA
    }
}

/// Sentences an answer may have; more is a model running on.
const MOST_SENTENCES: usize = 30;

/// A model's proposal.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    pub sentences: Vec<Said>,
    pub actions: Vec<Proposed>,
    pub memory: Vec<Remembered>,
    pub handoff: Option<HandOff>,
    pub no_answer: bool,
    /// Conditions that hold, where some were to be judged.
    pub conditions: Vec<Judged>,
}

/// A condition that holds, as the model says.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Judged {
    /// `c1`, `c2`, …
    pub id: String,
    pub confidence: f64,
    /// The client's words.
    pub quote: String,
}

/// A sentence as the model gave it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Said {
    pub text: String,
    #[serde(default)]
    pub sources: Vec<String>,
}

/// An action as the model gave it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Proposed {
    pub kind: String,
    #[serde(default)]
    pub detail: Value,
}

/// A fact about the client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Remembered {
    #[serde(default)]
    pub key: String,
    pub content: String,
    #[serde(default)]
    pub kind: String,
}

/// Why a person must take over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HandOff {
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub summary: String,
}

impl From<Said> for Sentence {
    fn from(said: Said) -> Self {
        Self {
            text: said.text.trim().to_owned(),
            passage_ids: said.sources,
        }
    }
}

/// The model's text is not an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAnswer {
    #[error("the text is not a JSON object of the asked form: {0}")]
    Malformed(String),
    #[error("the object has no sentence, no hand-off and does not say that there is no answer")]
    Empty,
    #[error("the object has more than {MOST_SENTENCES} sentences")]
    TooLong,
}

/// Reads an answer piece by piece.
#[derive(Debug, Default)]
pub struct Reader {
    text: String,
    /// Where the next look for a sentence begins.
    next: usize,
    in_sentences: bool,
    ended: bool,
}

impl Reader {
    /// Takes the next piece; the sentences that it completes.
    pub fn push(&mut self, piece: &str) -> Vec<Said> {
        self.text.push_str(piece);
        let mut complete = Vec::new();
        while let Some(said) = self.next_sentence() {
            complete.push(said);
        }
        complete
    }

    fn next_sentence(&mut self) -> Option<Said> {
        if self.ended {
            return None;
        }
        if !self.in_sentences {
            let key = self.text.find("\"sentences\"")?;
            let open = self.text[key..].find('[')? + key;
            self.next = open + 1;
            self.in_sentences = true;
        }
        let rest = &self.text[self.next..];
        let start = rest.find(['{', ']'])?;
        if rest.as_bytes()[start] == b']' {
            self.ended = true;
            return None;
        }
        let length = object_length(&rest[start..])?;
        let said = serde_json::from_str(&rest[start..start + length]);
        self.next += start + length;
        // A sentence that cannot be read is reported when the whole is.
        said.ok()
    }

    /// The whole answer.
    ///
    /// # Errors
    /// [`NotAnAnswer`], in words that a model can mend it by.
    pub fn finish(self) -> Result<Answer, NotAnAnswer> {
        let malformed = |error: &dyn std::fmt::Display| NotAnAnswer::Malformed(error.to_string());
        let start = self.text.find('{').ok_or_else(|| malformed(&"no object"))?;
        let end = self
            .text
            .rfind('}')
            .ok_or_else(|| malformed(&"the object does not end"))?;
        let object = self
            .text
            .get(start..=end)
            .ok_or_else(|| malformed(&"no object"))?;
        let mut answer: Answer = serde_json::from_str(object).map_err(|error| malformed(&error))?;
        answer.sentences.retain(|said| !said.text.trim().is_empty());
        if answer.sentences.len() > MOST_SENTENCES {
            return Err(NotAnAnswer::TooLong);
        }
        if answer.sentences.is_empty() && !answer.no_answer && answer.handoff.is_none() {
            return Err(NotAnAnswer::Empty);
        }
        Ok(answer)
    }
}

/// Bytes of the JSON object that `text` begins with, if it is complete.
fn object_length(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(index + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = r#"{"sentences":[{"text":"Диван «Осло» — 45 000 ₽.","sources":["p1"]},
        {"text":"Скобки } ] и \"кавычки\" — часть текста.","sources":[]}],
        "actions":[{"kind":"create_task","detail":{"text":"перезвонить"}}],
        "memory":[],"handoff":null,"no_answer":false}"#;

    fn read(pieces: &[&str]) -> (Vec<Said>, Result<Answer, NotAnAnswer>) {
        let mut reader = Reader::default();
        let said = pieces.iter().flat_map(|piece| reader.push(piece)).collect();
        (said, reader.finish())
    }

    #[test]
    fn sentences_come_as_soon_as_they_are_complete() {
        let mut reader = Reader::default();
        assert!(reader.push(r#"{"sentences":[{"text":"Раз."#).is_empty());
        assert_eq!(reader.push(r#"","sources":["p1"]},{"te"#).len(), 1);
        assert_eq!(reader.push(r#"xt":"Два."}]"#).len(), 1);
    }

    #[test]
    fn fences_and_words_around_are_passed_over() {
        let (said, answer) = read(&["Sure!\n```json\n", WHOLE, "\n```"]);
        assert_eq!(said.len(), 2);
        assert_eq!(answer.unwrap().sentences, said);
    }

    #[test]
    fn what_is_not_an_answer_is_named() {
        assert!(matches!(
            read(&["Hello!"]).1,
            Err(NotAnAnswer::Malformed(_))
        ));
        assert!(matches!(
            read(&[r#"{"sentences":[{"text":"#]).1,
            Err(NotAnAnswer::Malformed(_))
        ));
        assert_eq!(read(&["{}"]).1, Err(NotAnAnswer::Empty));
        let many = format!(
            r#"{{"sentences":[{}{{"text":"а"}}]}}"#,
            r#"{"text":"а"},"#.repeat(40)
        );
        assert_eq!(read(&[&many]).1, Err(NotAnAnswer::TooLong));
    }

    #[test]
    fn the_schema_is_json() {
        let plain: Value = serde_json::from_str(schema(false)).unwrap();
        assert!(plain["properties"]["conditions"].is_null());
        let with: Value = serde_json::from_str(schema(true)).unwrap();
        assert_eq!(with["required"][0], "conditions");
        assert_eq!(with["properties"]["conditions"]["type"], "array");
    }

    proptest! {
        #[test]
        fn any_split_reads_the_same(cuts in proptest::collection::vec(0..WHOLE.len(), 0..12)) {
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| WHOLE.is_char_boundary(*cut)).collect();
            cuts.sort_unstable();
            cuts.push(WHOLE.len());
            let mut start = 0;
            let mut pieces = Vec::new();
            for cut in cuts {
                pieces.push(&WHOLE[start..cut]);
                start = cut;
            }
            prop_assert_eq!(read(&pieces), read(&[WHOLE]));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = read(&[&text]);
            let _ = read(&["{\"sentences\":[", &text]);
        }
    }
}
