use leptos::html;
use leptos::prelude::*;
use send_wrapper::SendWrapper;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::{Glyph, IconButton, next_id};
use crate::i18n::text;

/// Opens the mounted `<dialog>` as a modal, which traps the focus and makes the rest inert, and
/// gives the focus back where it was when the dialog goes.
pub(super) fn open_modal(dialog: NodeRef<html::Dialog>) {
    let before = document()
        .active_element()
        .and_then(|element| element.dyn_into::<HtmlElement>().ok());
    let before = SendWrapper::new(before);
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            // Fails only for a dialog that is open already.
            let _ = dialog.show_modal();
        }
    });
    on_cleanup(move || {
        if let Some(element) = before.take() {
            let _ = element.focus();
        }
    });
}

/// True for a press beside the dialog, on what it covers.
pub(super) fn is_beside(event: &leptos::ev::MouseEvent, dialog: NodeRef<html::Dialog>) -> bool {
    let target = event.target();
    dialog
        .get_untracked()
        .is_some_and(|dialog| target.as_ref() == Some(dialog.as_ref()))
}

/// A modal window. Render it while it is open; Escape and a press beside it ask to close.
#[component]
pub(crate) fn Dialog(
    #[prop(into)] title: String,
    #[prop(into)] on_close: Callback<()>,
    #[prop(optional)] wide: bool,
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    open_modal(dialog);
    let title_id = next_id("dialog");
    let labelled_by = title_id.clone();
    let class = if wide { "dialog dialog-wide" } else { "dialog" };
    view! {
        <dialog
            class=class
            node_ref=dialog
            aria-labelledby=labelled_by
            on:cancel=move |event: leptos::ev::Event| {
                event.prevent_default();
                on_close.run(());
            }
            on:click=move |event| {
                if is_beside(&event, dialog) {
                    on_close.run(());
                }
            }
        >
            <header class="dialog-head">
                <h2 id=title_id>{title}</h2>
                <IconButton
                    glyph=Glyph::Close
                    label=text::common().close
                    on_press=move || on_close.run(())
                />
            </header>
            <div class="dialog-body">{children()}</div>
        </dialog>
    }
    .into_any()
}
