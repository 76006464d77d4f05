use leptos::prelude::*;

use super::form::CrmForm;
use super::inputs::{AddFrom, Gone, Words};
use crate::api::crm::CustomField;
use crate::api::crm_settings::{FieldRead, FieldWrite};
use crate::i18n::text;
use crate::ui::{Choice, Glyph, IconButton, Notice, Section, Switch};

const LIMIT: usize = 50;

/// A field by its entity and its id.
type FieldKey = (String, i64);

fn value_of(entity: &str, field_id: i64) -> String {
    format!("{entity}/{field_id}")
}

fn key_of(value: &str) -> Option<FieldKey> {
    let (entity, id) = value.split_once('/')?;
    Some((entity.to_owned(), id.parse().ok()?))
}

fn entity_word(entity: &str) -> &'static str {
    let t = text::deals();
    match entity {
        "leads" => t.leads,
        "contacts" => t.contacts,
        _ => t.companies,
    }
}

/// Fields that may be chosen, but for those that are.
fn choices(
    fields: &[CustomField],
    chosen: &[FieldKey],
    is_wanted: impl Fn(&CustomField) -> bool,
) -> Vec<Choice> {
    fields
        .iter()
        .filter(|field| !field.gone && is_wanted(field))
        .filter(|field| {
            let is_chosen =
                |(entity, id): &FieldKey| *entity == field.entity && *id == field.field_id;
            !chosen.iter().any(is_chosen)
        })
        .map(|field| {
            let label = format!("{} · {}", entity_word(&field.entity), field.display_name);
            Choice::new(value_of(&field.entity, field.field_id), label)
        })
        .collect()
}

/// Its name, and whether Kommo still has it.
fn named(fields: &[CustomField], entity: &str, field_id: i64) -> (String, bool) {
    let found = fields
        .iter()
        .find(|field| field.entity == entity && field.field_id == field_id);
    match found {
        Some(field) => (field.display_name.clone(), field.gone),
        None => (field_id.to_string(), true),
    }
}

#[component]
fn FieldName(entity: String, field_id: i64, form: CrmForm) -> impl IntoView {
    move || {
        let fields = form.fields.data.get()?;
        let (name, is_gone) = named(&fields, &entity, field_id);
        Some(view! {
            <span class="row row-wrap">
                <span class="small muted">{entity_word(&entity)}</span>
                <strong>{name}</strong>
                {is_gone.then(|| view! { <Gone /> })}
            </span>
        })
    }
}

/// The fields that the model is shown.
#[component]
pub(super) fn ReadFields(form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let chosen = Memo::new(move |_| {
        form.edited.with(|edited| {
            let keys = edited.read_fields.iter();
            keys.map(|field| (field.entity.clone(), field.field_id))
                .collect::<Vec<_>>()
        })
    });
    let available = Signal::derive(move || {
        let fields = form.fields.data.get().unwrap_or_default();
        choices(&fields, &chosen.get(), |field| field.entity != "companies")
    });
    let add = move |value: String| {
        if let Some((entity, field_id)) = key_of(&value) {
            form.edited
                .update(|edited| edited.read_fields.push(FieldRead { entity, field_id }));
        }
    };
    view! {
        <Section title=t.read lead=t.read_lead>
            <Show when=move || chosen.with(Vec::is_empty)>
                <Notice>{t.no_read}</Notice>
            </Show>
            <ul class="stack-tight">
                <For each=move || chosen.get() key=Clone::clone let:key>
                    <ReadRow key form />
                </For>
            </ul>
            <Show when=move || { chosen.with(Vec::len) < LIMIT }>
                <AddFrom label=t.choose_field choices=available on_add=add />
            </Show>
        </Section>
    }
    .into_any()
}

#[component]
fn ReadRow(key: FieldKey, form: CrmForm) -> impl IntoView {
    let (entity, field_id) = key;
    let shown = entity.clone();
    let remove = move || {
        form.edited.update(|edited| {
            edited
                .read_fields
                .retain(|field| field.entity != entity || field.field_id != field_id);
        });
    };
    view! {
        <li class="row between field-row">
            <FieldName entity=shown field_id form />
            <IconButton glyph=Glyph::Close label=text::deals().remove on_press=remove />
        </li>
    }
}

/// The fields that the agent fills in, each with its condition.
#[component]
pub(super) fn WriteFields(form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let chosen = Memo::new(move |_| {
        form.edited.with(|edited| {
            let keys = edited.write_fields.iter();
            keys.map(|field| (field.entity.clone(), field.field_id))
                .collect::<Vec<_>>()
        })
    });
    let available = Signal::derive(move || {
        let fields = form.fields.data.get().unwrap_or_default();
        choices(&fields, &chosen.get(), |field| {
            !field.read_only && field.entity != "companies"
        })
    });
    let add = move |value: String| {
        if let Some((entity, field_id)) = key_of(&value) {
            let rule = FieldWrite {
                entity,
                field_id,
                ..FieldWrite::default()
            };
            form.edited.update(|edited| edited.write_fields.push(rule));
        }
    };
    view! {
        <Section title=t.write lead=t.write_lead>
            <Show when=move || chosen.with(Vec::is_empty)>
                <Notice>{t.no_write}</Notice>
            </Show>
            <For each=move || chosen.get() key=Clone::clone let:key>
                <WriteRow key form />
            </For>
            <Show when=move || { chosen.with(Vec::len) < LIMIT }>
                <AddFrom label=t.choose_field choices=available on_add=add />
            </Show>
        </Section>
    }
    .into_any()
}

#[component]
fn WriteRow(key: FieldKey, form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let (entity, field_id) = key;
    let shown = entity.clone();
    let key = StoredValue::new(entity);
    let is_it = move |field: &FieldWrite| {
        field.field_id == field_id && key.with_value(|entity| field.entity == *entity)
    };
    let before = form.edited.with_untracked(|edited| {
        let rule = edited.write_fields.iter().find(|field| is_it(field));
        rule.cloned().unwrap_or_default()
    });
    let change = move |change: &dyn Fn(&mut FieldWrite)| {
        form.edited.update(|edited| {
            if let Some(rule) = edited.write_fields.iter_mut().find(|field| is_it(field)) {
                change(rule);
            }
        });
    };
    let overwrites = Signal::derive(move || {
        form.edited.with(|edited| {
            let rule = edited.write_fields.iter().find(|field| is_it(field));
            rule.is_some_and(|rule| rule.overwrite)
        })
    });
    let remove = move || {
        form.edited
            .update(|edited| edited.write_fields.retain(|field| !is_it(field)));
    };
    view! {
        <section class="card card-body stack">
            <div class="row between">
                <FieldName entity=shown field_id form />
                <IconButton glyph=Glyph::Close label=t.remove on_press=remove />
            </div>
            <Words
                label=t.write_condition
                before=before.condition
                hint=t.write_condition_hint
                write=move |words| change(&|rule| rule.condition.clone_from(&words))
            />
            <Switch
                label=t.overwrite
                value=overwrites
                on_change=move |on| change(&|rule| rule.overwrite = on)
            />
        </section>
    }
    .into_any()
}
