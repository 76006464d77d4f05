use leptos::prelude::*;

use super::Button;
use crate::i18n::text;
use crate::query::More;

/// The next page of a list, when there is one.
#[component]
pub(crate) fn LoadMore(
    #[prop(into)] available: Signal<bool>,
    #[prop(into)] busy: Signal<bool>,
    #[prop(into)] on_more: Callback<()>,
) -> impl IntoView {
    move || {
        available.get().then(|| {
            view! {
                <div class="row end">
                    <Button busy on_press=on_more>
                        {text::common().load_more}
                    </Button>
                </div>
            }
        })
    }
}

/// The next page of a paged list.
#[component]
pub(crate) fn NextPage(more: More) -> impl IntoView {
    view! { <LoadMore available=more.available busy=more.busy on_more=more.fetch /> }.into_any()
}
