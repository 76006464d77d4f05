use leptos::prelude::*;

use super::account::{GoneNotice, Refused, no_account};
use super::fields::{ReadFields, WriteFields};
use super::form::CrmForm;
use super::inputs::bound;
use super::moves::Moves;
use crate::api::crm::Account;
use crate::i18n::text;
use crate::ui::{Notice, Screen, Section, TextInput};

/// The tab «Deals & contacts»: what the agent may see and change in the CRM.
#[component]
pub(crate) fn LeadsContacts() -> impl IntoView {
    let form = expect_context::<CrmForm>();
    let draw = move |accounts: Vec<Account>| {
        if accounts.is_empty() {
            return no_account();
        }
        view! { <Screen query=form.settings count=4 children=move |_| sections(form) /> }.into_any()
    };
    view! { <Screen query=form.accounts count=4 children=draw /> }
}

fn sections(form: CrmForm) -> AnyView {
    let t = text::deals();
    let connection = Memo::new(move |_| form.edited.with(|edited| edited.connection.clone()));
    (move || {
        if connection.with(String::is_empty) {
            return view! { <Notice>{t.choose_account}</Notice> }.into_any();
        }
        view! {
            <Refused />
            <GoneNotice form />
            <ReadFields form />
            <WriteFields form />
            <Moves form />
            <OtherActions form />
        }
        .into_any()
    })
    .into_any()
}

/// The Salesbots that the agent may run.
#[component]
fn OtherActions(form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let before = form.edited.with_untracked(|edited| {
        let ids = edited.salesbot_ids.iter().map(ToString::to_string);
        ids.collect::<Vec<_>>().join(", ")
    });
    let bots = bound(before, move |words| {
        let ids = words
            .split([',', ' '])
            .filter_map(|id| id.trim().parse().ok());
        let ids: Vec<i64> = ids.collect();
        form.edited.update(|edited| edited.salesbot_ids = ids);
    });
    view! {
        <Section title=t.advanced_actions>
            <TextInput
                label=t.salesbots
                name="crm_settings.salesbot_ids"
                value=bots
                hint=t.salesbots_hint
            />
        </Section>
    }
    .into_any()
}
