use leptos::prelude::*;

use crate::i18n::text;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SkeletonKind {
    #[default]
    Rows,
    Cards,
    Text,
}

/// The shape of what is loading. The style sheet shows it only after 150 ms.
#[component]
pub(crate) fn Skeleton(
    #[prop(optional)] kind: SkeletonKind,
    #[prop(default = 6)] count: usize,
) -> impl IntoView {
    let class = match kind {
        SkeletonKind::Rows => "skeleton-line skeleton-row",
        SkeletonKind::Cards => "skeleton-line skeleton-card",
        SkeletonKind::Text => "skeleton-line",
    };
    let wrap = if kind == SkeletonKind::Cards {
        "skeleton grid-2"
    } else {
        "skeleton"
    };
    view! {
        <div class=wrap role="status" aria-busy="true">
            <span class="visually-hidden">{text::common().loading}</span>
            {(0..count).map(|_| view! { <div class=class></div> }).collect_view()}
        </div>
    }
    .into_any()
}
