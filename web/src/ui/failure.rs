use leptos::prelude::*;

use super::{Button, CopyId, FormErrors, Glyph, Icon};
use crate::api::Problem;
use crate::i18n::text;

/// What went wrong, what to do, the code and the request id.
#[component]
pub(crate) fn Failure(
    problem: Problem,
    #[prop(optional, into)] on_retry: Option<Callback<()>>,
) -> impl IntoView {
    let request_id = problem.request_id.filter(|id| !id.is_empty());
    view! {
        <div class="failure" role="alert">
            <Icon glyph=Glyph::Alert />
            <div class="grow">
                <h3>{problem.text}</h3>
                <p class="soft">{problem.next}</p>
                <div class="failure-meta">
                    <span class="mono">{problem.reason}</span>
                    {request_id
                        .map(|id| {
                            view! {
                                <span class="row">
                                    {text::common().request_id} <CopyId id />
                                </span>
                            }
                        })}
                </div>
                {on_retry
                    .map(|on_press| {
                        view! {
                            <Button glyph=Glyph::Refresh on_press>
                                {text::common().retry}
                            </Button>
                        }
                    })}
            </div>
        </div>
    }
    .into_any()
}

/// The problem of the form around it, above its fields.
#[component]
pub(crate) fn FormFailure() -> impl IntoView {
    let errors = use_context::<FormErrors>();
    move || {
        errors
            .and_then(FormErrors::problem)
            .map(|problem| view! { <Failure problem /> })
    }
}
