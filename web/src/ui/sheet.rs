use leptos::html;
use leptos::prelude::*;

use super::dialog::{is_beside, open_modal};
use super::{Glyph, IconButton, next_id};
use crate::i18n::text;

/// A panel over the right side of the page (or the left: a drawer). Render it while it is open.
#[component]
pub(crate) fn Sheet(
    #[prop(into)] title: String,
    #[prop(into)] on_close: Callback<()>,
    #[prop(optional)] left: bool,
    children: Children,
) -> impl IntoView {
    let sheet = NodeRef::<html::Dialog>::new();
    open_modal(sheet);
    let title_id = next_id("sheet");
    let labelled_by = title_id.clone();
    let class = if left { "sheet sheet-left" } else { "sheet" };
    view! {
        <dialog
            class=class
            node_ref=sheet
            aria-labelledby=labelled_by
            on:cancel=move |event: leptos::ev::Event| {
                event.prevent_default();
                on_close.run(());
            }
            on:click=move |event| {
                if is_beside(&event, sheet) {
                    on_close.run(());
                }
            }
        >
            <header class="sheet-head">
                <h2 id=title_id class="clip">
                    {title}
                </h2>
                <IconButton
                    glyph=Glyph::Close
                    label=text::common().close
                    on_press=move || on_close.run(())
                />
            </header>
            <div class="sheet-body">{children()}</div>
        </dialog>
    }
    .into_any()
}
