use leptos::prelude::*;

use super::{Failure, Skeleton, SkeletonKind};
use crate::query::Query;

/// A page: its heading, its actions, its content.
#[component]
pub(crate) fn Page(
    #[prop(into)] title: Signal<String>,
    #[prop(optional)] narrow: bool,
    #[prop(optional, into)] actions: Option<ViewFnOnce>,
    #[prop(optional, into)] badge: Option<ViewFn>,
    children: Children,
) -> impl IntoView {
    Effect::new(move |_| document().set_title(&format!("{} · T11", title.get())));
    view! {
        <div class="page" class:page-narrow=narrow>
            <header class="page-head">
                <h1>{title} {badge.map(|badge| badge.run())}</h1>
                {actions
                    .map(|actions| view! { <div class="page-actions">{actions.run()}</div> })}
            </header>
            {children()}
        </div>
    }
    .into_any()
}

/// A part of a form: what it is about on the left, its fields on the right.
#[component]
pub(crate) fn Section(
    #[prop(into)] title: String,
    #[prop(optional, into)] lead: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <section class="section">
            <div>
                <h2>{title}</h2>
                {lead.map(|lead| view! { <p class="section-lead">{lead}</p> })}
            </div>
            <div class="section-body">{children()}</div>
        </section>
    }
    .into_any()
}

/// A query as its reader meets it: a skeleton, then the value; a failure above the old value, or
/// in its place when there is none.
#[component]
pub(crate) fn Screen<T, V>(
    query: Query<T>,
    #[prop(optional)] skeleton: SkeletonKind,
    #[prop(default = 6)] count: usize,
    children: impl Fn(T) -> V + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let retry = Callback::new(move |()| query.reload());
    let draw = StoredValue::new(children);
    view! {
        {move || {
            query
                .problem
                .get()
                .map(|problem| view! { <Failure problem on_retry=retry /> })
        }}
        {move || match query.data.get() {
            Some(data) => draw.with_value(|draw| draw(data)).into_any(),
            None if query.problem.with(Option::is_none) => {
                view! { <Skeleton kind=skeleton count /> }.into_any()
            }
            None => ().into_any(),
        }}
    }
    .into_any()
}
