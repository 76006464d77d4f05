use leptos::prelude::*;

use crate::api::playbook::ScriptVariable;
use crate::i18n::text;
use crate::ui::{Choice, FilterSelect, Notice, Switch, Tone};

/// The placeholders of a text, each once, and what is wrong with its braces.
pub(super) fn placeholders(content: &str) -> (Vec<String>, Option<&'static str>) {
    let t = text::plays();
    let (mut names, mut problem) = (Vec::new(), None);
    let mut rest = content;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else {
            return (names, Some(t.placeholder_unclosed));
        };
        let name = name.trim();
        if is_name(name) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        } else {
            problem = Some(t.placeholder_name);
        }
        rest = after;
    }
    (names, problem)
}

fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
    !name.is_empty() && name.chars().all(fits)
}

/// What a new placeholder begins as.
fn described(name: &str) -> ScriptVariable {
    let source = if name.starts_with("crm.") {
        "crm"
    } else {
        "memory"
    };
    ScriptVariable {
        variable: name.to_owned(),
        required: false,
        default_value: String::new(),
        source: source.to_owned(),
    }
}

/// The variables of the placeholders that the text has, as far as they are described.
pub(super) fn variables_of(
    content: &str,
    described_ones: &[ScriptVariable],
) -> Vec<ScriptVariable> {
    let (names, _) = placeholders(content);
    names
        .iter()
        .map(|name| {
            let known = described_ones.iter().find(|one| one.variable == *name);
            known.cloned().unwrap_or_else(|| described(name))
        })
        .collect()
}

/// Each placeholder of the text: where its value comes from, and what to say without it.
#[component]
pub(super) fn Placeholders(
    content: RwSignal<String>,
    variables: RwSignal<Vec<ScriptVariable>>,
) -> impl IntoView {
    let t = text::plays();
    let found = Memo::new(move |_| content.with(|content| placeholders(content)));
    let problem = move || {
        let problem = found.with(|(_, problem)| *problem);
        problem.map(|words| view! { <Notice tone=Tone::Warn>{words}</Notice> })
    };
    view! {
        <section class="stack-tight">
            <h3>{t.placeholders}</h3>
            <div role="status">{problem}</div>
            <Show when=move || found.with(|(names, _)| names.is_empty())>
                <p class="small muted">{t.placeholders_none}</p>
            </Show>
            <For each=move || found.get().0 key=Clone::clone let:name>
                <Variable name variables />
            </For>
        </section>
    }
    .into_any()
}

#[component]
fn Variable(name: String, variables: RwSignal<Vec<ScriptVariable>>) -> impl IntoView {
    let t = text::plays();
    let shown = format!("{{{{{name}}}}}");
    let name = StoredValue::new(name);
    let get = move || {
        variables.with(|all| {
            let known = name.with_value(|name| all.iter().find(|one| one.variable == *name));
            known
                .cloned()
                .unwrap_or_else(|| name.with_value(|name| described(name)))
        })
    };
    let change = move |change: &dyn Fn(&mut ScriptVariable)| {
        let mut one = untrack(get);
        change(&mut one);
        variables.update(|all| {
            all.retain(|other| other.variable != one.variable);
            all.push(one);
        });
    };
    let sources = vec![
        Choice::new("crm", t.source_crm),
        Choice::new("memory", t.source_memory),
        Choice::new("fixed", t.source_fixed),
    ];
    view! {
        <div class="card card-body stack-tight">
            <code class="mono">{shown}</code>
            <div class="grid-2">
                <FilterSelect
                    label=t.source
                    value=Signal::derive(move || get().source)
                    choices=sources
                    on_choose=move |source| change(&|one| one.source.clone_from(&source))
                />
                <label>
                    <span class="visually-hidden">{t.default_value}</span>
                    <input
                        class="input"
                        placeholder=t.default_value
                        prop:value=untrack(get).default_value
                        on:input=move |event| {
                            let words = event_target_value(&event);
                            change(&|one| one.default_value.clone_from(&words));
                        }
                    />
                </label>
            </div>
            <Switch
                label=t.required
                value=Signal::derive(move || get().required)
                on_change=move |on| change(&|one| one.required = on)
            />
        </div>
    }
    .into_any()
}
