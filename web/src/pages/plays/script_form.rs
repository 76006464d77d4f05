use leptos::prelude::*;

use super::effect::Effect;
use super::placeholders::{Placeholders, placeholders, variables_of};
use super::shared::{SCRIPT_TYPES, agent_choices, first_state, state_options, type_choices};
use super::stages::StagePicker;
use crate::api::agents::Agent;
use crate::api::playbook::{self, Script};
use crate::i18n::{Language, text};
use crate::query::Query;
use crate::task;
use crate::ui::{
    Button, Checkbox, FormErrors, FormFailure, Look, RadioChoice, Select, Switch, TextArea,
    TextInput,
};

/// One script. Its placeholders are checked as it is written.
#[component]
pub(super) fn ScriptForm(
    before: Script,
    agents: Query<Vec<Agent>>,
    may_write: bool,
    on_saved: Callback<()>,
) -> impl IntoView {
    let t = text::plays();
    let errors = FormErrors::provide();
    let is_new = before.name.is_empty();
    let first_type = if is_new {
        SCRIPT_TYPES[0].to_owned()
    } else {
        before.r#type.clone()
    };
    let name = RwSignal::new(before.display_name.clone());
    let kind = RwSignal::new(first_type);
    let content = RwSignal::new(before.content.clone());
    let variables = RwSignal::new(before.variables.clone());
    let agent = RwSignal::new(before.agent.clone());
    let stages = RwSignal::new(before.stages.clone());
    let languages = RwSignal::new(before.languages.clone());
    let verbatim = RwSignal::new(before.verbatim);
    let state = RwSignal::new(first_state(before.state(), is_new));
    let busy = RwSignal::new(false);
    let (share, cases) = (before.effectiveness, before.usage_count);
    let before = StoredValue::new(before);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let words = content.get_untracked();
        let has_name = errors.require("script.display_name", &name.get_untracked());
        let has_words = errors.require("script.content", &words);
        let (_, problem) = placeholders(&words);
        if let Some(problem) = problem {
            errors.reject("script.content", problem);
        }
        if !has_name || !has_words || problem.is_some() {
            return;
        }
        let script = Script {
            display_name: name.get_untracked(),
            r#type: kind.get_untracked(),
            variables: variables_of(&words, &variables.get_untracked()),
            content: words,
            agent: agent.get_untracked(),
            stages: stages.get_untracked(),
            languages: languages.get_untracked(),
            verbatim: verbatim.get_untracked(),
            state: state.get_untracked(),
            ..before.get_value()
        };
        busy.set(true);
        task::spawn(async move {
            let answer = playbook::save_script(script).await;
            busy.set(false);
            match answer {
                Ok(_) => on_saved.run(()),
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    let choices = agent_choices(agents, t.every_agent.to_owned());
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            {(!is_new).then(|| view! { <Effect share cases /> })}
            <TextInput label=t.name name="script.display_name" value=name autofocus=is_new />
            <div class="grid-2">
                <Select
                    label=t.kind
                    name="script.type"
                    value=kind
                    choices=type_choices(&SCRIPT_TYPES)
                />
                <Select label=t.agent name="script.agent" value=agent choices />
            </div>
            <TextArea
                label=t.content
                name="script.content"
                value=content
                hint=t.content_hint
                rows=7
            />
            <Placeholders content variables />
            <Switch label=t.verbatim value=verbatim on_change=move |on| verbatim.set(on) />
            <p class="field-hint">{t.verbatim_text}</p>
            <StagePicker value=stages />
            <Languages value=languages />
            <RadioChoice label=t.state options=state_options() value=state row=true />
            <div class="row">
                <Button look=Look::Primary submit=true busy disabled=!may_write>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

#[component]
fn Languages(value: RwSignal<Vec<String>>) -> impl IntoView {
    let t = text::plays();
    let boxes = Language::ALL
        .into_iter()
        .map(|language| {
            let tag = language.tag();
            let is_chosen =
                Signal::derive(move || value.with(|all| all.iter().any(|it| it == tag)));
            let choose = move |on: bool| {
                value.update(|all| {
                    all.retain(|other| other != tag);
                    if on {
                        all.push(tag.to_owned());
                    }
                });
            };
            view! { <Checkbox label=language.own_name() value=is_chosen on_change=choose /> }
        })
        .collect_view();
    view! {
        <fieldset class="field">
            <legend class="field-label">
                {t.languages}
                <Show when=move || value.with(Vec::is_empty)>
                    <span class="muted">" · " {t.every_language}</span>
                </Show>
            </legend>
            <div class="row">{boxes}</div>
        </fieldset>
    }
    .into_any()
}
