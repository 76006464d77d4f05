use leptos::prelude::*;

use super::office::{Office, TokenFor};
use crate::api::crm;
use crate::i18n::text;
use crate::task;
use crate::ui::{Button, Dialog, FormErrors, FormFailure, InputKind, Look, TextInput};

/// Connects an account by the long-lived token of a private integration.
#[component]
pub(super) fn TokenDialog(office: Office) -> impl IntoView {
    let t = text::integrations();
    move || {
        office.token_for.get().map(|target| {
            view! {
                <Dialog title=t.by_token on_close=move |()| office.token_for.set(None)>
                    <TokenForm target office />
                </Dialog>
            }
        })
    }
}

#[component]
fn TokenForm(target: TokenFor, office: Office) -> impl IntoView {
    let t = text::integrations();
    let errors = FormErrors::provide();
    let is_known = !target.connection.is_empty();
    let host = RwSignal::new(target.host);
    let token = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let connection = target.connection;
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let has_host = errors.require("host", &host.get_untracked());
        if !errors.require("token", &token.get_untracked()) || !has_host {
            return;
        }
        let connection = connection.clone();
        busy.set(true);
        task::spawn(async move {
            let host = host_of(&host.get_untracked());
            let token = token.get_untracked().trim().to_owned();
            let answer = crm::connect_with_token(host, token, connection).await;
            busy.set(false);
            match answer {
                Ok(connection) => {
                    office.toasts.say(t.connected);
                    office.take(connection);
                    office.token_for.set(None);
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <p class="soft">{t.by_token_lead}</p>
            <FormFailure />
            <TextInput
                label=t.host
                name="host"
                value=host
                placeholder=t.host_hint
                disabled=is_known
                autofocus=!is_known
            />
            <TextInput
                label=t.token
                name="token"
                value=token
                kind=InputKind::NewPassword
                autocomplete="off"
                autofocus=is_known
            />
            <div class="dialog-actions">
                <Button on_press=move |()| office.token_for.set(None)>
                    {text::common().cancel}
                </Button>
                <Button look=Look::Primary submit=true busy>
                    {t.connect}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

/// People paste the address of a page: only its host is meant.
fn host_of(typed: &str) -> String {
    let typed = typed.trim();
    let typed = typed.split_once("://").map_or(typed, |(_, rest)| rest);
    typed.split('/').next().unwrap_or_default().to_owned()
}
