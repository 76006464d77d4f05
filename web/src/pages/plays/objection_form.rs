use leptos::prelude::*;

use super::effect::Effect;
use super::placeholders::placeholders;
use super::shared::{OBJECTION_TYPES, agent_choices, first_state, state_options, type_choices};
use super::stages::StagePicker;
use crate::api::agents::Agent;
use crate::api::playbook::{self, ObjectionResponse};
use crate::i18n::text;
use crate::query::Query;
use crate::task;
use crate::ui::{
    Button, Choice, FormErrors, FormFailure, Look, NumberInput, RadioChoice, Select, TextArea,
};

/// One response: how clients put the objection, and what to answer.
#[component]
pub(super) fn ObjectionForm(
    before: ObjectionResponse,
    agents: Query<Vec<Agent>>,
    may_write: bool,
    on_saved: Callback<()>,
) -> impl IntoView {
    let t = text::plays();
    let errors = FormErrors::provide();
    let is_new = before.name.is_empty();
    let first_type = if is_new {
        OBJECTION_TYPES[0].to_owned()
    } else {
        before.r#type.clone()
    };
    let kind = RwSignal::new(first_type);
    let phrases = RwSignal::new(before.phrases.join("\n"));
    let response = RwSignal::new(before.response.clone());
    let technique = RwSignal::new(before.technique.clone());
    let discount = RwSignal::new(
        before
            .max_discount_percent
            .map(|percent| percent.to_string())
            .unwrap_or_default(),
    );
    let agent = RwSignal::new(before.agent.clone());
    let stages = RwSignal::new(before.stages.clone());
    let escalate = RwSignal::new(before.escalate_after.to_string());
    let state = RwSignal::new(first_state(before.state(), is_new));
    let busy = RwSignal::new(false);
    let (share, cases) = (before.effectiveness, before.usage_count);
    let before = StoredValue::new(before);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let words = response.get_untracked();
        let has_words = errors.require("objection_response.response", &words);
        let (_, problem) = placeholders(&words);
        if let Some(problem) = problem {
            errors.reject("objection_response.response", problem);
        }
        if !has_words || problem.is_some() {
            return;
        }
        let typed = phrases.get_untracked();
        let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
        let answer = ObjectionResponse {
            r#type: kind.get_untracked(),
            phrases: lines.map(ToOwned::to_owned).collect(),
            response: words,
            technique: technique.get_untracked(),
            max_discount_percent: discount.get_untracked().trim().parse().ok(),
            agent: agent.get_untracked(),
            stages: stages.get_untracked(),
            escalate_after: escalate.get_untracked().trim().parse().unwrap_or_default(),
            state: state.get_untracked(),
            ..before.get_value()
        };
        busy.set(true);
        task::spawn(async move {
            let answer = playbook::save_objection(answer).await;
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
            <div class="grid-2">
                <Select
                    label=t.kind
                    name="objection_response.type"
                    value=kind
                    choices=type_choices(&OBJECTION_TYPES)
                />
                <Select label=t.agent name="objection_response.agent" value=agent choices />
            </div>
            <TextArea
                label=t.phrases
                name="objection_response.phrases"
                value=phrases
                hint=t.phrases_hint
                rows=4
            />
            <TextArea
                label=t.response
                name="objection_response.response"
                value=response
                hint=t.content_hint
                rows=6
            />
            <Select
                label=t.technique
                name="objection_response.technique"
                value=technique
                choices=techniques()
            />
            <div class="grid-2">
                <NumberInput
                    label=t.discount
                    name="objection_response.max_discount_percent"
                    value=discount
                    min=0
                    max=100
                    hint=t.discount_hint
                />
                <NumberInput
                    label=t.escalate
                    name="objection_response.escalate_after"
                    value=escalate
                    min=0
                    max=20
                    hint=t.escalate_hint
                />
            </div>
            <StagePicker value=stages />
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

fn techniques() -> Vec<Choice> {
    let t = text::plays();
    vec![
        Choice::new("", t.no_technique),
        Choice::new("clarify", t.clarify),
        Choice::new("reframe", t.reframe),
        Choice::new("proof", t.proof),
        Choice::new("alternative", t.alternative),
        Choice::new("price_anchor", t.price_anchor),
        Choice::new("handoff", t.handoff),
    ]
}
