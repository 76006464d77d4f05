use leptos::prelude::*;

use crate::api::accounts::{self, User};
use crate::i18n::{Language, language, text};
use crate::preferences::{Preferences, Theme};
use crate::session::Session;
use crate::task;
use crate::ui::{
    Button, FormErrors, FormFailure, Look, RadioChoice, RadioOption, Section, TextInput, Toasts,
};

/// The person: name, language, theme.
#[component]
pub(crate) fn Profile() -> impl IntoView {
    let t = text::settings();
    view! {
        <Section title=t.profile>
            <NameForm />
        </Section>
        <Section title=t.appearance>
            <Appearance />
        </Section>
    }
    .into_any()
}

#[component]
fn NameForm() -> impl IntoView {
    let t = text::settings();
    let session = Session::get();
    let toasts = Toasts::get();
    let errors = FormErrors::provide();
    let me = session.me();
    let user = me.user.clone().unwrap_or_default();
    let display_name = RwSignal::new(user.display_name.clone());
    let busy = RwSignal::new(false);
    let email = user.email.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let user = User {
            display_name: display_name.get_untracked(),
            ..user.clone()
        };
        busy.set(true);
        task::spawn(async move {
            let answer = accounts::update_me(user, &["display_name"]).await;
            busy.set(false);
            match answer {
                Ok(me) => {
                    session.take(me);
                    toasts.say(text::common().saved);
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput label=t.display_name name="user.display_name" value=display_name />
            <dl class="facts">
                <dt>{t.email}</dt>
                <dd>{email}</dd>
                <dt>{t.role}</dt>
                <dd>{role(&me.role)}</dd>
            </dl>
            <div class="row">
                <Button look=Look::Primary submit=true busy>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

#[component]
fn Appearance() -> impl IntoView {
    let session = Session::get();
    let radio = |(value, label)| RadioOption {
        value,
        label,
        text: "",
    };
    let languages = (0..)
        .zip(Language::ALL.map(Language::own_name))
        .map(radio)
        .collect();
    let theme_words = [
        text::shell().theme_system,
        text::shell().theme_light,
        text::shell().theme_dark,
    ];
    let themes = (0..).zip(theme_words).map(radio).collect();
    let chosen_language = RwSignal::new(place(&Language::ALL, language()));
    let theme = Preferences::get().theme.get_untracked();
    let chosen_theme = RwSignal::new(place(&Theme::ALL, theme));
    Effect::new(move |before: Option<()>| {
        let chosen = at(&Theme::ALL, chosen_theme.get());
        if let (Some(theme), Some(())) = (chosen, before) {
            session.choose_theme(theme);
        }
    });
    Effect::new(move |before: Option<()>| {
        let chosen = at(&Language::ALL, chosen_language.get());
        if let (Some(language), Some(())) = (chosen, before) {
            session.choose_language(language);
        }
    });
    view! {
        <RadioChoice
            label=text::settings().interface_language
            options=languages
            value=chosen_language
            row=true
        />
        <RadioChoice label=text::shell().theme options=themes value=chosen_theme row=true />
    }
    .into_any()
}

/// Where a value stands among all.
fn place<T: PartialEq>(all: &[T], value: T) -> i32 {
    let place = all.iter().position(|other| *other == value);
    place
        .and_then(|place| i32::try_from(place).ok())
        .unwrap_or_default()
}

/// The value at a place.
fn at<T: Copy>(all: &[T], place: i32) -> Option<T> {
    all.get(usize::try_from(place).ok()?).copied()
}

/// The word for a role.
fn role(role: &str) -> &'static str {
    let t = text::settings();
    match role {
        "owner" => t.role_owner,
        "admin" => t.role_admin,
        "editor" => t.role_editor,
        "operator" => t.role_operator,
        "analyst" => t.role_analyst,
        _ => t.role_viewer,
    }
}
