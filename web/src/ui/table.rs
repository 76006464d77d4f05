use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, KeyboardEvent};

/// A table with a caption for screen readers. `j`/`k` and the arrows move between rows, Enter
/// opens one.
#[component]
pub(crate) fn Table(
    #[prop(into)] caption: String,
    columns: Vec<&'static str>,
    /// Becomes cards on a phone.
    #[prop(default = true)]
    cards: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-wrap" class:table-cards=cards>
            <table class="table">
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>
                        {columns
                            .into_iter()
                            .map(|column| view! { <th scope="col">{column}</th> })
                            .collect_view()}
                    </tr>
                </thead>
                <tbody on:keydown=move_focus>{children()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn move_focus(event: KeyboardEvent) {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok());
    // Keys typed into a control of the row are the control's.
    let Some(row) = target.filter(|target| target.tag_name() == "TR") else {
        return;
    };
    let next = match event.key().as_str() {
        "j" | "ArrowDown" => row.next_element_sibling(),
        "k" | "ArrowUp" => row.previous_element_sibling(),
        "Enter" => {
            row.click();
            return;
        }
        _ => return,
    };
    event.prevent_default();
    if let Some(next) = next.and_then(|next| next.dyn_into::<HtmlElement>().ok()) {
        let _ = next.focus();
    }
}

/// A row that opens something.
#[component]
pub(crate) fn TableRow(
    #[prop(into)] on_open: Callback<()>,
    #[prop(optional, into)] selected: Signal<bool>,
    children: Children,
) -> impl IntoView {
    view! {
        <tr
            tabindex="0"
            aria-selected=move || selected.get().then_some("true")
            on:click=move |_| on_open.run(())
        >
            {children()}
        </tr>
    }
    .into_any()
}
