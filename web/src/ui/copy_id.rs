use leptos::prelude::*;

use super::{Glyph, Icon, Toasts};
use crate::i18n::text;
use crate::{browser, task};

/// An identifier that is copied with one press.
#[component]
pub(crate) fn CopyId(#[prop(into)] id: String) -> impl IntoView {
    let toasts = use_context::<Toasts>();
    let shown = id.clone();
    let copy = move |event: leptos::ev::MouseEvent| {
        event.stop_propagation();
        let id = id.clone();
        task::spawn(async move {
            let is_copied = browser::copy(&id).await;
            if let (true, Some(toasts)) = (is_copied, toasts) {
                toasts.say(text::common().copied);
            }
        });
    };
    view! {
        <button type="button" class="copy" title=text::common().copy on:click=copy>
            <span class="clip">{shown}</span>
            <Icon glyph=Glyph::Copy />
        </button>
    }
    .into_any()
}
