use leptos::prelude::*;
use leptos_router::components::A;

use super::door::Door;
use crate::api::accounts::{self, Registration};
use crate::browser;
use crate::i18n::{language, text};
use crate::session::Session;
use crate::task;
use crate::ui::{Button, FormErrors, FormFailure, InputKind, Look, TextInput};

#[component]
pub(crate) fn SignUp() -> impl IntoView {
    let t = text::account();
    view! {
        <Door title=t.sign_up_title lead=t.sign_up_lead>
            <SignUpForm />
        </Door>
    }
}

#[component]
fn SignUpForm() -> impl IntoView {
    let t = text::account();
    let session = Session::get();
    let errors = FormErrors::provide();
    let organization = RwSignal::new(String::new());
    let display_name = RwSignal::new(String::new());
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let form = Registration {
            organization: organization.get_untracked(),
            email: email.get_untracked(),
            password: password.get_untracked(),
            display_name: display_name.get_untracked(),
            locale: language().tag(),
            time_zone: browser::time_zone(),
        };
        let is_whole = [
            errors.require("organization_display_name", &form.organization),
            errors.require("email", &form.email),
            errors.require("password", &form.password),
        ];
        if is_whole.contains(&false) {
            return;
        }
        busy.set(true);
        task::spawn(async move {
            let answer = accounts::register(form).await;
            busy.set(false);
            match answer {
                Ok(me) => session.begin(me),
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput
                label=t.organization
                name="organization_display_name"
                value=organization
                hint=t.organization_hint
                autofocus=true
                autocomplete="organization"
            />
            <TextInput
                label=t.display_name
                name="display_name"
                value=display_name
                optional=true
                autocomplete="name"
            />
            <TextInput label=t.email name="email" value=email kind=InputKind::Email />
            <TextInput
                label=t.password
                name="password"
                value=password
                kind=InputKind::NewPassword
                hint=t.password_hint
            />
            <Button look=Look::Primary submit=true wide=true busy>
                {t.sign_up}
            </Button>
        </form>
        <p class="soft">
            {t.have_account} " " <A href="/sign-in">{t.sign_in}</A>
        </p>
    }
    .into_any()
}
