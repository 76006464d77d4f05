//! Words for what has happened, and the page that it opens.

use js_sys::Date;
use prost_types::Timestamp;
use wasm_bindgen::JsValue;

use crate::api::notifications::{Notification, NotificationType};
use crate::i18n::{format, text};
use crate::pages::inbox::words::handoff_words;
use crate::ui::{Glyph, Tone};

/// A type by itself, and when people are told of it.
pub(crate) fn type_words(kind: NotificationType) -> Option<(&'static str, &'static str)> {
    let t = text::notifications();
    Some(match kind {
        NotificationType::Unspecified => return None,
        NotificationType::SystemAlert => (t.type_system_alert, t.hint_system_alert),
        NotificationType::IntegrationError => (t.type_integration_error, t.hint_integration_error),
        NotificationType::CrmTokenExpiring => {
            (t.type_crm_token_expiring, t.hint_crm_token_expiring)
        }
        NotificationType::HandoffWaiting => (t.type_handoff_waiting, t.hint_handoff_waiting),
        NotificationType::DraftWaiting => (t.type_draft_waiting, t.hint_draft_waiting),
        NotificationType::Budget80 => (t.type_budget_80, t.hint_budget_80),
        NotificationType::Budget100 => (t.type_budget_100, t.hint_budget_100),
        NotificationType::ProviderKeyRefused => {
            (t.type_provider_key_refused, t.hint_provider_key_refused)
        }
    })
}

/// What has happened, and what follows from it.
pub(super) fn words(notification: &Notification) -> (String, String) {
    let t = text::notifications();
    let of = |name: &'static str| parameter(notification, name);
    let client = match of("client") {
        "" => t.client,
        name => name,
    };
    let kind = notification.r#type();
    let plain = || type_words(kind).map_or("", |(word, _)| word).to_owned();
    match kind {
        NotificationType::Unspecified => (t.title.to_owned(), String::new()),
        NotificationType::SystemAlert => ((t.job_dead)(of("job")), of("reason").to_owned()),
        NotificationType::IntegrationError => integration_words(notification),
        NotificationType::CrmTokenExpiring => {
            let date = date(of("expire_time"));
            ((t.token_ends)(of("account")), (t.ends_on)(&date))
        }
        NotificationType::HandoffWaiting => {
            let reason = handoff_words(of("reason")).to_owned();
            ((t.client_waits)(client), reason)
        }
        NotificationType::DraftWaiting => ((t.draft_waits)(client), String::new()),
        NotificationType::Budget80 | NotificationType::Budget100 => {
            let period = match of("period") {
                "day" => t.budget_day,
                _ => t.budget_month,
            };
            let cap = of("cap_micro_usd").parse().unwrap_or_default();
            (plain(), format!("{period}: {}", format::micro_usd(cap)))
        }
        NotificationType::ProviderKeyRefused => {
            let key = (t.key_refused)(of("key"), of("hint"));
            (key, t.key_refused_text.to_owned())
        }
    }
}

fn parameter<'a>(notification: &'a Notification, name: &str) -> &'a str {
    notification.parameters.get(name).map_or("", String::as_str)
}

fn integration_words(notification: &Notification) -> (String, String) {
    let t = text::notifications();
    let of = |name: &'static str| parameter(notification, name);
    let account = of("account");
    match of("problem") {
        "stage_gone" => ((t.stage_gone)(of("stage")), (t.paused)(of("agents"))),
        "needs_reauth" => ((t.access_refused)(account), t.needs_reauth.to_owned()),
        "disabled" => ((t.switched_off)(account), t.disabled.to_owned()),
        "quota_exceeded" => ((t.messages_used_up)(account), t.quota_exceeded.to_owned()),
        _ => (t.type_integration_error.to_owned(), account.to_owned()),
    }
}

/// A day of RFC 3339; the text itself when it is none.
fn date(text: &str) -> String {
    let millis = Date::new(&JsValue::from_str(text)).get_time();
    if millis.is_nan() {
        return text.to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let seconds = (millis / 1000.0) as i64;
    format::date(&Timestamp { seconds, nanos: 0 })
}

/// The page of the thing that a notification is about.
pub(super) fn address(notification: &Notification) -> String {
    let resource = &notification.resource;
    match resource.split('/').next().unwrap_or_default() {
        "conversations" => format!("/{resource}"),
        "agents" if notification.r#type() == NotificationType::IntegrationError => {
            format!("/{resource}/pipelines")
        }
        "agents" => format!("/{resource}/general"),
        "connections" => "/integrations".to_owned(),
        "jobs" => "/jobs?show=failed".to_owned(),
        "providerKeys" => "/models/keys".to_owned(),
        _ => "/models/budgets".to_owned(),
    }
}

/// A picture, and how much it asks for attention.
pub(super) fn look(kind: NotificationType) -> (Glyph, Tone) {
    match kind {
        NotificationType::Unspecified => (Glyph::Info, Tone::Neutral),
        NotificationType::SystemAlert => (Glyph::Jobs, Tone::Danger),
        NotificationType::IntegrationError => (Glyph::Plug, Tone::Danger),
        NotificationType::CrmTokenExpiring => (Glyph::Plug, Tone::Warn),
        NotificationType::HandoffWaiting => (Glyph::Chat, Tone::Warn),
        NotificationType::DraftWaiting => (Glyph::Edit, Tone::Neutral),
        NotificationType::Budget80 => (Glyph::Price, Tone::Warn),
        NotificationType::Budget100 => (Glyph::Price, Tone::Danger),
        NotificationType::ProviderKeyRefused => (Glyph::Plug, Tone::Danger),
    }
}
