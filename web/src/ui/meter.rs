use leptos::prelude::*;

use super::Tone;

/// How much of a limit is used: 1.0 is all of it, 0.8 is marked. Words beside it say the same.
#[component]
pub(crate) fn Meter(#[prop(into)] label: String, share: f64, tone: Tone) -> impl IntoView {
    let percent = (share * 100.0).clamp(0.0, 100.0).round();
    let class = match tone {
        Tone::Warn => "meter-bar meter-warn",
        Tone::Danger => "meter-bar meter-danger",
        Tone::Neutral | Tone::Success | Tone::Info | Tone::Bot => "meter-bar",
    };
    view! {
        <div
            class="meter"
            role="meter"
            aria-label=label
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=percent.to_string()
        >
            <div class=class style:width=format!("{percent}%")></div>
        </div>
    }
    .into_any()
}
