use leptos::prelude::*;

use super::state::Inbox;
use super::words::stage_of;
use crate::api::crm::{self, Account, FieldValue, Lead};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Notice, Screen, Tone};

/// The deal of the client as Kommo has it.
#[component]
pub(super) fn LeadPart(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    // The deal is read anew when it was moved.
    let key = Memo::new(move |_| {
        let open = inbox.open.data.get().flatten()?;
        (open.lead_id != 0).then(|| {
            let lead = format!("{}/leads/{}", open.connection, open.lead_id);
            (lead, open.stage_id)
        })
    });
    view! {
        <section class="stack-tight">
            <h2>{t.lead}</h2>
            {move || match key.get() {
                None => view! { <p class="small muted">{t.no_lead}</p> }.into_any(),
                Some((name, _)) => view! { <LoadedLead name inbox /> }.into_any(),
            }}
        </section>
    }
    .into_any()
}

#[component]
fn LoadedLead(name: String, inbox: Inbox) -> impl IntoView {
    let connection = name.split("/leads/").next().unwrap_or_default().to_owned();
    let query = Query::once(move || crm::lead(name.clone()));
    view! {
        <Screen
            query
            count=3
            children=move |lead: Lead| {
                let accounts = inbox.accounts.data.get().unwrap_or_default();
                lead_view(lead, &accounts, &connection)
            }
        />
    }
}

fn lead_view(lead: Lead, accounts: &[Account], connection: &str) -> AnyView {
    let t = text::inbox();
    let account = accounts
        .iter()
        .find(|account| account.connection.name == connection);
    let place = stage_of(accounts, connection, lead.pipeline_id, lead.stage_id);
    let currency = account.map_or("", |account| account.connection.currency.as_str());
    let price = (lead.price != 0).then(|| format::whole_money(lead.price, currency));
    let id = lead.name.rsplit('/').next().unwrap_or_default().to_owned();
    let link = account.map(|account| {
        let uri = format!("{}/leads/detail/{id}", crm::uri(&account.connection.host));
        view! {
            <a class="button" href=uri target="_blank" rel="noopener noreferrer">
                {t.open_kommo}
            </a>
        }
    });
    let contact = lead.contact.unwrap_or_default();
    let tags = (!lead.tags.is_empty()).then(|| lead.tags.join(", "));
    view! {
        {lead.stale.then(|| view! { <Notice tone=Tone::Warn>{t.lead_stale}</Notice> })}
        <h3>{lead.display_name}</h3>
        <dl class="facts">
            {place
                .map(|(pipeline, stage, color)| {
                    view! {
                        <dt>{t.stage}</dt>
                        <dd>
                            <span class="stage-dot" style:background=color aria-hidden="true"></span>
                            " "
                            {stage}
                            <div class="small muted">{pipeline}</div>
                        </dd>
                    }
                })}
            {fact(t.price, price)}
            {fact(t.tags, tags)}
            {fact(t.contact, Some(contact.display_name).filter(|name| !name.is_empty()))}
            {field_facts(contact.fields)}
            {field_facts(lead.fields)}
        </dl>
        <div class="row">{link}</div>
    }
    .into_any()
}

fn fact(label: impl Into<String>, value: Option<String>) -> Option<AnyView> {
    let label = label.into();
    value.map(|value| {
        view! {
            <dt>{label}</dt>
            <dd>{value}</dd>
        }
        .into_any()
    })
}

fn field_facts(fields: Vec<FieldValue>) -> Vec<AnyView> {
    fields
        .into_iter()
        .filter(|field| !field.values.is_empty())
        .filter_map(|field| fact(field.display_name, Some(field.values.join(", "))))
        .collect()
}
