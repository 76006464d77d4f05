use leptos::prelude::*;

use crate::api::provider_keys::{self, ProviderKey};
use crate::api::{ProblemKind, request_id};
use crate::i18n::text;
use crate::task;
use crate::ui::{Button, FormErrors, FormFailure, InputKind, Look, NumberInput, TextInput};

const NAME: &str = "provider_key.display_name";
const SECRET: &str = "provider_key.secret";
const PRIORITY: &str = "provider_key.priority";

/// One key. Its secret goes in and is never shown again.
#[component]
pub(super) fn KeyForm(
    before: ProviderKey,
    on_saved: Callback<()>,
    on_close: Callback<()>,
) -> impl IntoView {
    let t = text::provider_keys();
    let errors = FormErrors::provide();
    let is_new = before.name.is_empty();
    let name = RwSignal::new(before.display_name.clone());
    let secret = RwSignal::new(String::new());
    let priority = RwSignal::new(before.priority.to_string());
    let busy = RwSignal::new(false);
    // The same while nobody knows whether the last try has made a key.
    let attempt = StoredValue::new(request_id());
    let hint = before.hint.clone();
    let before = StoredValue::new(before.name);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let typed = secret.get_untracked().trim().to_owned();
        let has_name = errors.require(NAME, &name.get_untracked());
        let has_secret = !is_new || errors.require(SECRET, &typed);
        let Ok(priority) = priority.get_untracked().trim().parse::<i32>() else {
            return errors.reject(PRIORITY, t.priority_number);
        };
        if !has_name || !has_secret {
            return;
        }
        let mut paths = vec!["display_name", "priority"];
        if !typed.is_empty() {
            paths.push("secret");
        }
        let key = ProviderKey {
            name: before.get_value(),
            display_name: name.get_untracked(),
            secret: typed,
            priority,
            ..ProviderKey::default()
        };
        busy.set(true);
        task::spawn(async move {
            let answer = if is_new {
                provider_keys::create(key, attempt.get_value()).await
            } else {
                provider_keys::update(key, &paths).await
            };
            busy.set(false);
            match answer {
                Ok(_) => on_saved.run(()),
                Err(problem) => {
                    if problem.kind != ProblemKind::Passing {
                        attempt.set_value(request_id());
                    }
                    errors.refuse(problem);
                }
            }
        });
    };
    let secret_hint = if is_new {
        t.secret_hint.to_owned()
    } else {
        (t.secret_kept)(&hint)
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput
                label=text::common().name
                name=NAME
                value=name
                hint=t.name_hint
                autofocus=true
            />
            <TextInput
                label=t.secret
                name=SECRET
                value=secret
                kind=InputKind::NewPassword
                autocomplete="off"
                hint=secret_hint
                optional=!is_new
            />
            <NumberInput
                label=t.priority
                name=PRIORITY
                value=priority
                min=0
                max=100
                hint=t.priority_hint
            />
            <div class="dialog-actions">
                <Button on_press=on_close>{text::common().cancel}</Button>
                <Button look=Look::Primary submit=true busy>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}
