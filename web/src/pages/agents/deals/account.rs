use leptos::prelude::*;
use leptos_router::components::A;

use super::form::CrmForm;
use crate::api::crm::Account;
use crate::i18n::text;
use crate::ui::{Choice, Empty, FilterSelect, FormErrors, Glyph, Notice, Section, Tone};

/// Which account the agent works in.
#[component]
pub(super) fn AccountSection(form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let value = Signal::derive(move || form.edited.with(|edited| edited.connection.clone()));
    let choices = Signal::derive(move || {
        let accounts = form.accounts.data.get().unwrap_or_default();
        let mut choices = vec![Choice::new("", t.nowhere)];
        choices.extend(accounts.iter().map(choice));
        // An account that was disconnected stays visible.
        let chosen = value.get();
        if !choices.iter().any(|choice| choice.value == chosen) {
            choices.push(Choice::new(chosen, t.gone));
        }
        choices
    });
    view! {
        <Section title=t.account lead=t.account_lead>
            <FilterSelect
                label=t.account
                value
                choices
                on_choose=move |connection| form.choose_account(connection)
            />
            <Show when=move || value.with(String::is_empty)>
                <Notice>{t.nowhere_text}</Notice>
            </Show>
        </Section>
    }
    .into_any()
}

fn choice(account: &Account) -> Choice {
    let connection = &account.connection;
    let label = if connection.account_display_name.is_empty() {
        connection.host.clone()
    } else {
        format!("{} · {}", connection.account_display_name, connection.host)
    };
    Choice::new(connection.name.clone(), label)
}

/// What the server refused of these tabs: their rows have no names of their own.
#[component]
pub(super) fn Refused() -> impl IntoView {
    let errors = use_context::<FormErrors>();
    move || {
        let problem = errors.and_then(FormErrors::problem)?;
        let refused = problem
            .violations
            .into_iter()
            .filter(|violation| violation.field.starts_with("crm_settings"))
            .map(|violation| {
                let field = violation
                    .field
                    .trim_start_matches("crm_settings.")
                    .to_owned();
                view! {
                    <li>
                        <span class="mono small">{field}</span>
                        ": "
                        {violation.text}
                    </li>
                }
            })
            .collect::<Vec<_>>();
        (!refused.is_empty()).then(|| {
            view! {
                <Notice tone=Tone::Danger>
                    <ul>{refused}</ul>
                </Notice>
            }
        })
    }
}

/// What the settings name and Kommo no longer has.
#[component]
pub(super) fn GoneNotice(form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let gone = Memo::new(move |_| form.edited.with(|edited| edited.gone.clone()));
    move || {
        let gone = gone.get();
        (!gone.is_empty()).then(|| {
            view! {
                <Notice tone=Tone::Warn>
                    <strong>{t.gone_title}</strong>
                    <p>{t.gone_text}</p>
                    <p class="mono small">{gone.join(", ")}</p>
                </Notice>
            }
        })
    }
}

/// There is no account to choose from.
pub(super) fn no_account() -> AnyView {
    let t = text::deals();
    view! {
        <Empty glyph=Glyph::Plug title=t.no_connection words=t.no_connection_text>
            <A href="/integrations" attr:class="button button-primary">
                {text::shell().connect_kommo}
            </A>
        </Empty>
    }
    .into_any()
}

/// The account is connected, but nothing was read from it.
pub(super) fn not_synced() -> AnyView {
    let t = text::deals();
    view! {
        <Notice tone=Tone::Warn>
            <strong>{t.not_synced}</strong>
            <p>
                <A href="/integrations">{t.not_synced_text}</A>
            </p>
        </Notice>
    }
    .into_any()
}
