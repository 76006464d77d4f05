use leptos::prelude::*;
use web_sys::File;

use super::article::ArticleForm;
use super::categories::choices;
use super::list::Library;
use crate::api::knowledge;
use crate::i18n::text;
use crate::task;
use crate::ui::{
    Button, Choice, Dialog, DropZone, FormErrors, FormFailure, Glyph, Icon, InputKind, Look, Menu,
    MenuItem, Select, TextInput, Toasts,
};

/// What the reader of files understands.
const ACCEPT: &str = ".pdf,.docx,.xlsx,.csv,.html,.htm,.md,.txt";

/// The one primary action of the screen, with its three ways.
#[component]
pub(super) fn AddMenu(
    may_write: bool,
    on_add: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let t = text::knowledge();
    let trigger = view! {
        <Icon glyph=Glyph::Plus small=true />
        {t.add}
    };
    may_write.then(|| {
        view! {
            <Menu label=t.add class="button button-primary" trigger>
                <MenuItem
                    label=t.add_files
                    glyph=Glyph::Upload
                    on_choose=move |()| on_add("files".to_owned())
                />
                <MenuItem
                    label=t.add_page
                    glyph=Glyph::Link
                    on_choose=move |()| on_add("page".to_owned())
                />
                <MenuItem
                    label=t.add_article
                    glyph=Glyph::Edit
                    on_choose=move |()| on_add("article".to_owned())
                />
            </Menu>
        }
    })
}

/// The dialog of the chosen way: `files`, `page` or `article`.
#[component]
pub(super) fn AddDialog(
    library: Library,
    kind: Signal<String>,
    #[prop(into)] on_close: Callback<()>,
) -> impl IntoView {
    let t = text::knowledge();
    move || match kind.get().as_str() {
        "files" => view! {
            <Dialog title=t.files_title on_close wide=true>
                <FilesForm library on_close />
            </Dialog>
        }
        .into_any(),
        "page" => view! {
            <Dialog title=t.page_title on_close>
                <PageForm library on_close />
            </Dialog>
        }
        .into_any(),
        "article" => view! {
            <Dialog title=t.article_title on_close wide=true>
                <ArticleForm library before=None on_close />
            </Dialog>
        }
        .into_any(),
        _ => ().into_any(),
    }
}

/// The categories to put a source into.
pub(super) fn category_choices(library: Library) -> Vec<Choice> {
    let categories = library.categories.data.get_untracked().unwrap_or_default();
    choices(&categories, text::knowledge().no_category)
}

#[component]
fn FilesForm(library: Library, on_close: Callback<()>) -> impl IntoView {
    let t = text::knowledge();
    let category = RwSignal::new(library.category.get_untracked());
    let on_files = move |files: Vec<File>| {
        if !files.is_empty() {
            let category = category.get_untracked();
            library.uploads.send(library, files, &category);
            on_close.run(());
        }
    };
    view! {
        <Select
            label=t.category
            name="category"
            value=category
            choices=category_choices(library)
        />
        <DropZone hint=t.files_hint accept=ACCEPT multiple=true on_files />
    }
    .into_any()
}

#[component]
fn PageForm(library: Library, on_close: Callback<()>) -> impl IntoView {
    let t = text::knowledge();
    let toasts = Toasts::get();
    let errors = FormErrors::provide();
    let uri = RwSignal::new(String::new());
    let display_name = RwSignal::new(String::new());
    let category = RwSignal::new(library.category.get_untracked());
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let address = uri.get_untracked();
        if !errors.require("uri", &address) {
            return;
        }
        busy.set(true);
        task::spawn(async move {
            let (name, category) = (display_name.get_untracked(), category.get_untracked());
            let answer = knowledge::create_web_page(address, name, category).await;
            busy.set(false);
            match answer {
                Ok(_) => {
                    toasts.say(t.added);
                    library.reload();
                    on_close.run(());
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput
                label=t.page_uri
                name="uri"
                value=uri
                kind=InputKind::Url
                placeholder="https://"
                hint=t.page_hint
                autofocus=true
            />
            <TextInput
                label=t.page_name
                name="display_name"
                value=display_name
                hint=t.page_name_hint
                optional=true
            />
            <Select
                label=t.category
                name="category"
                value=category
                choices=category_choices(library)
            />
            <div class="dialog-actions">
                <Button on_press=on_close>{text::common().cancel}</Button>
                <Button look=Look::Primary submit=true busy>
                    {text::common().add}
                </Button>
            </div>
        </form>
    }
    .into_any()
}
