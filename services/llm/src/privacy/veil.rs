//! Placeholders in place of values on the way to a provider, and back.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt as _, stream};

use super::find::{Found, find};
use super::{Kind, Policy};
use crate::failure::Failure;
use crate::provider::{Answer, Event, Message};

/// What was masked in one call. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Veil {
    values: Arc<Values>,
}

/// The values by kind: the placeholder of the first is `[EMAIL_1]`, or the next number that no text
/// of the call has of itself.
#[derive(Debug, Default)]
struct Values {
    by_kind: [Vec<String>; Kind::ALL.len()],
    skipped: [usize; Kind::ALL.len()],
}

impl Values {
    fn of(&self, placeholder: &Placeholder) -> Option<&str> {
        let kind = placeholder.kind as usize;
        let index = placeholder.number.checked_sub(self.skipped[kind] + 1)?;
        self.by_kind[kind].get(index).map(String::as_str)
    }
}

impl Veil {
    /// The messages without what `policy` does not allow, in them and in the arguments of their
    /// calls; `None` when there is nothing. The same value has the same placeholder everywhere.
    pub(super) fn over(policy: Policy, messages: &[Message]) -> Option<(Vec<Message>, Self)> {
        let texts = messages.iter().flat_map(texts);
        let found: Vec<_> = texts.clone().map(|text| forbidden(policy, text)).collect();
        if found.iter().all(Vec::is_empty) {
            return None;
        }
        let mut weaving = Weaving::default();
        texts.for_each(|text| weaving.skip_placeholders(text));
        let mut messages = messages.to_vec();
        let masked = messages.iter_mut().flat_map(texts_mut).zip(&found);
        for (text, found) in masked.filter(|(_, found)| !found.is_empty()) {
            *text = weaving.mask(text, found);
        }
        let values = Arc::new(weaving.values);
        Some((messages, Self { values }))
    }

    fn is_empty(&self) -> bool {
        self.values.by_kind.iter().all(Vec::is_empty)
    }

    /// The answer with the values in their places, however it is cut into pieces.
    pub(crate) fn lift(&self, answer: Answer) -> Answer {
        if self.is_empty() {
            return answer;
        }
        let lifting = Lifting {
            answer,
            restorer: self.restorer(),
            next: None,
            ended: false,
        };
        stream::unfold(lifting, |mut lifting| async move {
            let event = lifting.next().await?;
            Some((event, lifting))
        })
        .boxed()
    }

    /// A text that is whole, with the values in their places.
    pub(crate) fn lift_text(&self, text: String) -> String {
        match self.is_empty() {
            true => text,
            false => self.restorer().whole(&text),
        }
    }

    fn restorer(&self) -> Restorer {
        Restorer {
            values: self.values.clone(),
            held: String::new(),
        }
    }
}

/// Masks texts of which each stands for itself: nothing is put back.
pub(super) fn mask_each(policy: Policy, texts: &mut [String]) {
    for text in texts {
        let found = forbidden(policy, text);
        if !found.is_empty() {
            *text = Weaving::default().mask(text, &found);
        }
    }
}

/// What stands in the text and may not be shown.
fn forbidden(policy: Policy, text: &str) -> Vec<Found> {
    let mut found = find(text);
    found.retain(|found| !policy.allows(found.kind));
    found
}

fn texts(message: &Message) -> impl Iterator<Item = &String> + Clone {
    let calls = message.tool_calls.iter();
    std::iter::once(&message.content).chain(calls.map(|call| &call.arguments))
}

fn texts_mut(message: &mut Message) -> impl Iterator<Item = &mut String> {
    let calls = message.tool_calls.iter_mut();
    std::iter::once(&mut message.content).chain(calls.map(|call| &mut call.arguments))
}

/// A veil in the making.
#[derive(Default)]
struct Weaving {
    values: Values,
    known: HashMap<String, Placeholder>,
}

impl Weaving {
    /// Takes no number that stands in a text already: what somebody wrote is not a value.
    fn skip_placeholders(&mut self, text: &str) {
        for (at, _) in text.match_indices('[') {
            if let Parsed::Whole(placeholder, _) = Placeholder::parse(&text[at..])
                && placeholder.number <= MOST_SKIPPED
            {
                let skipped = &mut self.values.skipped[placeholder.kind as usize];
                *skipped = placeholder.number.max(*skipped);
            }
        }
    }

    /// The text with placeholders for what was found.
    fn mask(&mut self, text: &str, found: &[Found]) -> String {
        let mut masked = String::with_capacity(text.len() + 16);
        let mut from = 0;
        for found in found {
            masked.push_str(&text[from..found.range.start]);
            self.placeholder(found.kind, &text[found.range.clone()])
                .write(&mut masked);
            from = found.range.end;
        }
        masked.push_str(&text[from..]);
        masked
    }

    fn placeholder(&mut self, kind: Kind, value: &str) -> Placeholder {
        if let Some(known) = self.known.get(value) {
            return *known;
        }
        let values = &mut self.values.by_kind[kind as usize];
        values.push(value.to_owned());
        let number = self.values.skipped[kind as usize] + values.len();
        let placeholder = Placeholder { kind, number };
        self.known.insert(value.to_owned(), placeholder);
        placeholder
    }
}

/// `[EMAIL_1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Placeholder {
    kind: Kind,
    number: usize,
}

/// What the beginning of a text is.
enum Parsed {
    /// A placeholder, so many bytes long.
    Whole(Placeholder, usize),
    /// The text ended within what may become one.
    Begun,
    Other,
}

/// Larger numbers are not read.
const MOST_DIGITS: usize = 6;
/// A number above it is not ours, unless a call has more values than any has had.
const MOST_SKIPPED: usize = 99_999;

impl Placeholder {
    fn write(self, text: &mut String) {
        let word = self.kind.word();
        text.extend(["[", word, "_", &self.number.to_string(), "]"]);
    }

    fn parse(text: &str) -> Parsed {
        let mut begun = false;
        for kind in Kind::ALL {
            match Self::parse_of(kind, text) {
                Parsed::Other => {}
                Parsed::Begun => begun = true,
                Parsed::Whole(placeholder, length) => {
                    return Parsed::Whole(placeholder, length);
                }
            }
        }
        if begun { Parsed::Begun } else { Parsed::Other }
    }

    fn parse_of(kind: Kind, text: &str) -> Parsed {
        let head = kind.head();
        let Some(rest) = text.strip_prefix(head) else {
            return if head.starts_with(text) {
                Parsed::Begun
            } else {
                Parsed::Other
            };
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let is_number = digits <= MOST_DIGITS && !rest.starts_with('0');
        match rest.as_bytes().get(digits) {
            _ if !is_number => Parsed::Other,
            None => Parsed::Begun,
            Some(b']') => match rest[..digits].parse() {
                Ok(number) => Parsed::Whole(Self { kind, number }, head.len() + digits + 1),
                Err(_) => Parsed::Other,
            },
            Some(_) => Parsed::Other,
        }
    }
}

/// Puts values back. Holds back what may be the beginning of a placeholder, at most its length.
struct Restorer {
    values: Arc<Values>,
    held: String,
}

impl Restorer {
    /// The next piece of the text as far as it is known.
    fn push(&mut self, piece: String) -> String {
        if self.held.is_empty() && memchr::memchr(b'[', piece.as_bytes()).is_none() {
            return piece;
        }
        self.held.push_str(&piece);
        let text = std::mem::take(&mut self.held);
        let (restored, known) = self.restore(&text);
        text[known..].clone_into(&mut self.held);
        restored
    }

    /// What is held back when nothing follows it.
    fn end(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// The text with values, up to where it may go on as a placeholder.
    fn restore(&self, text: &str) -> (String, usize) {
        let mut restored = String::with_capacity(text.len() + 16);
        let mut from = 0;
        while let Some(bracket) = memchr::memchr(b'[', &text.as_bytes()[from..]) {
            let at = from + bracket;
            restored.push_str(&text[from..at]);
            match Placeholder::parse(&text[at..]) {
                Parsed::Begun => return (restored, at),
                Parsed::Whole(placeholder, length) => {
                    let value = self.values.of(&placeholder);
                    restored.push_str(value.unwrap_or(&text[at..at + length]));
                    from = at + length;
                }
                Parsed::Other => {
                    restored.push('[');
                    from = at + 1;
                }
            }
        }
        restored.push_str(&text[from..]);
        (restored, text.len())
    }

    /// A text that is whole.
    fn whole(&self, text: &str) -> String {
        let (mut restored, known) = self.restore(text);
        restored.push_str(&text[known..]);
        restored
    }
}

/// An answer whose values are being put back.
struct Lifting {
    answer: Answer,
    restorer: Restorer,
    /// Comes after what was held back before it.
    next: Option<Result<Event, Failure>>,
    ended: bool,
}

impl Lifting {
    async fn next(&mut self) -> Option<Result<Event, Failure>> {
        loop {
            if let Some(next) = self.next.take() {
                return Some(next);
            }
            if self.ended {
                return None;
            }
            let next = match self.answer.next().await {
                Some(Ok(Event::Text(text))) => match self.restorer.push(text) {
                    text if text.is_empty() => continue,
                    text => return Some(Ok(Event::Text(text))),
                },
                Some(Ok(Event::ToolCall(mut call))) => {
                    call.arguments = self.restorer.whole(&call.arguments);
                    Some(Ok(Event::ToolCall(call)))
                }
                other => other,
            };
            self.ended = next.is_none();
            self.next = next;
            let held = self.restorer.end();
            if !held.is_empty() {
                return Some(Ok(Event::Text(held)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
