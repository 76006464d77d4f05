use leptos::prelude::*;

use super::office::{KEYS, Office};
use crate::api::crm::{self, Credential};
use crate::browser;
use crate::i18n::text;
use crate::task;
use crate::ui::{
    Button, CopyId, FormErrors, FormFailure, Glyph, InputKind, Look, Screen, Section, TextInput,
};

/// The integration's keys: a form until they are stored, then a line.
#[component]
pub(super) fn Keys(office: Office) -> impl IntoView {
    let t = text::integrations();
    let close = Callback::new(move |()| office.editing_keys.set(false));
    view! {
        <Section title=t.keys lead=t.keys_lead>
            <Screen
                query=office.credential
                count=2
                children=move |credential| {
                    view! { <StoredKeys credential=credential office on_close=close /> }
                }
            />
        </Section>
    }
    .into_any()
}

#[component]
fn StoredKeys(
    credential: Option<Credential>,
    office: Office,
    on_close: Callback<()>,
) -> impl IntoView {
    let t = text::integrations();
    let edit = Callback::new(move |()| office.editing_keys.set(true));
    let has_keys = credential.is_some();
    let credential = StoredValue::new(credential.unwrap_or_default());
    move || {
        if !has_keys || office.editing_keys.get() {
            let before = credential.get_value();
            return view! { <KeysForm before office on_close /> }.into_any();
        }
        view! {
            <dl class="facts">
                <dt>{t.client_id}</dt>
                <dd>
                    <CopyId id=credential.with_value(|it| it.client_id.clone()) />
                </dd>
                <dt>{t.redirect}</dt>
                <dd>
                    <CopyId id=credential.with_value(|it| it.redirect_uri.clone()) />
                </dd>
            </dl>
            <div class="row">
                <Button glyph=Glyph::Edit disabled=!office.may_write on_press=edit>
                    {t.keys_edit}
                </Button>
            </div>
        }
        .into_any()
    }
}

/// Where Kommo brings people back to.
fn redirect_address() -> String {
    format!("{}/api/kommo/oauth/callback", browser::origin())
}

#[component]
fn KeysForm(before: Credential, office: Office, on_close: Callback<()>) -> impl IntoView {
    let t = text::integrations();
    let errors = FormErrors::provide();
    let is_new = before.client_id.is_empty();
    let client_id = RwSignal::new(before.client_id);
    let secret = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let (id, words) = (client_id.get_untracked(), secret.get_untracked());
        let has_id = errors.require("client_id", &id);
        if !errors.require("client_secret", &words) || !has_id {
            return;
        }
        busy.set(true);
        task::spawn(async move {
            let address = redirect_address();
            let answer =
                crm::set_credential(id.trim().to_owned(), words.trim().to_owned(), address).await;
            busy.set(false);
            match answer {
                Ok(credential) => {
                    office.credential.data.set(Some(Some(credential)));
                    office.toasts.say(t.keys_saved);
                    on_close.run(());
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    let secret_hint = (!is_new).then(|| t.secret_stored.to_owned());
    view! {
        <form class="stack" id=KEYS on:submit=submit novalidate=true>
            <FormFailure />
            <div class="field">
                <span class="field-label">{t.redirect}</span>
                <CopyId id=redirect_address() />
                <p class="field-hint">{t.redirect_hint}</p>
            </div>
            <TextInput
                label=t.client_id
                name="client_id"
                value=client_id
                autofocus=office.editing_keys.get_untracked()
                disabled=!office.may_write
            />
            <TextInput
                label=t.client_secret
                name="client_secret"
                value=secret
                kind=InputKind::NewPassword
                autocomplete="off"
                hint=secret_hint.unwrap_or_default()
                disabled=!office.may_write
            />
            <div class="row">
                <Button look=Look::Primary submit=true busy disabled=!office.may_write>
                    {text::common().save}
                </Button>
                {(!is_new)
                    .then(|| view! { <Button on_press=on_close>{text::common().cancel}</Button> })}
            </div>
        </form>
    }
    .into_any()
}
