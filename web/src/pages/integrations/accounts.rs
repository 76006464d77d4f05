use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use tonic::Code;

use super::card::ConnectionCard;
use super::keys::Keys;
use super::office::{Office, TokenFor};
use super::token::TokenDialog;
use crate::api::Problem;
use crate::api::crm::{self, Connection, PendingInstall};
use crate::i18n::text;
use crate::query::Query;
use crate::ui::{Button, Confirm, Failure, Glyph, Icon, Look, Notice, RelativeTime, Screen, Tone};

/// The Kommo accounts of the organization, and the way to connect one.
#[component]
pub(crate) fn Accounts() -> impl IntoView {
    let office = Office::open();
    view! {
        <Redirected />
        <Screen
            query=office.connections
            count=3
            children=move |connections| accounts(connections, office)
        />
        <Keys office />
        <Pending office />
        <TokenDialog office />
        <DeleteDialog office />
    }
    .into_any()
}

/// What Kommo's redirect came to: `?connected=…` or `?error=REASON`.
#[component]
fn Redirected() -> impl IntoView {
    let t = text::integrations();
    let query = use_query_map();
    let of = move |key: &str| query.with(|query| query.get(key)).unwrap_or_default();
    move || {
        let reason = of("error");
        if !reason.is_empty() {
            let problem = Problem::from_reason(Code::FailedPrecondition, reason, "");
            return view! {
                <section class="stack-tight">
                    <h2>{t.authorize_failed}</h2>
                    <Failure problem />
                </section>
            }
            .into_any();
        }
        if of("connected").is_empty() {
            return ().into_any();
        }
        view! { <Notice tone=Tone::Success>{t.connected}</Notice> }.into_any()
    }
}

fn accounts(connections: Vec<Connection>, office: Office) -> AnyView {
    let t = text::integrations();
    if connections.is_empty() {
        return view! { <FirstAccount office /> }.into_any();
    }
    let cards = connections
        .into_iter()
        .map(|connection| view! { <ConnectionCard connection office /> })
        .collect_view();
    view! {
        <div class="stack">{cards}</div>
        <div class="row row-wrap">
            <ConnectButtons office label=t.connect_another look=Look::Plain />
        </div>
    }
    .into_any()
}

/// Nothing is connected: what it is for, and the three steps.
#[component]
fn FirstAccount(office: Office) -> impl IntoView {
    let t = text::integrations();
    let steps = [t.step_integration, t.step_keys, t.step_grant]
        .into_iter()
        .map(|words| view! { <li>{words}</li> })
        .collect_view();
    view! {
        <section class="card">
            <div class="card-body stack">
                <div class="row">
                    <span class="avatar avatar-square" aria-hidden="true">
                        "K"
                    </span>
                    <h2>{t.empty_title}</h2>
                </div>
                <p class="soft">{t.empty_text}</p>
                <ol class="numbered">{steps}</ol>
                <div class="row row-wrap">
                    <ConnectButtons office label=t.connect look=Look::Primary />
                </div>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn ConnectButtons(office: Office, label: &'static str, look: Look) -> impl IntoView {
    let t = text::integrations();
    let by_token = Callback::new(move |()| office.token_for.set(Some(TokenFor::default())));
    view! {
        <Button
            look
            glyph=Glyph::Link
            busy=office.busy
            disabled=!office.may_write
            on_press=move |()| office.authorize(String::new())
        >
            {label}
        </Button>
        <Button disabled=!office.may_write on_press=by_token>
            {t.by_token}
        </Button>
    }
    .into_any()
}

/// Accounts that installed the widget and wait for a person.
#[component]
fn Pending(office: Office) -> impl IntoView {
    let t = text::integrations();
    let query = Query::once(crm::pending_installs);
    let rows = move |pending: Vec<PendingInstall>| {
        pending
            .into_iter()
            .map(|install| {
                view! {
                    <li class="row row-wrap">
                        <Icon glyph=Glyph::Link small=true />
                        <strong class="grow clip">{install.host}</strong>
                        <span class="small muted">
                            <RelativeTime time=install.create_time />
                        </span>
                        <Button
                            disabled=!office.may_write
                            on_press=move |()| office.authorize(String::new())
                        >
                            {t.connect}
                        </Button>
                    </li>
                }
            })
            .collect_view()
    };
    move || {
        let pending = query.data.get().filter(|pending| !pending.is_empty())?;
        Some(view! {
            <section class="card">
                <header class="card-head">
                    <h2>{t.pending}</h2>
                </header>
                <div class="card-body stack">
                    <p class="soft">{t.pending_text}</p>
                    <ul class="stack-tight">{rows(pending)}</ul>
                </div>
            </section>
        })
    }
}

#[component]
fn DeleteDialog(office: Office) -> impl IntoView {
    let t = text::integrations();
    move || {
        office.deleting.get().map(|name| {
            view! {
                <Confirm
                    title=t.delete_title
                    words=t.delete_text
                    verb=t.disconnect
                    on_confirm=move |()| office.delete(name.clone())
                    on_close=move |()| office.deleting.set(None)
                />
            }
        })
    }
}
