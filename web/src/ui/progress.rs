use leptos::prelude::*;

use crate::i18n::format;

/// How far something is: 0–100, or unknown, with a word about what goes on.
#[component]
pub(crate) fn Progress(percent: Option<i32>, #[prop(into)] label: String) -> impl IntoView {
    let percent = percent.map(|percent| percent.clamp(0, 100));
    let class = if percent.is_some() {
        "progress-bar"
    } else {
        "progress-bar progress-unknown"
    };
    view! {
        <div class="progress">
            <div
                class="progress-track"
                role="progressbar"
                aria-label=label.clone()
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=percent.map(|percent| percent.to_string())
            >
                <div class=class style:width=percent.map(|percent| format!("{percent}%"))></div>
            </div>
            <div class="progress-text">
                <span>{label}</span>
                {percent
                    .map(|percent| {
                        view! { <span class="numeric">{format::percent(f64::from(percent) / 100.0)}</span> }
                    })}
            </div>
        </div>
    }
    .into_any()
}
