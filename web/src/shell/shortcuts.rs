use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::i18n::text;
use crate::ui::Dialog;

/// Ctrl-K or Cmd-K opens the palette, `?` the help.
pub(super) fn listen(palette: RwSignal<bool>, help: RwSignal<bool>) {
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let has_command = event.ctrl_key() || event.meta_key();
        // The physical key: `K` is `л` on a Russian layout.
        if has_command && event.code() == "KeyK" {
            event.prevent_default();
            palette.update(|open| *open = !*open);
        } else if event.key() == "?" && !is_typing(&event) {
            help.set(true);
        }
    });
    on_cleanup(move || listener.remove());
}

fn is_typing(event: &KeyboardEvent) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok());
    target
        .is_some_and(|target| matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"))
}

#[component]
pub(super) fn Help(open: RwSignal<bool>) -> impl IntoView {
    let t = text::shell();
    let keys = [
        ("Ctrl K", t.shortcut_palette),
        ("J  K", t.shortcut_rows),
        ("Enter", t.shortcut_open),
        ("Esc", t.shortcut_close),
        ("?", t.shortcut_help),
    ];
    move || {
        open.get().then(|| {
            let rows = keys
                .into_iter()
                .map(|(key, words)| {
                    view! {
                        <dt>
                            <kbd class="kbd">{key}</kbd>
                        </dt>
                        <dd>{words}</dd>
                    }
                })
                .collect_view();
            view! {
                <Dialog title=t.shortcuts on_close=move |()| open.set(false)>
                    <dl class="facts">{rows}</dl>
                </Dialog>
            }
        })
    }
}
