use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;

use super::door::Door;
use crate::api::accounts;
use crate::i18n::text;
use crate::session::Session;
use crate::task;
use crate::ui::{
    Button, Checkbox, FormErrors, FormFailure, InputKind, Look, Notice, TextInput, Tone,
};

#[component]
pub(crate) fn SignIn() -> impl IntoView {
    view! {
        <Door title=text::account().sign_in_title lead="">
            <SignInForm />
        </Door>
    }
}

#[component]
fn SignInForm() -> impl IntoView {
    let t = text::account();
    let session = Session::get();
    let query = use_query_map();
    let has_ended = move || query.with(|query| query.get("ended").is_some());
    let errors = FormErrors::provide();
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let remember = RwSignal::new(true);
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let (email, password) = (email.get_untracked(), password.get_untracked());
        let is_whole = [
            errors.require("email", &email),
            errors.require("password", &password),
        ];
        if is_whole.contains(&false) {
            return;
        }
        busy.set(true);
        task::spawn(async move {
            let answer = accounts::sign_in(email, password, remember.get_untracked()).await;
            busy.set(false);
            match answer {
                Ok(me) => session.begin(me),
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            {move || {
                has_ended().then(|| view! { <Notice tone=Tone::Warn>{t.session_ended}</Notice> })
            }}
            <FormFailure />
            <TextInput label=t.email name="email" value=email kind=InputKind::Email autofocus=true />
            <TextInput
                label=t.password
                name="password"
                value=password
                kind=InputKind::OldPassword
            />
            <Checkbox label=t.remember value=remember on_change=move |on| remember.set(on) />
            <Button look=Look::Primary submit=true wide=true busy>
                {t.sign_in}
            </Button>
        </form>
        <p class="soft">
            {t.no_account} " " <A href="/sign-up">{t.sign_up}</A>
        </p>
    }
    .into_any()
}
