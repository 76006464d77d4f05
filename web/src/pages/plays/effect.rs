use leptos::prelude::*;

use crate::i18n::{format, text};

/// How well it works: the share of clients who answered, as sure as the cases allow, and their
/// number. Nothing is claimed without cases.
#[component]
pub(super) fn Effect(share: f64, cases: i64) -> impl IntoView {
    let t = text::plays();
    if cases == 0 {
        return view! { <span class="small muted">{t.no_data}</span> }.into_any();
    }
    let sample = (t.sample)(u64::try_from(cases).unwrap_or_default());
    let words = format::percent(share);
    let width = format!(
        "{}%",
        crate::browser::number_words((share * 100.0).clamp(0.0, 100.0))
    );
    view! {
        <div class="effect" title=t.effect_hint>
            <div class="progress-track">
                <div class="progress-bar" style:width=width></div>
            </div>
            <div class="progress-text numeric">
                <span>{words}</span>
                <span>{sample}</span>
            </div>
        </div>
    }
    .into_any()
}
