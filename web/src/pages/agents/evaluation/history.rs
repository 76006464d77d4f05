use leptos::prelude::*;

use crate::api::evaluation::EvalMessage;
use crate::i18n::text;
use crate::pages::agents::deals::inputs::bound;
use crate::ui::{Button, Choice, FilterSelect, Glyph, IconButton, TextInput};

const CLIENT: &str = "client";
const AGENT: &str = "agent";

/// What was said before a case begins, each message with a number of its own.
#[derive(Clone, Copy)]
pub(super) struct History {
    rows: RwSignal<Vec<(u32, EvalMessage)>>,
    next: StoredValue<u32>,
}

impl History {
    pub(super) fn new(before: Vec<EvalMessage>) -> Self {
        let rows: Vec<_> = (0..).zip(before).collect();
        let next = u32::try_from(rows.len()).unwrap_or(0);
        Self {
            rows: RwSignal::new(rows),
            next: StoredValue::new(next),
        }
    }

    pub(super) fn now(self) -> Vec<EvalMessage> {
        let rows = self.rows.get_untracked().into_iter();
        rows.map(|(_, message)| message).collect()
    }

    /// People take turns: what is added is the other one's.
    fn add(self) {
        let number = self.next.get_value();
        self.next.set_value(number + 1);
        self.rows.update(|rows| {
            let message = EvalMessage {
                from_client: rows.last().is_none_or(|(_, last)| !last.from_client),
                text: String::new(),
            };
            rows.push((number, message));
        });
    }

    fn remove(self, number: u32) {
        self.rows
            .update(|rows| rows.retain(|(own, _)| *own != number));
    }

    /// What is changed within a row does not draw the rows again.
    fn write(self, number: u32, change: impl FnOnce(&mut EvalMessage)) {
        self.rows.update_untracked(|rows| {
            let row = rows.iter_mut().find(|(own, _)| *own == number);
            if let Some((_, message)) = row {
                change(message);
            }
        });
    }
}

#[component]
pub(super) fn HistoryEditor(history: History) -> impl IntoView {
    let t = text::evaluation();
    view! {
        <fieldset class="field stack-tight">
            <legend class="field-label">{t.history}</legend>
            <p class="field-hint">{t.history_hint}</p>
            <For
                each=move || history.rows.get()
                key=|(number, _)| *number
                children=move |(number, message)| view! { <Row number message history /> }
            />
            <div class="row">
                <Button glyph=Glyph::Plus on_press=move |()| history.add()>
                    {t.add_message}
                </Button>
            </div>
        </fieldset>
    }
    .into_any()
}

#[component]
fn Row(number: u32, message: EvalMessage, history: History) -> impl IntoView {
    let t = text::evaluation();
    let author = if message.from_client { CLIENT } else { AGENT };
    let author = RwSignal::new(author.to_owned());
    let authors = vec![Choice::new(CLIENT, t.client), Choice::new(AGENT, t.agent)];
    let choose = move |chosen: String| {
        history.write(number, |message| message.from_client = chosen == CLIENT);
        author.set(chosen);
    };
    let words = bound(message.text, move |text| {
        history.write(number, |message| message.text = text);
    });
    view! {
        <div class="row">
            <FilterSelect label=t.author value=author choices=authors on_choose=choose />
            <div class="grow">
                <TextInput label=t.message name="" value=words />
            </div>
            <IconButton
                glyph=Glyph::Trash
                label=t.remove
                on_press=move || history.remove(number)
            />
        </div>
    }
    .into_any()
}
