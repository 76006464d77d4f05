use leptos::prelude::*;

use crate::api::accounts::{self, Session as Device};
use crate::i18n::text;
use crate::query::Query;
use crate::task;
use crate::ui::{
    Badge, Button, FormErrors, FormFailure, InputKind, Look, RelativeTime, Screen, Section, Table,
    TextInput, Toasts, Tone,
};

/// The password and the devices that are signed in.
#[component]
pub(crate) fn Security() -> impl IntoView {
    let t = text::settings();
    view! {
        <Section title=t.password>
            <PasswordForm />
        </Section>
        <Section title=t.sessions lead=t.sessions_caption>
            <Devices />
        </Section>
    }
    .into_any()
}

#[component]
fn PasswordForm() -> impl IntoView {
    let t = text::settings();
    let toasts = Toasts::get();
    let errors = FormErrors::provide();
    let old_password = RwSignal::new(String::new());
    let new_password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let (old, new) = (old_password.get_untracked(), new_password.get_untracked());
        let is_whole = [
            errors.require("old_password", &old),
            errors.require("new_password", &new),
        ];
        if is_whole.contains(&false) {
            return;
        }
        busy.set(true);
        task::spawn(async move {
            let answer = accounts::change_password(old, new).await;
            busy.set(false);
            match answer {
                Ok(()) => {
                    old_password.set(String::new());
                    new_password.set(String::new());
                    toasts.say(t.password_changed);
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput
                label=t.old_password
                name="old_password"
                value=old_password
                kind=InputKind::OldPassword
            />
            <TextInput
                label=t.new_password
                name="new_password"
                value=new_password
                kind=InputKind::NewPassword
                hint=text::account().password_hint
            />
            <div class="row">
                <Button look=Look::Primary submit=true busy>
                    {t.change_password}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

#[component]
fn Devices() -> impl IntoView {
    let t = text::settings();
    let toasts = Toasts::get();
    let query = Query::once(|| accounts::list_sessions(String::new()));
    let revoke = Callback::new(move |name: String| {
        task::spawn(async move {
            match accounts::revoke_session(name).await {
                Ok(()) => toasts.say(t.revoked),
                Err(problem) => toasts.problem(&problem),
            }
            query.reload();
        });
    });
    view! {
        <Screen
            query
            count=3
            children=move |(devices, _): (Vec<Device>, String)| {
                let rows = devices
                    .into_iter()
                    .map(|device| view! { <DeviceRow device revoke /> })
                    .collect_view();
                view! {
                    <Table caption=t.sessions columns=vec![t.device, t.last_used, ""]>
                        {rows}
                    </Table>
                }
            }
        />
    }
    .into_any()
}

#[component]
fn DeviceRow(device: Device, revoke: Callback<String>) -> impl IntoView {
    let t = text::settings();
    let name = device.name.clone();
    view! {
        <tr>
            <td>
                <div>{device_words(&device.user_agent)}</div>
                <div class="small muted">{device.client_address}</div>
            </td>
            <td>
                <RelativeTime time=device.last_used_time />
            </td>
            <td class="actions">
                {if device.current {
                    view! { <Badge label=t.current tone=Tone::Success /> }.into_any()
                } else {
                    view! {
                        <Button look=Look::Danger on_press=move |()| revoke.run(name.clone())>
                            {t.revoke}
                        </Button>
                    }
                        .into_any()
                }}
            </td>
        </tr>
    }
}

/// `Chrome · Linux` out of a user agent; the agent itself when neither is known.
fn device_words(user_agent: &str) -> String {
    let first = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| user_agent.contains(mark))
            .map(|(_, word)| *word)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("YaBrowser", "Yandex"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if user_agent.is_empty() => text::common().unknown.to_owned(),
        (None, None) => user_agent.chars().take(80).collect(),
    }
}
