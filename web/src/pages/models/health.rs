//! How a target of a route does, in words.

use leptos::prelude::*;

use crate::api::routes::{BreakerState, TargetHealth};
use crate::i18n::{format, text};
use crate::ui::{Badge, Tone};

/// The breaker's state, and what is known of the calls.
#[component]
pub(super) fn HealthView(health: TargetHealth) -> impl IntoView {
    let (label, tone) = breaker_words(&health);
    view! {
        <Badge label tone />
        <span class="small muted">{numbers(&health)}</span>
        {trouble(&health).map(|words| view! { <span class="small soft">{words}</span> })}
    }
    .into_any()
}

fn breaker_words(health: &TargetHealth) -> (&'static str, Tone) {
    let t = text::routes();
    match health.breaker() {
        BreakerState::Open => (t.breaker_open, Tone::Danger),
        BreakerState::HalfOpen => (t.breaker_half_open, Tone::Warn),
        // The provider asked to wait.
        BreakerState::Closed if health.retry_time.is_some() => (t.waits, Tone::Warn),
        BreakerState::Closed if health.calls == 0 => (t.not_called, Tone::Neutral),
        BreakerState::Closed => (t.breaker_closed, Tone::Success),
        BreakerState::Unspecified => (text::common().unknown, Tone::Neutral),
    }
}

fn numbers(health: &TargetHealth) -> String {
    let t = text::routes();
    if health.calls == 0 {
        return String::new();
    }
    let calls = u64::try_from(health.calls).unwrap_or_default();
    let failed = format::integer(health.failed_calls);
    let mut words = (t.calls)(calls, &failed);
    if health.first_content_ms > 0 {
        let time = format::milliseconds(health.first_content_ms.into());
        words = format!("{words} · {}", (t.first_content)(&time));
    }
    words
}

/// Why the last call failed, and when calls are made again.
fn trouble(health: &TargetHealth) -> Option<String> {
    let t = text::routes();
    let reason = (!health.reason.is_empty()).then(|| reason_words(&health.reason));
    let retry = health.retry_time.as_ref();
    let retry = retry.map(|time| (t.again_at)(&format::clock_time(time)));
    match (reason, retry) {
        (Some(reason), Some(retry)) => Some(format!("{reason} · {retry}")),
        (Some(words), None) | (None, Some(words)) => Some(words),
        (None, None) => None,
    }
}

fn reason_words(reason: &str) -> String {
    let t = text::problems();
    let words = match reason {
        "PROVIDER_UNAVAILABLE" => t.provider_unavailable,
        "PROVIDER_LIMITED" => t.provider_limited,
        "PROVIDER_REFUSED" => t.provider_refused,
        "STREAM_CUT" => t.stream_cut,
        "MODEL_UNKNOWN" => t.model_unknown,
        other => other,
    };
    words.to_owned()
}
