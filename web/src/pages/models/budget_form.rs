use leptos::prelude::*;

use super::budgets::period_word;
use super::money::{MoneyError, parse_usd, usd_words};
use super::shared::{ORGANIZATION, resource_words};
use crate::api::agents::Agent;
use crate::api::budgets::{self, Budget, BudgetExhaustion, BudgetPeriod};
use crate::i18n::text;
use crate::query::Query;
use crate::task;
use crate::ui::{
    Button, Choice, FormErrors, FormFailure, Look, RadioChoice, RadioOption, Select, TextInput,
};

const CAP: &str = "cap_micro_usd";

/// One cap: whose, for how long, how much. Whose and for how long stay as they are made.
#[component]
pub(super) fn BudgetForm(
    before: Budget,
    agents: Query<Vec<Agent>>,
    on_saved: Callback<()>,
    on_close: Callback<()>,
) -> impl IntoView {
    let t = text::budgets();
    let errors = FormErrors::provide();
    let is_new = before.name.is_empty();
    let resource = RwSignal::new(if is_new {
        ORGANIZATION.to_owned()
    } else {
        before.resource.clone()
    });
    let period = RwSignal::new(match before.period() {
        BudgetPeriod::Unspecified => BudgetPeriod::Month.into(),
        period => i32::from(period),
    });
    let cap = RwSignal::new(if is_new {
        String::new()
    } else {
        usd_words(before.cap_micro_usd)
    });
    let exhaustion = RwSignal::new(match before.exhaustion() {
        BudgetExhaustion::Unspecified => BudgetExhaustion::Degrade.into(),
        exhaustion => i32::from(exhaustion),
    });
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let words = cap.get_untracked();
        if !errors.require(CAP, &words) {
            return;
        }
        let micro_usd = match parse_usd(&words) {
            Ok(micro_usd) => micro_usd,
            Err(error) => return errors.reject(CAP, error_words(error)),
        };
        let setting = budgets::set(Budget {
            resource: resource.get_untracked(),
            period: period.get_untracked(),
            cap_micro_usd: micro_usd,
            exhaustion: exhaustion.get_untracked(),
            ..Budget::default()
        });
        busy.set(true);
        task::spawn(async move {
            let answer = setting.await;
            busy.set(false);
            match answer {
                Ok(_) => on_saved.run(()),
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    let fixed = move || {
        let known = agents.data.get().unwrap_or_default();
        let whose = resource_words(&known, &before.resource);
        format!("{whose} · {}", period_word(before.period()))
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            {if is_new {
                view! {
                    <Select
                        label=t.whose
                        name="resource"
                        value=resource
                        choices=resources(agents)
                    />
                    <RadioChoice label=t.period options=periods() value=period row=true />
                }
                    .into_any()
            } else {
                view! { <strong>{fixed}</strong> }.into_any()
            }}
            <TextInput
                label=t.cap
                name=CAP
                value=cap
                hint=t.cap_hint
                placeholder="50"
                autofocus=!is_new
            />
            <RadioChoice label=t.exhaustion options=exhaustions() value=exhaustion />
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

fn error_words(error: MoneyError) -> &'static str {
    let t = text::budgets();
    match error {
        MoneyError::NotANumber => t.not_a_number,
        MoneyError::Negative => t.negative,
        MoneyError::TooPrecise => t.too_precise,
        MoneyError::TooLarge => t.too_large,
    }
}

fn resources(agents: Query<Vec<Agent>>) -> Signal<Vec<Choice>> {
    Signal::derive(move || {
        let whole = Choice::new(ORGANIZATION, text::gateway().whole_organization);
        let known = agents.data.get().unwrap_or_default();
        let known = known
            .into_iter()
            .map(|agent| Choice::new(agent.name, agent.display_name));
        std::iter::once(whole).chain(known).collect()
    })
}

fn exhaustions() -> Vec<RadioOption> {
    let t = text::budgets();
    let options = [
        (BudgetExhaustion::Degrade, t.degrade, t.degrade_text),
        (BudgetExhaustion::Refuse, t.refuse, t.refuse_text),
    ];
    options
        .map(|(exhaustion, label, text)| RadioOption {
            value: exhaustion.into(),
            label,
            text,
        })
        .into()
}

fn periods() -> Vec<RadioOption> {
    [BudgetPeriod::Day, BudgetPeriod::Month]
        .map(|period| RadioOption {
            value: period.into(),
            label: period_word(period),
            text: "",
        })
        .into()
}
