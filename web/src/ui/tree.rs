use leptos::prelude::*;

use super::{Glyph, Icon};

/// One line of a tree, already in the order of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeNode {
    pub(crate) id: String,
    pub(crate) label: String,
    /// 0 at the root.
    pub(crate) depth: usize,
    pub(crate) count: Option<i32>,
}

/// A tree as an indented list of places; one is the present one.
#[component]
pub(crate) fn Tree(
    #[prop(into)] label: String,
    #[prop(into)] nodes: Signal<Vec<TreeNode>>,
    #[prop(into)] selected: Signal<String>,
    on_select: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <ul class="tree" aria-label=label>
            {move || {
                nodes
                    .get()
                    .into_iter()
                    .map(|node| view! { <Node node selected on_select /> })
                    .collect_view()
            }}
        </ul>
    }
    .into_any()
}

#[component]
fn Node(
    node: TreeNode,
    selected: Signal<String>,
    on_select: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let indent = format!("{}px", 8 + node.depth * 16);
    let (id, chosen) = (node.id.clone(), node.id);
    view! {
        <li>
            <button
                type="button"
                class="tree-row"
                style:padding-inline-start=indent
                aria-current=move || (selected.get() == id).then_some("true")
                on:click=move |_| on_select(chosen.clone())
            >
                <Icon glyph=Glyph::Folder />
                <span class="clip">{node.label}</span>
                {node.count.map(|count| view! { <span class="tree-count">{count}</span> })}
            </button>
        </li>
    }
}
