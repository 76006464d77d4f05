use leptos::prelude::*;

use super::{Failure, Skeleton, SkeletonKind};
use crate::api::Problem;
use crate::query::{Erased, Query, value};

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
                <h1>{title} {badge.map(|badge| move || badge.run())}</h1>
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
    children: impl Fn(T) -> V + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let retry = Callback::new(move |()| query.reload());
    let draw = move |erased: &Erased| {
        let data = value::<T>(erased).clone();
        data.map(|data| children(data).into_any())
    };
    let screen = AnyScreen {
        data: query.data.erased,
        problem: query.problem,
        retry,
        skeleton,
        count,
    };
    screen.view(Box::new(draw))
}

/// The same for content that follows its query by itself: it is drawn once, when there is a value,
/// and keeps its elements, with the focus, while the value changes.
#[component]
pub(crate) fn Steady<T>(
    query: Query<T>,
    #[prop(default = 6)] count: usize,
    children: ChildrenFn,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
{
    let retry = Callback::new(move |()| query.reload());
    let problem = query.problem;
    let failure = move || {
        let problem = problem.get();
        problem.map(|problem| view! { <Failure problem on_retry=retry /> })
    };
    let has_value = Memo::new(move |_| query.data.with(Option::is_some));
    let has_failed = Memo::new(move |_| problem.with(Option::is_some));
    let content = move || match (has_value.get(), has_failed.get()) {
        (true, _) => children().into_any(),
        (false, true) => ().into_any(),
        (false, false) => view! { <Skeleton count /> }.into_any(),
    };
    view! {
        {failure}
        {content}
    }
    .into_any()
}

/// Draws a value, if there is one.
type Draw = Box<dyn Fn(&Erased) -> Option<AnyView> + Send + Sync>;

/// The part of a screen that knows no type.
struct AnyScreen {
    data: RwSignal<Erased>,
    problem: RwSignal<Option<Problem>>,
    retry: Callback<()>,
    skeleton: SkeletonKind,
    count: usize,
}

impl AnyScreen {
    fn view(self, draw: Draw) -> AnyView {
        let Self {
            data,
            problem,
            retry,
            skeleton,
            count,
        } = self;
        let failure = move || {
            let problem = problem.get();
            problem.map(|problem| view! { <Failure problem on_retry=retry /> })
        };
        let has_failed = Memo::new(move |_| problem.with(Option::is_some));
        let content = move || match draw(&data.get()) {
            Some(view) => view,
            None if has_failed.get() => ().into_any(),
            None => view! { <Skeleton kind=skeleton count /> }.into_any(),
        };
        view! {
            {failure}
            {content}
        }
        .into_any()
    }
}
