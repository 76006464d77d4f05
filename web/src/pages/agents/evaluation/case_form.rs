use leptos::prelude::*;

use super::asserts::{Asserts, AssertsEditor};
use super::suite::Cases;
use crate::api::evaluation::{self, EvalCase};
use crate::i18n::text;
use crate::task;
use crate::ui::{Button, FormErrors, FormFailure, Look, Switch, TextArea, TextInput};

/// One case.
#[component]
pub(super) fn CaseForm(before: EvalCase, cases: Cases) -> impl IntoView {
    let t = text::evaluation();
    let errors = FormErrors::provide();
    let is_new = before.name.is_empty();
    let name = RwSignal::new(before.display_name.clone());
    let enabled = RwSignal::new(before.enabled.unwrap_or(true));
    let texts = RwSignal::new(before.client_texts.join("\n"));
    let asserts = Asserts::new(before.asserts.clone());
    let before = StoredValue::new(before);
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let has_name = errors.require("eval_case.display_name", &name.get_untracked());
        if !errors.require("eval_case.client_texts", &texts.get_untracked()) || !has_name {
            return;
        }
        let lines = texts.get_untracked();
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        let case = EvalCase {
            display_name: name.get_untracked(),
            enabled: Some(enabled.get_untracked()),
            client_texts: lines.map(str::to_owned).collect(),
            asserts: asserts.now(),
            ..before.get_value()
        };
        busy.set(true);
        task::spawn(async move {
            let answer = evaluation::save_case(cases.suite.get_value(), case).await;
            busy.set(false);
            match answer {
                Ok(_) => {
                    cases.editing.set(None);
                    cases.toasts.say(text::common().saved);
                    cases.list.reload();
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput label=t.name name="eval_case.display_name" value=name autofocus=is_new />
            <Switch label=t.enabled value=enabled on_change=move |on| enabled.set(on) />
            <TextArea
                label=t.client_texts
                name="eval_case.client_texts"
                value=texts
                hint=t.client_texts_hint
                rows=4
            />
            <AssertsEditor asserts />
            <div class="row">
                <Button look=Look::Primary submit=true busy disabled=!cases.may_write>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}
