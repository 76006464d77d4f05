use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, KeyboardEvent, Node};

use super::{Glyph, Icon, next_id};

/// What closes the menu around an item.
#[derive(Clone, Copy)]
struct MenuState(RwSignal<bool>);

/// A button that opens a list of actions. Arrows move, Escape and a press elsewhere close.
#[component]
pub(crate) fn Menu(
    #[prop(into)] label: String,
    #[prop(default = "button button-ghost button-icon")] class: &'static str,
    /// Its left edge under the button's left edge.
    #[prop(optional)]
    start: bool,
    /// What stands on the button.
    trigger: impl IntoView + 'static,
    children: ChildrenFn,
) -> impl IntoView {
    let open = RwSignal::new(false);
    provide_context(MenuState(open));
    let anchor = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    close_from_outside(open, anchor);
    let menu_id = next_id("menu");
    let controls = menu_id.clone();
    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "Escape" if open.get_untracked() => {
            event.stop_propagation();
            open.set(false);
            if let Some(button) = button.get_untracked() {
                let _ = button.focus();
            }
        }
        "ArrowDown" => step(&event, anchor, 1),
        "ArrowUp" => step(&event, anchor, -1),
        _ => {}
    };
    view! {
        <div class="menu-anchor" node_ref=anchor on:keydown=on_key>
            <button
                type="button"
                class=class
                node_ref=button
                aria-label=label.clone()
                title=label
                aria-haspopup="menu"
                aria-expanded=move || open.get().to_string()
                aria-controls=controls
                on:click=move |event| {
                    event.stop_propagation();
                    open.update(|open| *open = !*open);
                }
            >
                {trigger}
            </button>
            {move || {
                open.get()
                    .then(|| {
                        let place = Place::beside(anchor, start);
                        view! {
                            <div
                                class="menu"
                                style:top=place.top
                                style:bottom=place.bottom
                                style:left=place.left
                                style:right=place.right
                                id=menu_id.clone()
                                role="menu"
                                on:click=move |event| event.stop_propagation()
                            >
                                {children()}
                            </div>
                        }
                    })
            }}
        </div>
    }
    .into_any()
}

/// Room below the button under which the menu opens upwards, in pixels.
const ROOM: f64 = 260.0;
const GAP: f64 = 4.0;

/// Where the menu stands in the window. Fixed, so that no scrolling box around it cuts it off.
#[derive(Default)]
struct Place {
    top: Option<String>,
    bottom: Option<String>,
    left: Option<String>,
    right: Option<String>,
}

impl Place {
    fn beside(anchor: NodeRef<html::Div>, start: bool) -> Self {
        let Some(anchor) = anchor.get_untracked() else {
            return Self::default();
        };
        let button = anchor.get_bounding_client_rect();
        let size = |size: Result<wasm_bindgen::JsValue, _>| {
            size.ok().and_then(|size| size.as_f64()).unwrap_or_default()
        };
        let (width, height) = (size(window().inner_width()), size(window().inner_height()));
        #[expect(clippy::cast_possible_truncation, reason = "pixels of a window")]
        let pixels = |distance: f64| Some(format!("{}px", distance as i32));
        let opens_up = height - button.bottom() < ROOM && button.top() > ROOM;
        Self {
            top: (!opens_up).then(|| pixels(button.bottom() + GAP)).flatten(),
            bottom: opens_up
                .then(|| pixels(height - button.top() + GAP))
                .flatten(),
            left: start.then(|| pixels(button.left())).flatten(),
            right: (!start).then(|| pixels(width - button.right())).flatten(),
        }
    }
}

fn close_from_outside(open: RwSignal<bool>, anchor: NodeRef<html::Div>) {
    let listener = window_event_listener(leptos::ev::pointerdown, move |event| {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Node>().ok());
        let is_inside = anchor
            .get_untracked()
            .is_some_and(|anchor| anchor.contains(target.as_ref()));
        if !is_inside && open.get_untracked() {
            open.set(false);
        }
    });
    // A fixed menu would stay behind when its button scrolls away.
    let resized = window_event_listener(leptos::ev::resize, move |_| open.set(false));
    let scrolled = window_event_listener(leptos::ev::wheel, move |_| {
        if open.get_untracked() {
            open.set(false);
        }
    });
    on_cleanup(move || {
        listener.remove();
        resized.remove();
        scrolled.remove();
    });
}

/// Moves the focus among the items, round and round.
fn step(event: &KeyboardEvent, anchor: NodeRef<html::Div>, by: i64) {
    let Some(anchor) = anchor.get_untracked() else {
        return;
    };
    let Ok(items) = anchor.query_selector_all("[role^=menuitem]") else {
        return;
    };
    let count = i64::from(items.length());
    if count == 0 {
        return;
    }
    event.prevent_default();
    let active = document().active_element();
    let present = (0..items.length()).find(|&index| {
        let item = items.item(index);
        item.as_ref() == active.as_ref().map(|element| element.as_ref())
    });
    let next = present.map_or(if by > 0 { 0 } else { count - 1 }, |index| {
        (i64::from(index) + by).rem_euclid(count)
    });
    let item = u32::try_from(next).ok().and_then(|next| items.item(next));
    if let Some(item) = item.and_then(|item| item.dyn_into::<HtmlElement>().ok()) {
        let _ = item.focus();
    }
}

/// One action of a menu.
#[component]
pub(crate) fn MenuItem(
    #[prop(into)] label: String,
    #[prop(optional, into)] glyph: Option<Glyph>,
    #[prop(optional)] danger: bool,
    /// For one of several that exclude each other.
    #[prop(optional, into)]
    checked: Option<bool>,
    #[prop(into)] on_choose: Callback<()>,
) -> impl IntoView {
    let state = use_context::<MenuState>();
    let role = if checked.is_some() {
        "menuitemradio"
    } else {
        "menuitem"
    };
    view! {
        <button
            type="button"
            class="menu-item"
            class:menu-item-danger=danger
            role=role
            aria-checked=checked.map(|checked| checked.to_string())
            on:click=move |_| {
                if let Some(MenuState(open)) = state {
                    open.set(false);
                }
                on_choose.run(());
            }
        >
            {glyph.map(|glyph| view! { <Icon glyph /> })}
            {label}
        </button>
    }
    .into_any()
}
