use leptos::prelude::*;

use super::new_api_key::NewApiKey;
use crate::api::api_keys::{self, ApiKey, ApiKeyState};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::task;
use crate::ui::{
    Badge, Button, Confirm, Empty, Glyph, Look, RelativeTime, Screen, Table, Toasts, Tone,
};

/// Keys of the organization's own programs.
#[component]
pub(crate) fn ApiKeys() -> impl IntoView {
    let t = text::api_keys();
    let toasts = Toasts::get();
    let query = Query::once(api_keys::all);
    let creating = RwSignal::new(false);
    let revoking = RwSignal::new(None::<String>);
    let create = Callback::new(move |()| creating.set(true));
    let revoke = move |name: String| {
        task::spawn(async move {
            match api_keys::revoke(name).await {
                Ok(()) => toasts.say(t.revoked),
                Err(problem) => toasts.problem(&problem),
            }
            query.reload();
        });
    };
    let close = move |()| {
        creating.set(false);
        query.reload();
    };
    view! {
        <div class="stack">
            <div class="row row-wrap between">
                <p class="soft grow">{t.lead}</p>
                <Button look=Look::Primary glyph=Glyph::Plus on_press=create>
                    {t.create}
                </Button>
            </div>
            <Screen query count=3 children=move |keys| key_table(keys, revoking) />
            {move || creating.get().then(|| view! { <NewApiKey on_close=close /> })}
            {move || {
                revoking
                    .get()
                    .map(|name| {
                        view! {
                            <Confirm
                                title=t.revoke_title
                                words=t.revoke_text
                                verb=t.revoke
                                on_confirm=move |()| revoke(name.clone())
                                on_close=move |()| revoking.set(None)
                            />
                        }
                    })
            }}
        </div>
    }
    .into_any()
}

fn key_table(keys: Vec<ApiKey>, revoking: RwSignal<Option<String>>) -> AnyView {
    if keys.is_empty() {
        let (title, words) = (text::api_keys().empty_title, text::api_keys().empty_text);
        return view! { <Empty glyph=Glyph::Link title words /> }.into_any();
    }
    let columns = vec![
        text::common().name,
        text::api_keys().scopes,
        text::common().created,
        text::api_keys().last_used,
        text::api_keys().expires,
        "",
    ];
    let rows = keys
        .into_iter()
        .map(|key| key_row(key, revoking))
        .collect_view();
    view! {
        <Table caption=text::api_keys().title columns>
            {rows}
        </Table>
    }
    .into_any()
}

fn key_row(key: ApiKey, revoking: RwSignal<Option<String>>) -> impl IntoView {
    let expiry = key.expire_time.as_ref().map(format::date);
    let expiry = expiry.unwrap_or_else(|| text::common().never.to_owned());
    let state = state_words(&key).map(|(label, tone)| view! { <Badge label tone /> });
    view! {
        <tr>
            <td>
                <div class="row row-wrap">
                    <strong>{key.display_name}</strong>
                    {state}
                </div>
                <div class="mono muted nowrap">{key.prefix} "…"</div>
            </td>
            <td class="mono" data-label=text::api_keys().scopes>
                {scope_list(&key.scopes)}
            </td>
            <td data-label=text::common().created>
                <RelativeTime time=key.create_time />
                " "
                <div class="small muted">{key.creator_display_name}</div>
            </td>
            <td data-label=text::api_keys().last_used>
                <RelativeTime time=key.last_used_time />
            </td>
            <td class="nowrap" data-label=text::api_keys().expires>
                {expiry}
            </td>
            <td class="actions">
                <Button
                    look=Look::Danger
                    on_press=move |()| revoking.set(Some(key.name.clone()))
                >
                    {text::api_keys().revoke}
                </Button>
            </td>
        </tr>
    }
}

/// Few scopes as they are, many folded behind the first.
fn scope_list(scopes: &[String]) -> AnyView {
    let all = scopes.join(", ");
    match scopes {
        [first, rest @ ..] if rest.len() > 3 => {
            let folded = format!("{first} +{}", rest.len());
            view! {
                <details>
                    <summary>{folded}</summary>
                    {all}
                </details>
            }
            .into_any()
        }
        _ => all.into_any(),
    }
}

/// What is to be known of a key that does not do all it says.
fn state_words(key: &ApiKey) -> Option<(&'static str, Tone)> {
    let t = text::api_keys();
    match key.state() {
        ApiKeyState::Expired => Some((t.expired, Tone::Warn)),
        ApiKeyState::Orphaned => Some((t.orphaned, Tone::Danger)),
        ApiKeyState::Revoked => Some((t.revoked, Tone::Danger)),
        ApiKeyState::Active if key.effective_scopes.len() < key.scopes.len() => {
            Some((t.limited, Tone::Warn))
        }
        ApiKeyState::Active | ApiKeyState::Unspecified => None,
    }
}
