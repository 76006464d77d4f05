use leptos::prelude::*;

use super::shared::ReadOnly;
use crate::api::privacy::{self, PrivacyPolicy};
use crate::i18n::text;
use crate::query::Query;
use crate::session::Session;
use crate::task;
use crate::ui::{RelativeTime, Section, Steady, Switch, Toasts};

/// What a switch hides: its words, how it is read and how it is set.
type Rule = (
    &'static str,
    &'static str,
    fn(&PrivacyPolicy) -> bool,
    fn(&mut PrivacyPolicy, bool),
);

/// The tab «Privacy»: what of people's data the providers of models are not shown.
#[component]
pub(crate) fn Privacy() -> impl IntoView {
    let t = text::privacy();
    let query = Query::once(privacy::get);
    let rules: [Rule; 3] = [
        (
            t.emails,
            t.emails_text,
            |policy| !policy.emails_allowed,
            |policy, hidden| policy.emails_allowed = !hidden,
        ),
        (
            t.phones,
            t.phones_text,
            |policy| !policy.phones_allowed,
            |policy, hidden| policy.phones_allowed = !hidden,
        ),
        (
            t.cards,
            t.cards_text,
            |policy| !policy.cards_allowed,
            |policy, hidden| policy.cards_allowed = !hidden,
        ),
    ];
    let changed = move || {
        let time = query.data.get().and_then(|policy| policy.update_time);
        time.map(|time| {
            view! {
                <p class="small muted">
                    {text::common().updated} " " <RelativeTime time=Some(time) />
                </p>
            }
        })
    };
    view! {
        <ReadOnly />
        <Section title=t.title lead=t.lead>
            <Steady query count=3>
                {rules.map(|rule| view! { <RuleSwitch rule query /> })}
                {changed}
            </Steady>
            <p class="small muted">{t.takes_effect}</p>
        </Section>
    }
    .into_any()
}

#[component]
fn RuleSwitch(rule: Rule, query: Query<PrivacyPolicy>) -> impl IntoView {
    let (label, hint, is_hidden, set_hidden) = rule;
    let toasts = Toasts::get();
    let may_write = Session::get().may("llm.write");
    let value = Signal::derive(move || {
        query
            .data
            .with(|policy| policy.as_ref().is_some_and(is_hidden))
    });
    let change = move |hidden: bool| {
        let Some(mut policy) = query.data.get_untracked() else {
            return;
        };
        set_hidden(&mut policy, hidden);
        query.data.set(Some(policy));
        task::spawn(async move {
            match privacy::replace(policy).await {
                Ok(policy) => {
                    query.data.set(Some(policy));
                    toasts.say(text::common().saved);
                }
                Err(problem) => {
                    toasts.problem(&problem);
                    // The switch shows what is true.
                    query.reload();
                }
            }
        });
    };
    view! {
        <div class="preference">
            <Switch label value disabled=!may_write on_change=change />
            <p class="field-hint">{hint}</p>
        </div>
    }
    .into_any()
}
