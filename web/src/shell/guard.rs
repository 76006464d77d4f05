use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Element, Event, HtmlAnchorElement, MouseEvent};

use crate::i18n::text;
use crate::ui::{Button, Dialog, Look};

/// Keeps a form's unsaved changes from being lost by a press on a link, the browser's back or a
/// closed tab.
#[derive(Clone, Copy)]
pub(crate) struct UnsavedGuard {
    dirty: RwSignal<bool>,
    /// The path of the page shown, and its address with the query.
    place: RwSignal<(String, String)>,
    /// Where the reader wanted to go.
    target: RwSignal<Option<Target>>,
}

#[derive(Clone)]
enum Target {
    Link(String),
    /// The entry of the browser's history before the present one.
    Back,
}

impl UnsavedGuard {
    /// To be called before the router is made: of the listeners at the window the first hears
    /// first.
    pub(crate) fn provide() {
        let guard = Self {
            dirty: RwSignal::new(false),
            place: RwSignal::default(),
            target: RwSignal::new(None),
        };
        provide_context(guard);
        let listening =
            window_event_listener(leptos::ev::popstate, move |event| guard.catch_back(&event));
        on_cleanup(move || listening.remove());
    }

    /// The browser has gone already when it tells: the form's address is put back before the
    /// router hears of the change, and the entry gone to is the one before it.
    fn catch_back(self, event: &Event) {
        let (path, address) = self.place.get_untracked();
        let gone_to = window().location().pathname().unwrap_or_default();
        if !self.dirty.get_untracked() || form_of(&gone_to) == form_of(&path) {
            return;
        }
        let put_back = window()
            .history()
            .and_then(|history| history.push_state_with_url(&JsValue::NULL, "", Some(&address)));
        if put_back.is_ok() {
            event.stop_immediate_propagation();
            self.target.set(Some(Target::Back));
        }
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

/// Listens for links while something is unsaved, and asks before the page is left.
#[component]
pub(super) fn GuardDialog() -> impl IntoView {
    let t = text::common();
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
    let location = use_location();
    Effect::new(move |_| {
        let (path, search) = (location.pathname.get(), location.search.get());
        let query = if search.is_empty() { "" } else { "?" };
        let address = format!("{path}{query}{search}");
        guard.place.set((path, address));
    });
    let navigate = use_navigate();
    let leave = Callback::new(move |()| {
        guard.dirty.set(false);
        let target = guard.target.get_untracked();
        guard.target.set(None);
        match target {
            Some(Target::Link(path)) => navigate(&path, Default::default()),
            // A page that may not use the history has never heard of a way back.
            Some(Target::Back) => drop(window().history().and_then(|history| history.back())),
            None => {}
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
            guard.target.set(Some(Target::Link(path)));
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

/// The tabs of one form lie side by side.
fn form_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(form, _)| form)
}

/// The path of a link within the site; tabs of the same form share their state and are let go.
fn link_of(event: &MouseEvent) -> Option<String> {
    let element: Element = event.target()?.dyn_into().ok()?;
    let link: HtmlAnchorElement = element.closest("a[href]").ok()??.dyn_into().ok()?;
    let is_tab = link.closest(".tabs").is_ok_and(|tabs| tabs.is_some());
    let is_own = link.origin() == window().location().origin().unwrap_or_default();
    (is_own && !is_tab).then(|| format!("{}{}", link.pathname(), link.search()))
}
