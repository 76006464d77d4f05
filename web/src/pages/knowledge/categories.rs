use leptos::prelude::*;

use super::list::Library;
use crate::api::Problem;
use crate::api::knowledge::{self, Category};
use crate::i18n::text;
use crate::task;
use crate::ui::{
    Button, Choice, Confirm, Dialog, FormErrors, FormFailure, Glyph, IconButton, Look, Select,
    TextInput, Toasts, Tree, TreeNode,
};

/// Which dialog is open.
#[derive(Clone, PartialEq)]
enum Editing {
    Nothing,
    New,
    Rename(Category),
    Delete(Category),
}

/// The tree of categories and what can be done with the chosen one.
#[component]
pub(super) fn Categories(
    library: Library,
    on_select: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let t = text::knowledge();
    let editing = RwSignal::new(Editing::Nothing);
    let nodes = Signal::derive(move || {
        let categories = library.categories.data.get().unwrap_or_default();
        let all = TreeNode {
            id: String::new(),
            label: t.all_sources.to_owned(),
            depth: 0,
            count: None,
        };
        std::iter::once(all).chain(tree(&categories)).collect()
    });
    let chosen = move || {
        let name = library.category.get();
        let categories = library.categories.data.get().unwrap_or_default();
        categories
            .into_iter()
            .find(|category| category.name == name)
    };
    view! {
        <aside class="library-tree">
            <div class="row between">
                <h2>{t.categories}</h2>
                {library
                    .may_write
                    .then(|| {
                        view! {
                            <IconButton
                                glyph=Glyph::Plus
                                label=t.new_category
                                on_press=move || editing.set(Editing::New)
                            />
                        }
                    })}
            </div>
            <Tree label=t.categories nodes selected=library.category on_select />
            {move || {
                chosen()
                    .filter(|_| library.may_write)
                    .map(|category| view! { <CategoryButtons category editing /> })
            }}
            <CategoryDialogs library editing on_select />
        </aside>
    }
    .into_any()
}

/// Children after their parent, in the order of the server.
fn tree(categories: &[Category]) -> Vec<TreeNode> {
    let mut nodes = Vec::with_capacity(categories.len());
    add_children(categories, "", 0, &mut nodes);
    nodes
}

fn add_children(categories: &[Category], parent: &str, depth: usize, nodes: &mut Vec<TreeNode>) {
    for category in categories
        .iter()
        .filter(|category| category.parent == parent)
    {
        nodes.push(TreeNode {
            id: category.name.clone(),
            label: category.display_name.clone(),
            depth,
            count: Some(category.source_count),
        });
        add_children(categories, &category.name, depth + 1, nodes);
    }
}

/// The categories as entries of a list, indented by their depth.
pub(super) fn choices(categories: &[Category], none: &str) -> Vec<Choice> {
    let nodes = tree(categories).into_iter();
    let nodes = nodes.map(|node| {
        let indent = "\u{2003}".repeat(node.depth);
        Choice::new(node.id, format!("{indent}{}", node.label))
    });
    std::iter::once(Choice::new("", none))
        .chain(nodes)
        .collect()
}

#[component]
fn CategoryButtons(category: Category, editing: RwSignal<Editing>) -> impl IntoView {
    let t = text::knowledge();
    let category = StoredValue::new(category);
    let rename = Callback::new(move |()| editing.set(Editing::Rename(category.get_value())));
    let delete = Callback::new(move |()| editing.set(Editing::Delete(category.get_value())));
    view! {
        <div class="row row-wrap">
            <Button look=Look::Ghost glyph=Glyph::Edit on_press=rename>
                {t.rename_category}
            </Button>
            <Button look=Look::Ghost glyph=Glyph::Trash on_press=delete>
                {text::common().delete}
            </Button>
        </div>
    }
}

#[component]
fn CategoryDialogs(
    library: Library,
    editing: RwSignal<Editing>,
    on_select: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let t = text::knowledge();
    let toasts = Toasts::get();
    let close = Callback::new(move |()| editing.set(Editing::Nothing));
    move || match editing.get() {
        Editing::Nothing => ().into_any(),
        Editing::New => view! {
            <Dialog title=t.new_category on_close=close>
                <CategoryForm library before=None close />
            </Dialog>
        }
        .into_any(),
        Editing::Rename(category) => view! {
            <Dialog title=t.rename_category on_close=close>
                <CategoryForm library before=Some(category) close />
            </Dialog>
        }
        .into_any(),
        Editing::Delete(category) => {
            let delete = Callback::new(move |()| {
                let name = category.name.clone();
                let parent = category.parent.clone();
                task::spawn(async move {
                    match knowledge::delete_category(name).await {
                        Ok(()) => on_select(parent),
                        Err(problem) => toasts.problem(&problem),
                    }
                    library.reload();
                });
            });
            view! {
                <Confirm
                    title=t.delete_category
                    words=t.delete_category_text
                    verb=text::common().delete
                    on_confirm=delete
                    on_close=close
                />
            }
            .into_any()
        }
    }
}

/// A new category, or a new name for one.
#[component]
fn CategoryForm(library: Library, before: Option<Category>, close: Callback<()>) -> impl IntoView {
    let t = text::knowledge();
    let errors = FormErrors::provide();
    let is_new = before.is_none();
    let old_name = before
        .as_ref()
        .map(|it| it.display_name.clone())
        .unwrap_or_default();
    let display_name = RwSignal::new(old_name);
    let parent = RwSignal::new(library.category.get_untracked());
    let busy = RwSignal::new(false);
    let parents = {
        let categories = library.categories.data.get_untracked().unwrap_or_default();
        choices(&categories, t.all_sources)
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let name = display_name.get_untracked();
        if !errors.require("category.display_name", &name) {
            return;
        }
        let before = before.clone();
        busy.set(true);
        task::spawn(async move {
            let answer: Result<Category, Problem> = match before {
                None => knowledge::create_category(name, parent.get_untracked()).await,
                Some(category) => {
                    let category = Category {
                        display_name: name,
                        ..category
                    };
                    knowledge::rename_category(category).await
                }
            };
            busy.set(false);
            match answer {
                Ok(_) => {
                    library.categories.reload();
                    close.run(());
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput
                label=t.category_name
                name="category.display_name"
                value=display_name
                autofocus=true
            />
            {is_new
                .then(|| {
                    view! {
                        <Select
                            label=t.category_parent
                            name="category.parent"
                            value=parent
                            choices=parents
                        />
                    }
                })}
            <div class="dialog-actions">
                <Button on_press=close>{text::common().cancel}</Button>
                <Button look=Look::Primary submit=true busy>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}
