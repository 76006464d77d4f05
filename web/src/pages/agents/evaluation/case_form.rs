use leptos::prelude::*;

use super::asserts::{Asserts, AssertsEditor};
use super::history::{History, HistoryEditor};
use super::suite::Cases;
use crate::api::evaluation::{self, EvalCase, EvalSetup};
use crate::i18n::text;
use crate::pages::agents::automation::parts::{
    Pick, RefusedRows, place_of, place_value, stages_of,
};
use crate::pages::agents::deals::form::CrmForm;
use crate::task;
use crate::ui::{
    Button, Choice, FormErrors, FormFailure, Look, Select, Switch, TextArea, TextInput,
};

/// Fields of rows, which have no places of their own for what is wrong.
const ROWS: &[&str] = &["eval_case.setup.", "eval_case.asserts"];

/// What is typed into the form.
#[derive(Clone, Copy)]
struct Typed {
    name: RwSignal<String>,
    enabled: RwSignal<bool>,
    texts: RwSignal<String>,
    asserts: Asserts,
    language: RwSignal<String>,
    place: RwSignal<String>,
    history: History,
}

impl Typed {
    fn new(before: &EvalCase) -> Self {
        let setup = before.setup.clone().unwrap_or_default();
        Self {
            name: RwSignal::new(before.display_name.clone()),
            enabled: RwSignal::new(before.enabled.unwrap_or(true)),
            texts: RwSignal::new(before.client_texts.join("\n")),
            asserts: Asserts::new(before.asserts.clone()),
            language: RwSignal::new(setup.language),
            place: RwSignal::new(place_value(setup.pipeline_id, setup.stage_id)),
            history: History::new(setup.history),
        }
    }

    fn case(self, before: EvalCase) -> EvalCase {
        let texts = self.texts.get_untracked();
        let texts = texts.lines().map(str::trim).filter(|line| !line.is_empty());
        EvalCase {
            display_name: self.name.get_untracked(),
            enabled: Some(self.enabled.get_untracked()),
            setup: Some(self.setup()),
            client_texts: texts.map(str::to_owned).collect(),
            asserts: self.asserts.now(),
            ..before
        }
    }

    fn setup(self) -> EvalSetup {
        let (pipeline_id, stage_id) = place_of(&self.place.get_untracked());
        EvalSetup {
            language: self.language.get_untracked(),
            pipeline_id,
            stage_id,
            history: self.history.now(),
        }
    }
}

/// One case.
#[component]
pub(super) fn CaseForm(before: EvalCase, cases: Cases) -> impl IntoView {
    let t = text::evaluation();
    let errors = FormErrors::provide();
    let is_new = before.name.is_empty();
    let typed = Typed::new(&before);
    let before = StoredValue::new(before);
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let has_name = errors.require("eval_case.display_name", &typed.name.get_untracked());
        if !errors.require("eval_case.client_texts", &typed.texts.get_untracked()) || !has_name {
            return;
        }
        let case = typed.case(before.get_value());
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
            <RefusedRows prefixes=ROWS />
            <TextInput
                label=t.name
                name="eval_case.display_name"
                value=typed.name
                autofocus=is_new
            />
            <Switch
                label=t.enabled
                value=typed.enabled
                on_change=move |on| typed.enabled.set(on)
            />
            <TextArea
                label=t.client_texts
                name="eval_case.client_texts"
                value=typed.texts
                hint=t.client_texts_hint
                rows=4
            />
            <AssertsEditor asserts=typed.asserts />
            <Setup typed />
            <div class="row">
                <Button look=Look::Primary submit=true busy disabled=!cases.may_write>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

/// How things stand when the client begins to write.
#[component]
fn Setup(typed: Typed) -> impl IntoView {
    let t = text::evaluation();
    let crm = expect_context::<CrmForm>();
    let languages = vec![
        Choice::new("", t.language_own),
        Choice::new("ru", "Русский"),
        Choice::new("en", "English"),
    ];
    view! {
        <Pick
            label=t.stage
            first=t.stage_first
            value=typed.place
            choices=move || stages_of(crm)
            on_choose=move |chosen| typed.place.set(chosen)
        />
        <Select
            label=t.language
            name="eval_case.setup.language"
            value=typed.language
            choices=languages
        />
        <HistoryEditor history=typed.history />
    }
    .into_any()
}
