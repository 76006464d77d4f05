use leptos::prelude::*;

use super::suites::Board;
use crate::api::evaluation::{self, EvalSuite};
use crate::i18n::text;
use crate::pages::agents::deals::inputs::Number;
use crate::task;
use crate::ui::{Button, FormErrors, FormFailure, Look, Notice, Switch, TextInput};

/// Micro-USD of a cent.
const CENT: i64 = 10_000;

/// One suite.
#[component]
pub(super) fn SuiteForm(before: EvalSuite, board: Board) -> impl IntoView {
    let t = text::evaluation();
    let errors = FormErrors::provide();
    let is_new = before.name.is_empty();
    let name = RwSignal::new(before.display_name.clone());
    let required = RwSignal::new(before.required_for_publish);
    let cents = i32::try_from(before.budget_micro_usd / CENT).unwrap_or(i32::MAX);
    let cents = RwSignal::new(cents);
    let before = StoredValue::new(before);
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        if !errors.require("eval_suite.display_name", &name.get_untracked()) {
            return;
        }
        let suite = EvalSuite {
            agent: board.agent.get_value(),
            display_name: name.get_untracked(),
            required_for_publish: required.get_untracked(),
            budget_micro_usd: i64::from(cents.get_untracked()) * CENT,
            ..before.get_value()
        };
        busy.set(true);
        task::spawn(async move {
            let answer = evaluation::save_suite(suite).await;
            busy.set(false);
            match answer {
                Ok(_) => {
                    board.editing.set(None);
                    board.toasts.say(text::common().saved);
                    board.list.reload();
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput label=t.name name="eval_suite.display_name" value=name autofocus=is_new />
            <Switch label=t.required value=required on_change=move |on| required.set(on) />
            <Notice>{t.required_hint}</Notice>
            <Number
                label=t.budget
                before=cents.get_untracked()
                min=0
                max=10_000
                hint=t.budget_hint
                write=move |number| cents.set(number)
            />
            <div class="row">
                <Button look=Look::Primary submit=true busy disabled=!board.may_write>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}
