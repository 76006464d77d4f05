use leptos::prelude::*;

use super::form::AgentForm;
use crate::api::agents::AnswerMode;
use crate::api::knowledge::{self, Category};
use crate::i18n::text;
use crate::query::Query;
use crate::ui::{
    Checkbox, Notice, RadioChoice, RadioOption, Screen, Section, Switch, TextArea, TextInput, Tone,
};

const INSTRUCTIONS_LIMIT: u64 = 40_000;
/// Characters of one token, on average over Russian and English text.
const CHARACTERS_PER_TOKEN: u64 = 3;

/// The tab General: who the agent is and what it may use.
#[component]
pub(crate) fn General() -> impl IntoView {
    let t = text::editor();
    let form = expect_context::<AgentForm>();
    view! {
        <Section title=t.profile>
            <TextInput
                label=t.name
                name="agent.display_name"
                value=form.display_name
                hint=t.name_hint
            />
        </Section>
        <Section title=t.instructions lead=t.instructions_lead>
            <TextArea
                label=t.instructions
                name="agent.instructions"
                value=form.instructions
                rows=10
            />
            <InstructionsLength form />
        </Section>
        <Section title=t.answers lead=t.mode_note>
            <RadioChoice label=t.answer_mode options=modes() value=form.answer_mode />
        </Section>
        <Section title=t.knowledge>
            <Switch
                label=t.all_categories
                value=form.all_categories
                on_change=move |on| form.all_categories.set(on)
            />
            <Show when=move || !form.all_categories.get()>
                <Categories form />
            </Show>
        </Section>
        <Section title=t.no_answer>
            <TextArea
                label=t.no_answer_text
                name="agent.no_answer_text"
                value=form.no_answer_text
                hint=t.no_answer_hint
                rows=2
            />
            <Switch
                label=t.create_task
                value=form.create_task
                on_change=move |on| form.create_task.set(on)
            />
        </Section>
    }
    .into_any()
}

#[component]
fn InstructionsLength(form: AgentForm) -> impl IntoView {
    let t = text::common();
    let used = move || {
        let count = form.instructions.with(|words| words.chars().count());
        u64::try_from(count).unwrap_or(u64::MAX)
    };
    view! {
        <p class="field-hint numeric">
            {move || (t.characters)(used(), INSTRUCTIONS_LIMIT)} " · "
            {move || (t.about_tokens)(used().div_ceil(CHARACTERS_PER_TOKEN))}
        </p>
    }
}

fn modes() -> Vec<RadioOption> {
    let t = text::editor();
    [
        (AnswerMode::Off, t.mode_off, t.mode_off_text),
        (AnswerMode::Draft, t.mode_draft, t.mode_draft_text),
        (AnswerMode::Auto, t.mode_auto, t.mode_auto_text),
    ]
    .into_iter()
    .map(|(mode, label, text)| RadioOption {
        value: mode.into(),
        label,
        text,
    })
    .collect()
}

#[component]
fn Categories(form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let query = Query::once(knowledge::categories);
    view! {
        <Screen query count=3 children=move |categories| category_boxes(categories, form) />
        <Show when=move || form.categories.with(Vec::is_empty)>
            <Notice tone=Tone::Warn>{t.categories_none}</Notice>
        </Show>
    }
    .into_any()
}

fn category_boxes(categories: Vec<Category>, form: AgentForm) -> AnyView {
    let t = text::editor();
    if categories.is_empty() {
        return view! { <Notice>{t.categories_empty}</Notice> }.into_any();
    }
    let boxes = categories
        .into_iter()
        .map(|category| view! { <CategoryBox category form /> })
        .collect_view();
    view! {
        <fieldset class="stack-tight">
            <legend class="field-label">{t.categories}</legend>
            {boxes}
        </fieldset>
    }
    .into_any()
}

#[component]
fn CategoryBox(category: Category, form: AgentForm) -> impl IntoView {
    let name = category.name.clone();
    let is_chosen = Signal::derive({
        let name = name.clone();
        move || form.categories.with(|chosen| chosen.contains(&name))
    });
    let choose = move |on: bool| {
        form.categories.update(|chosen| {
            chosen.retain(|other| *other != name);
            if on {
                chosen.push(name.clone());
            }
        });
    };
    view! { <Checkbox label=category.display_name value=is_chosen on_change=choose /> }
}
