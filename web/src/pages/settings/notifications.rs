use leptos::prelude::*;

use crate::api::notifications::{self, NotificationPreference, NotificationType};
use crate::i18n::text;
use crate::pages::notifications::words::type_words;
use crate::query::Query;
use crate::task;
use crate::ui::{Screen, Section, Switch, Toasts};

type Preferences = Vec<NotificationPreference>;

/// Which types the person wants, one switch each.
#[component]
pub(crate) fn NotificationMatrix() -> impl IntoView {
    let t = text::notifications();
    let query = Query::once(notifications::preferences);
    view! {
        <Section title=t.title lead=t.preferences_lead>
            <Screen query children=move |all: Preferences| rows(all, query) />
        </Section>
    }
    .into_any()
}

fn rows(all: Preferences, query: Query<Preferences>) -> AnyView {
    let rows = all.into_iter().filter_map(|one| {
        let kind = one.r#type();
        let (label, hint) = type_words(kind)?;
        let value = one.in_app;
        let change = move |in_app| prefer(query, kind, in_app);
        Some(view! {
            <div class="preference">
                <Switch label value=Signal::derive(move || value) on_change=change />
                <p class="field-hint">{hint}</p>
            </div>
        })
    });
    view! { <div class="stack">{rows.collect_view()}</div> }.into_any()
}

fn prefer(query: Query<Preferences>, kind: NotificationType, in_app: bool) {
    let toasts = Toasts::get();
    task::spawn(async move {
        match notifications::prefer(kind, in_app).await {
            Ok(all) => {
                query.data.set(Some(all));
                toasts.say(text::notifications().saved);
            }
            Err(problem) => {
                toasts.problem(&problem);
                // The switch shows what is true.
                query.reload();
            }
        }
    });
}
