use leptos::prelude::*;

use super::{Button, Dialog, Look, Toasts};
use crate::api::Problem;
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

/// Asks before what `doomed` holds is deleted.
#[component]
pub(crate) fn ConfirmDelete<T>(
    doomed: RwSignal<Option<T>>,
    title: &'static str,
    words: &'static str,
    on_confirm: Callback<T>,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
{
    move || {
        doomed.get().map(|thing| {
            let confirm = Callback::new(move |()| on_confirm.run(thing.clone()));
            view! {
                <Confirm
                    title
                    words
                    verb=text::common().delete
                    on_confirm=confirm
                    on_close=move |()| doomed.set(None)
                />
            }
        })
    }
}

/// Asks, deletes what `doomed` holds, and says that it is gone.
#[component]
pub(crate) fn DeleteDialog<T, F>(
    doomed: RwSignal<Option<T>>,
    title: &'static str,
    words: &'static str,
    gone: &'static str,
    delete: impl Fn(T) -> F + Send + Sync + 'static,
    #[prop(into)] on_gone: Callback<()>,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Problem>> + 'static,
{
    let (toasts, busy) = (Toasts::get(), RwSignal::new(false));
    let on_confirm = Callback::new(move |thing: T| {
        toasts.attempt(busy, delete(thing), move |()| {
            toasts.say(gone);
            on_gone.run(());
        });
    });
    view! { <ConfirmDelete doomed title words on_confirm /> }
}
