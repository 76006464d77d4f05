use leptos::prelude::*;

use crate::api::accounts::{self, Organization};
use crate::browser;
use crate::i18n::{Language, text};
use crate::session::Session;
use crate::task;
use crate::ui::{
    Button, Choice, CopyId, FormErrors, FormFailure, Look, Notice, Section, Select, TextInput,
    Toasts,
};

/// Name, language and time zone of the organization.
#[component]
pub(crate) fn OrganizationForm() -> impl IntoView {
    let t = text::settings();
    let session = Session::get();
    let toasts = Toasts::get();
    let errors = FormErrors::provide();
    let present = session.me().organization.unwrap_or_default();
    let display_name = RwSignal::new(present.display_name.clone());
    let locale = RwSignal::new(present.locale.clone());
    let time_zone = RwSignal::new(present.time_zone.clone());
    let busy = RwSignal::new(false);
    let may_write = session.may("organization.write");
    let zones = zone_choices(&present.time_zone);
    let languages = language_choices();
    let name = present.name;
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let organization = Organization {
            display_name: display_name.get_untracked(),
            locale: locale.get_untracked(),
            time_zone: time_zone.get_untracked(),
            ..session.me().organization.unwrap_or_default()
        };
        busy.set(true);
        task::spawn(async move {
            let answer = accounts::update_organization(organization).await;
            busy.set(false);
            match answer {
                Ok(organization) => {
                    session.take_organization(organization);
                    toasts.say(text::common().saved);
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <Section title=t.organization>
            <form class="stack" on:submit=submit novalidate=true>
                <FormFailure />
                {(!may_write).then(|| view! { <Notice>{t.read_only}</Notice> })}
                <TextInput
                    label=t.organization_name
                    name="organization.display_name"
                    value=display_name
                    disabled=!may_write
                />
                <Select
                    label=t.organization_language
                    name="organization.locale"
                    value=locale
                    choices=languages
                    hint=t.organization_language_hint
                />
                <Select
                    label=t.time_zone
                    name="organization.time_zone"
                    value=time_zone
                    choices=zones
                    hint=t.time_zone_hint
                />
                <dl class="facts">
                    <dt>{t.identifier}</dt>
                    <dd>
                        <CopyId id=name />
                    </dd>
                </dl>
                <div class="row">
                    <Button look=Look::Primary submit=true busy disabled=!may_write>
                        {text::common().save}
                    </Button>
                </div>
            </form>
        </Section>
    }
    .into_any()
}

fn language_choices() -> Vec<Choice> {
    Language::ALL
        .into_iter()
        .map(|language| Choice::new(language.tag(), language.own_name()))
        .collect()
}

/// The zones the browser knows, and the present one even if it does not.
fn zone_choices(present: &str) -> Vec<Choice> {
    let mut zones = browser::time_zones();
    if !zones.iter().any(|zone| zone == present) {
        zones.insert(0, present.to_owned());
    }
    zones
        .into_iter()
        .map(|zone| Choice::new(zone.clone(), zone.replace('_', " ")))
        .collect()
}
