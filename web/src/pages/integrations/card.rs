use leptos::prelude::*;

use super::office::Office;
use super::problems::Problems;
use super::sync::Sync;
use super::transport::Transport;
use crate::api::crm::{self, Connection, ConnectionKind, ConnectionState};
use crate::i18n::{format, text};
use crate::ui::{Avatar, Badge, Glyph, Icon, Menu, MenuItem, RelativeTime, Tone};

/// One account: how it is, what is wrong, how answers are sent, what changed at Kommo.
#[component]
pub(super) fn ConnectionCard(connection: Connection, office: Office) -> impl IntoView {
    let t = text::integrations();
    let title = if connection.account_display_name.is_empty() {
        connection.host.clone()
    } else {
        connection.account_display_name.clone()
    };
    let kind = match connection.kind() {
        ConnectionKind::LongLived => t.kind_token,
        ConnectionKind::Oauth | ConnectionKind::Unspecified => t.kind_oauth,
    };
    let uri = crm::uri(&connection.host);
    let is_connected = connection.state() == ConnectionState::Connected;
    view! {
        <article class="card">
            <header class="card-head">
                <Avatar name=title.clone() square=true />
                <div class="grow">
                    <h2 class="clip">{title}</h2>
                    <a class="small" href=uri target="_blank" rel="noopener noreferrer">
                        {connection.host.clone()}
                    </a>
                </div>
                <StateBadge state=connection.state() />
                <CardMenu connection=connection.clone() office />
            </header>
            <div class="card-body stack">
                <Problems connection=connection.clone() office />
                <div class="grid-2">
                    {facts(&connection, kind)}
                    {is_connected
                        .then(|| view! { <Sync connection=connection.clone() office /> })}
                </div>
                {is_connected.then(|| view! { <Transport connection office /> })}
            </div>
        </article>
    }
    .into_any()
}

#[component]
pub(super) fn StateBadge(state: ConnectionState) -> impl IntoView {
    let t = text::integrations();
    let (label, tone) = match state {
        ConnectionState::Connected => (t.state_connected, Tone::Success),
        ConnectionState::NeedsReauth => (t.state_needs_reauth, Tone::Danger),
        ConnectionState::Disabled => (t.state_disabled, Tone::Danger),
        ConnectionState::NotConnected | ConnectionState::Unspecified => {
            (t.state_not_connected, Tone::Neutral)
        }
    };
    view! { <Badge label tone /> }
}

#[component]
fn CardMenu(connection: Connection, office: Office) -> impl IntoView {
    let t = text::integrations();
    let renew_label = match connection.kind() {
        ConnectionKind::LongLived => t.replace_token,
        ConnectionKind::Oauth | ConnectionKind::Unspecified => t.reauthorize,
    };
    let connection = StoredValue::new(connection);
    let name = move || connection.with_value(|connection| connection.name.clone());
    office.may_write.then(|| {
        view! {
            <Menu label=text::common().more trigger=view! { <Icon glyph=Glyph::Dots /> }>
                <MenuItem
                    label=t.repair
                    glyph=Glyph::Refresh
                    on_choose=move |()| office.repair(name())
                />
                <MenuItem
                    label=renew_label
                    glyph=Glyph::Link
                    on_choose=move |()| office.renew(&connection.get_value())
                />
                <div class="menu-line"></div>
                <MenuItem
                    label=t.disconnect
                    glyph=Glyph::Trash
                    danger=true
                    on_choose=move |()| office.deleting.set(Some(name()))
                />
            </Menu>
        }
    })
}

fn facts(connection: &Connection, kind: &'static str) -> AnyView {
    let t = text::integrations();
    let until = connection.token_expire_time.as_ref().map(|time| {
        let renews = connection.kind() != ConnectionKind::LongLived;
        let note = if renews { t.token_renewed } else { "" };
        view! {
            <dt>{t.token_until}</dt>
            <dd title=format::exact_time(time)>
                {format::date(time)} " " <span class="muted">{note}</span>
            </dd>
        }
    });
    view! {
        <dl class="facts">
            <dt>{t.access}</dt>
            <dd>{kind}</dd>
            {until}
            <dt>{t.scopes}</dt>
            <dd>{scopes(&connection.scopes)}</dd>
            <dt>{t.quota}</dt>
            <dd class="numeric">{quota(connection)}</dd>
            <dt>{t.webhook}</dt>
            <dd>{webhook(connection)}</dd>
            <dt>{t.last_event}</dt>
            <dd>
                <RelativeTime time=connection.last_event_time />
            </dd>
        </dl>
    }
    .into_any()
}

fn scopes(scopes: &[String]) -> String {
    let t = text::integrations();
    let word = |scope: &String| match scope.as_str() {
        "crm" => t.scope_crm.to_owned(),
        "notifications" => t.scope_notifications.to_owned(),
        "push_notifications" => t.scope_push.to_owned(),
        "files" => t.scope_files.to_owned(),
        "files_delete" => t.scope_files_delete.to_owned(),
        "list_external_messages" => t.scope_read_messages.to_owned(),
        "send_external_messages" => t.scope_send_messages.to_owned(),
        other => other.to_owned(),
    };
    if scopes.is_empty() {
        return text::common().unknown.to_owned();
    }
    scopes.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn quota(connection: &Connection) -> String {
    let t = text::integrations();
    let quota = connection.quota.unwrap_or_default();
    let used = format::integer(quota.used.into());
    if quota.limit == 0 {
        return format!("{used} ({})", t.quota_unknown);
    }
    (t.quota_used)(used, format::integer(quota.limit.into()))
}

fn webhook(connection: &Connection) -> AnyView {
    let t = text::integrations();
    let status = connection.webhook.clone().unwrap_or_default();
    let (words, tone) = match status.state.as_str() {
        "active" => (t.webhook_active, Tone::Success),
        "disabled" => (t.webhook_disabled, Tone::Danger),
        "missing" => (t.webhook_missing, Tone::Danger),
        _ => (text::common().unknown, Tone::Neutral),
    };
    view! {
        <span title=status.events.join(", ")>
            <Badge label=words tone />
        </span>
    }
    .into_any()
}
