use leptos::prelude::*;

use super::{Button, Dialog, Look};
use crate::i18n::text;

/// Asks before what cannot be undone.
#[component]
pub(crate) fn Confirm(
    #[prop(into)] title: String,
    #[prop(into)] words: String,
    /// The verb on the button: `Delete`.
    #[prop(into)]
    verb: String,
    #[prop(into)] on_confirm: Callback<()>,
    #[prop(into)] on_close: Callback<()>,
) -> impl IntoView {
    view! {
        <Dialog title on_close>
            <p class="soft">{words}</p>
            <div class="dialog-actions">
                <Button on_press=on_close>{text::common().cancel}</Button>
                <Button
                    look=Look::Danger
                    on_press=move |()| {
                        on_close.run(());
                        on_confirm.run(());
                    }
                >
                    {verb}
                </Button>
            </div>
        </Dialog>
    }
    .into_any()
}
