use leptos::prelude::*;

use super::words::{KINDS, kind_word, value_choices};
use crate::api::evaluation::{EvalAssert, EvalAssertKind};
use crate::i18n::text;
use crate::pages::agents::deals::inputs::bound;
use crate::ui::{Choice, FilterSelect, Glyph, IconButton, Select, TextInput};

/// Expectations that are edited, each with a number of its own.
#[derive(Clone, Copy)]
pub(super) struct Asserts {
    rows: RwSignal<Vec<(u32, EvalAssert)>>,
    next: StoredValue<u32>,
}

impl Asserts {
    pub(super) fn new(before: Vec<EvalAssert>) -> Self {
        let rows: Vec<_> = (0..).zip(before).collect();
        let next = u32::try_from(rows.len()).unwrap_or(0);
        Self {
            rows: RwSignal::new(rows),
            next: StoredValue::new(next),
        }
    }

    pub(super) fn now(self) -> Vec<EvalAssert> {
        let rows = self.rows.get_untracked().into_iter();
        rows.map(|(_, assert)| assert).collect()
    }

    fn add(self, kind: i32) {
        let number = self.next.get_value();
        self.next.set_value(number + 1);
        let mut assert = EvalAssert {
            kind,
            ..EvalAssert::default()
        };
        // The list shows its first entry.
        if let Some(first) = value_choices(assert.kind()).into_iter().next() {
            assert.value = first.value;
        }
        self.rows.update(|rows| rows.push((number, assert)));
    }

    fn remove(self, number: u32) {
        self.rows
            .update(|rows| rows.retain(|(own, _)| *own != number));
    }

    /// What is typed does not draw the rows again.
    fn write(self, number: u32, value: &str) {
        self.rows.update_untracked(|rows| {
            let row = rows.iter_mut().find(|(own, _)| *own == number);
            if let Some((_, assert)) = row {
                if assert.kind() == EvalAssertKind::MaxCost {
                    assert.amount = value.trim().parse().unwrap_or(0);
                } else {
                    value.clone_into(&mut assert.value);
                }
            }
        });
    }
}

/// The rows, and a list of what can be added.
#[component]
pub(super) fn AssertsEditor(asserts: Asserts) -> impl IntoView {
    let t = text::evaluation();
    let mut kinds = vec![Choice::new("", t.add_assert)];
    kinds.extend(KINDS.map(|kind| Choice::new(i32::from(kind).to_string(), kind_word(kind))));
    let chosen = RwSignal::new(String::new());
    let add = move |kind: String| {
        if let Ok(kind) = kind.parse() {
            asserts.add(kind);
        }
        // The list shows its first entry again.
        chosen.set(kind);
        chosen.set(String::new());
    };
    view! {
        <fieldset class="field stack-tight">
            <legend class="field-label">{t.asserts}</legend>
            {move || {
                asserts
                    .rows
                    .get()
                    .into_iter()
                    .map(|(number, assert)| view! { <Row number assert asserts /> })
                    .collect_view()
            }}
            <FilterSelect label=t.add_assert value=chosen choices=kinds on_choose=add />
        </fieldset>
    }
    .into_any()
}

#[component]
fn Row(number: u32, assert: EvalAssert, asserts: Asserts) -> impl IntoView {
    let t = text::evaluation();
    let kind = assert.kind();
    let before = if kind == EvalAssertKind::MaxCost {
        assert.amount.to_string()
    } else {
        assert.value
    };
    let value = bound(before, move |text| asserts.write(number, &text));
    let (label, choices) = (kind_word(kind), value_choices(kind));
    let field = if kind == EvalAssertKind::NumbersSourced {
        view! { <span>{label}</span> }.into_any()
    } else if choices.is_empty() {
        view! { <TextInput label name="" value /> }.into_any()
    } else {
        view! { <Select label name="" value choices /> }.into_any()
    };
    view! {
        <div class="row">
            <div class="grow">{field}</div>
            <IconButton
                glyph=Glyph::Trash
                label=t.remove
                on_press=move || asserts.remove(number)
            />
        </div>
    }
    .into_any()
}
