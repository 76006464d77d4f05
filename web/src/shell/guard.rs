use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlAnchorElement, MouseEvent};

use crate::i18n::text;
use crate::ui::{Button, Dialog, Look};

/// Keeps a form's unsaved changes from being lost by a press on a link or a closed tab.
#[derive(Clone, Copy)]
pub(crate) struct UnsavedGuard {
    dirty: RwSignal<bool>,
    /// Where the reader wanted to go.
    target: RwSignal<Option<String>>,
}

impl UnsavedGuard {
    pub(crate) fn provide() {
        provide_context(Self {
            dirty: RwSignal::new(false),
            target: RwSignal::new(None),
        });
    }

    /// Watches `dirty` until the present owner is cleaned up.
    pub(crate) fn watch(dirty: Signal<bool>) {
        let Some(guard) = use_context::<Self>() else {
            return;
        };
        Effect::new(move |_| guard.dirty.set(dirty.get()));
        on_cleanup(move || guard.dirty.set(false));
    }
}

/// Listens for links while something is unsaved, and asks.
#[component]
pub(super) fn GuardDialog() -> impl IntoView {
    let t = &text().common;
    let Some(guard) = use_context::<UnsavedGuard>() else {
        return ().into_any();
    };
    let closing = window_event_listener(leptos::ev::beforeunload, move |event| {
        if guard.dirty.get_untracked() {
            event.prevent_default();
        }
    });
    on_cleanup(move || closing.remove());
    catch_links(guard);
    let navigate = use_navigate();
    let leave = Callback::new(move |()| {
        guard.dirty.set(false);
        if let Some(target) = guard.target.get_untracked() {
            guard.target.set(None);
            navigate(&target, Default::default());
        }
    });
    let stay = Callback::new(move |()| guard.target.set(None));
    (move || {
        guard.target.get().map(|_| {
            view! {
                <Dialog title=t.unsaved_title on_close=stay>
                    <p class="soft">{t.unsaved_text}</p>
                    <div class="dialog-actions">
                        <Button on_press=stay>{t.unsaved_stay}</Button>
                        <Button look=Look::Danger on_press=leave>
                            {t.unsaved_leave}
                        </Button>
                    </div>
                </Dialog>
            }
        })
    })
    .into_any()
}

/// In the capture phase, before the router sees the press.
fn catch_links(guard: UnsavedGuard) {
    let listener = Closure::<dyn Fn(MouseEvent)>::new(move |event: MouseEvent| {
        if !guard.dirty.get_untracked() {
            return;
        }
        if let Some(path) = link_of(&event) {
            event.prevent_default();
            event.stop_propagation();
            guard.target.set(Some(path));
        }
    });
    let function = listener.as_ref().unchecked_ref();
    // Adding a listener to the window cannot fail.
    let _ = window().add_event_listener_with_callback_and_bool("click", function, true);
    let listener = send_wrapper::SendWrapper::new(listener);
    on_cleanup(move || {
        let listener = listener.take();
        let function = listener.as_ref().unchecked_ref();
        let _ = window().remove_event_listener_with_callback_and_bool("click", function, true);
    });
}

/// The path of a link within the site; tabs of the same form share their state and are let go.
fn link_of(event: &MouseEvent) -> Option<String> {
    let element: Element = event.target()?.dyn_into().ok()?;
    let link: HtmlAnchorElement = element.closest("a[href]").ok()??.dyn_into().ok()?;
    let is_tab = link.closest(".tabs").is_ok_and(|tabs| tabs.is_some());
    let is_own = link.origin() == window().location().origin().unwrap_or_default();
    (is_own && !is_tab).then(|| format!("{}{}", link.pathname(), link.search()))
}
