//! The messages of a prompt that is edited.

use leptos::prelude::*;

use crate::api::completions::{Message, MessageRole};
use crate::i18n::text;
use crate::ui::{Button, Glyph, IconButton, Look, TextArea};

/// One message. Its words outlive the button that adds it.
#[derive(Clone, PartialEq)]
struct Row {
    key: usize,
    /// Else the model says it.
    is_person: bool,
    words: ArcRwSignal<String>,
}

/// What was said, in order; the last is what the model answers.
#[derive(Clone, Copy)]
pub(super) struct Said {
    rows: RwSignal<Vec<Row>>,
    made: StoredValue<usize>,
}

impl Said {
    /// One empty message of a person.
    pub(super) fn new() -> Self {
        let said = Self {
            rows: RwSignal::new(Vec::new()),
            made: StoredValue::new(0),
        };
        said.add(true, String::new());
        said
    }

    pub(super) fn add(self, is_person: bool, words: String) {
        let key = self.made.get_value();
        self.made.set_value(key + 1);
        let row = Row {
            key,
            is_person,
            words: ArcRwSignal::new(words),
        };
        self.rows.update(|rows| rows.push(row));
    }

    fn remove(self, key: usize) {
        self.rows.update(|rows| rows.retain(|row| row.key != key));
    }

    /// Those with words.
    pub(super) fn now(self) -> Vec<Message> {
        let rows = self.rows.get_untracked().into_iter();
        rows.map(|row| {
            let role = if row.is_person {
                MessageRole::User
            } else {
                MessageRole::Assistant
            };
            message(role, row.words.get_untracked())
        })
        .filter(|message| !message.content.trim().is_empty())
        .collect()
    }
}

pub(super) fn message(role: MessageRole, content: String) -> Message {
    Message {
        role: role.into(),
        content,
        ..Message::default()
    }
}

#[component]
pub(super) fn SaidEditor(said: Said) -> impl IntoView {
    let t = text::playground();
    let count = Memo::new(move |_| said.rows.with(Vec::len));
    view! {
        <div class="stack-tight">
            <For each=move || said.rows.get() key=|row| row.key let:row>
                <SaidRow row said count />
            </For>
            <div class="row row-wrap">
                <Button
                    look=Look::Ghost
                    glyph=Glyph::Plus
                    on_press=move |()| said.add(true, String::new())
                >
                    {t.add_person}
                </Button>
                <Button
                    look=Look::Ghost
                    glyph=Glyph::Plus
                    on_press=move |()| said.add(false, String::new())
                >
                    {t.add_model}
                </Button>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn SaidRow(row: Row, said: Said, count: Memo<usize>) -> impl IntoView {
    let t = text::playground();
    let key = row.key;
    let words = RwSignal::from(row.words);
    let label = if row.is_person {
        t.person
    } else {
        t.model_said
    };
    view! {
        <div class="said-row">
            <div class="grow">
                <TextArea label name="messages" value=words rows=3 />
            </div>
            <IconButton
                glyph=Glyph::Close
                label=t.remove_message
                disabled=Signal::derive(move || count.get() == 1)
                on_press=move || said.remove(key)
            />
        </div>
    }
    .into_any()
}
