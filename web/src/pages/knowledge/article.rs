use leptos::prelude::*;

use super::add::category_choices;
use super::list::Library;
use crate::api::Problem;
use crate::api::knowledge::{self, Source};
use crate::i18n::text;
use crate::task;
use crate::ui::{Button, FormErrors, FormFailure, Look, Select, TextArea, TextInput, Toasts};

/// A new article, or new words for one.
#[component]
pub(super) fn ArticleForm(
    library: Library,
    before: Option<Source>,
    on_close: Callback<()>,
) -> impl IntoView {
    let t = text::knowledge();
    let toasts = Toasts::get();
    let errors = FormErrors::provide();
    let old = before.clone().unwrap_or_default();
    let display_name = RwSignal::new(old.display_name);
    let content = RwSignal::new(old.content);
    let category = RwSignal::new(match &before {
        Some(source) => source.category.clone(),
        None => library.category.get_untracked(),
    });
    let busy = RwSignal::new(false);
    let names = Names::of(before.is_some());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let (name, words) = (display_name.get_untracked(), content.get_untracked());
        let is_whole = [
            errors.require(names.title, &name),
            errors.require(names.content, &words),
        ];
        if is_whole.contains(&false) {
            return;
        }
        let before = before.clone();
        busy.set(true);
        task::spawn(async move {
            let answer = save(before, name, words, category.get_untracked()).await;
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
            <TextInput label=t.article_name name=names.title value=display_name autofocus=true />
            <TextArea
                label=t.article_content
                name=names.content
                value=content
                rows=12
                hint=t.article_hint
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
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

/// Paths of the fields in the two requests.
#[derive(Clone, Copy)]
struct Names {
    title: &'static str,
    content: &'static str,
}

impl Names {
    const fn of(is_update: bool) -> Self {
        if is_update {
            Self {
                title: "source.display_name",
                content: "source.content",
            }
        } else {
            Self {
                title: "display_name",
                content: "content",
            }
        }
    }
}

async fn save(
    before: Option<Source>,
    display_name: String,
    content: String,
    category: String,
) -> Result<Source, Problem> {
    let Some(before) = before else {
        return knowledge::create_article(display_name, content, category).await;
    };
    let source = Source {
        display_name,
        content,
        category,
        ..before
    };
    knowledge::update(source, &["display_name", "content", "category"]).await
}
