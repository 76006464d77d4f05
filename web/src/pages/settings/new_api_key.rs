use leptos::prelude::*;

use crate::api::{ProblemKind, api_keys, request_id};
use crate::i18n::text;
use crate::ui::{
    Button, Checkbox, Choice, CodeBlock, Dialog, FormErrors, FormFailure, Glyph, Look, Notice,
    Select, TextInput, Tone,
};
use crate::{browser, task};

/// Lifetimes to choose from, in days; 0 is for ever.
const LIFETIMES: [u32; 5] = [30, 90, 180, 365, 0];
const USUAL_LIFETIME: &str = "90";
const SCOPES: &str = "api_key.scopes";

/// Scopes of one area of the product, with the word on each box.
type Area = (&'static str, Vec<(&'static str, &'static str)>);

/// How far the key has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Asking,
    /// It is on the screen and nowhere else.
    Shown,
    Copied,
    /// The browser refused to copy it.
    NotCopied,
    /// Somebody was about to leave without it.
    Warned,
}

/// Asks what the key is for, makes it, and shows it once.
#[component]
pub(super) fn NewApiKey(#[prop(into)] on_close: Callback<()>) -> impl IntoView {
    let key = RwSignal::new(String::new());
    let step = RwSignal::new(Step::Asking);
    let leave = Callback::new(move |()| {
        if step.get_untracked() == Step::Shown {
            step.set(Step::Warned);
        } else {
            on_close.run(());
        }
    });
    let on_made = Callback::new(move |made| {
        key.set(made);
        step.set(Step::Shown);
    });
    let is_asking = Memo::new(move |_| step.get() == Step::Asking);
    view! {
        <Dialog title=text::api_keys().create on_close=leave wide=true>
            {move || {
                if is_asking.get() {
                    view! { <KeyForm on_made on_close /> }.into_any()
                } else {
                    view! { <ShownOnce key=key.get_untracked() step on_close /> }.into_any()
                }
            }}
        </Dialog>
    }
    .into_any()
}

#[component]
fn KeyForm(on_made: Callback<String>, on_close: Callback<()>) -> impl IntoView {
    let t = text::api_keys();
    let errors = FormErrors::provide();
    let name = RwSignal::new(String::new());
    let scopes = RwSignal::new(Vec::<&'static str>::new());
    let days = RwSignal::new(USUAL_LIFETIME.to_owned());
    let busy = RwSignal::new(false);
    // The same while nobody knows whether the last try has made a key.
    let attempt = StoredValue::new(request_id());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let chosen = scopes.get_untracked();
        let mut is_whole = errors.require("api_key.display_name", &name.get_untracked());
        if chosen.is_empty() {
            errors.reject(SCOPES, t.scope_required);
            is_whole = false;
        }
        if !is_whole {
            return;
        }
        let chosen = chosen.into_iter().map(ToOwned::to_owned).collect();
        let days = days.get_untracked().parse().unwrap_or_default();
        let creation = api_keys::create(name.get_untracked(), chosen, days, attempt.get_value());
        busy.set(true);
        task::spawn(async move {
            let answer = creation.await;
            busy.set(false);
            match answer {
                Ok(key) => on_made.run(key),
                Err(problem) => {
                    if problem.kind != ProblemKind::Passing {
                        attempt.set_value(request_id());
                    }
                    errors.refuse(problem);
                }
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput
                label=text::common().name
                name="api_key.display_name"
                value=name
                hint=t.name_hint
                autofocus=true
            />
            <ScopeBoxes scopes errors />
            <Select
                label=t.lifetime
                name="api_key.expire_time"
                value=days
                choices=lifetimes()
            />
            <div class="dialog-actions">
                <Button on_press=on_close>{text::common().cancel}</Button>
                <Button look=Look::Primary submit=true busy>
                    {t.create}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

fn lifetimes() -> Vec<Choice> {
    let t = text::api_keys();
    LIFETIMES
        .into_iter()
        .map(|days| {
            let label = match days {
                0 => t.for_ever.to_owned(),
                days => (t.days)(days.into()),
            };
            Choice::new(days.to_string(), label)
        })
        .collect()
}

#[component]
fn ScopeBoxes(scopes: RwSignal<Vec<&'static str>>, errors: FormErrors) -> impl IntoView {
    let t = text::api_keys();
    let choose = move |scope: &'static str, is_chosen: bool| {
        scopes.update(|scopes| {
            scopes.retain(|chosen| *chosen != scope);
            if is_chosen {
                scopes.push(scope);
            }
        });
    };
    let area = move |(label, boxes): Area| {
        let boxes = boxes
            .into_iter()
            .map(|(scope, label)| {
                let value = Signal::derive(move || scopes.with(|chosen| chosen.contains(&scope)));
                let on_change = move |is_chosen| choose(scope, is_chosen);
                view! { <Checkbox label value on_change /> }
            })
            .collect_view();
        view! {
            <fieldset class="field">
                <legend class="field-label">{label}</legend>
                <div class="row row-wrap">{boxes}</div>
            </fieldset>
        }
    };
    let error = move || {
        let words = errors.of(SCOPES);
        words.map(|words| view! { <p class="field-error" role="alert">{words}</p> })
    };
    view! {
        <div class="stack-tight">
            <h3>{t.scopes}</h3>
            <div class="grid-2">{areas().into_iter().map(area).collect_view()}</div>
            {error}
        </div>
    }
    .into_any()
}

/// Every scope, as `ApiKey.scopes` in the protos lists them.
fn areas() -> Vec<Area> {
    let (read, write) = (text::api_keys().scope_read, text::api_keys().scope_write);
    vec![
        (
            text::shell().agents,
            vec![("agents.read", read), ("agents.write", write)],
        ),
        (
            text::shell().knowledge,
            vec![("knowledge.read", read), ("knowledge.write", write)],
        ),
        (
            text::shell().prices,
            vec![("prices.read", read), ("prices.write", write)],
        ),
        (
            text::api_keys().area_conversations,
            vec![("conversations.read", read), ("conversations.write", write)],
        ),
        (
            text::api_keys().area_crm,
            vec![("crm.read", read), ("crm.write", write)],
        ),
        (
            text::shell().jobs,
            vec![("jobs.read", read), ("jobs.write", write)],
        ),
        (
            text::gateway().title,
            vec![
                ("llm.read", read),
                ("llm.complete", text::api_keys().scope_complete),
            ],
        ),
        (
            text::settings().organization,
            vec![("organization.read", read)],
        ),
        (text::api_keys().area_members, vec![("members.read", read)]),
        (text::api_keys().area_audit, vec![("audit.read", read)]),
    ]
}

#[component]
fn ShownOnce(key: String, step: RwSignal<Step>, on_close: Callback<()>) -> impl IntoView {
    let t = text::api_keys();
    let usage = format!(
        "curl {}/api/agents \\\n  -H \"Authorization: Bearer {key}\"",
        browser::origin()
    );
    let shown = key.clone();
    let copy = Callback::new(move |()| {
        let key = key.clone();
        task::spawn(async move {
            let is_copied = browser::copy(&key).await;
            step.set(if is_copied {
                Step::Copied
            } else {
                Step::NotCopied
            });
        });
    });
    let notice = move || {
        let (tone, words) = match step.get() {
            Step::NotCopied => (Tone::Danger, t.copy_failed),
            Step::Warned => (Tone::Danger, t.not_copied),
            Step::Asking | Step::Shown | Step::Copied => (Tone::Warn, t.shown_text),
        };
        view! { <Notice tone>{words}</Notice> }
    };
    let button = move || {
        let (glyph, label) = if step.get() == Step::Copied {
            (Glyph::Check, text::common().copied)
        } else {
            (Glyph::Copy, text::common().copy)
        };
        view! {
            <Button look=Look::Primary glyph on_press=copy>
                {label}
            </Button>
        }
    };
    view! {
        {notice}
        <CodeBlock content=shown />
        <div class="row">{button}</div>
        <details>
            <summary class="soft small">{t.shown_use}</summary>
            <CodeBlock content=usage />
        </details>
        <div class="dialog-actions">
            <Button on_press=on_close>{t.done}</Button>
        </div>
    }
    .into_any()
}
