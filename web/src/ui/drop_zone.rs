use leptos::html;
use leptos::prelude::*;
use web_sys::{DragEvent, File, FileList};

use super::{Glyph, Icon};
use crate::i18n::text;

/// Where files are dropped or chosen.
#[component]
pub(crate) fn DropZone(
    #[prop(into)] hint: String,
    /// `.pdf,.docx`.
    accept: &'static str,
    #[prop(optional)] multiple: bool,
    on_files: impl Fn(Vec<File>) + Clone + 'static,
) -> impl IntoView {
    let over = RwSignal::new(false);
    let input = NodeRef::<html::Input>::new();
    let on_drop = {
        let on_files = on_files.clone();
        move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            let files = event.data_transfer().and_then(|transfer| transfer.files());
            on_files(list(files.as_ref()));
        }
    };
    let on_choose = move |_| {
        if let Some(input) = input.get_untracked() {
            on_files(list(input.files().as_ref()));
            // Choosing the same file again should count as a choice.
            input.set_value("");
        }
    };
    view! {
        <label
            class="drop"
            class:is-over=over
            on:dragover=move |event: DragEvent| {
                event.prevent_default();
                over.set(true);
            }
            on:dragleave=move |_| over.set(false)
            on:drop=on_drop
        >
            <Icon glyph=Glyph::Upload />
            <strong>{text::common().drop_files}</strong>
            <span class="field-hint">{hint}</span>
            <input
                class="visually-hidden"
                type="file"
                accept=accept
                multiple=multiple
                node_ref=input
                on:change=on_choose
            />
        </label>
    }
    .into_any()
}

fn list(files: Option<&FileList>) -> Vec<File> {
    let Some(files) = files else {
        return Vec::new();
    };
    (0..files.length())
        .filter_map(|index| files.get(index))
        .collect()
}
