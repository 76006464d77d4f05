use leptos::prelude::*;

use super::changes::Changes;
use crate::api::agents::Agent;
use crate::api::versions;
use crate::i18n::text;
use crate::pages::agents::form::AgentForm;
use crate::query::Query;
use crate::task;
use crate::ui::{
    Badge, Button, Dialog, FormErrors, FormFailure, Glyph, Look, Notice, TextArea, Toasts, Tone,
};

/// Why a draft is published only with a reason.
const REFUSED: [&str; 2] = ["EVAL_FAILED", "EVAL_NOT_RUN"];

/// Tells the tab of versions that there is another live one.
#[derive(Clone, Copy)]
pub(in crate::pages::agents) struct Published {
    count: RwSignal<u32>,
    query: Query<Agent>,
}

impl Published {
    pub(in crate::pages::agents) fn new(query: Query<Agent>) -> Self {
        Self {
            count: RwSignal::new(0),
            query,
        }
    }

    /// How often it has changed.
    pub(super) fn count(self) -> u32 {
        self.count.get()
    }

    /// Clients are answered from another version.
    pub(super) fn tell(self, form: AgentForm, number: i32) {
        form.base.update(|agent| agent.live_version_number = number);
        self.count.update(|count| *count += 1);
    }

    /// The draft is another one too.
    pub(super) fn reload_draft(self) {
        self.query.reload();
    }
}

/// What clients are answered from.
#[component]
pub(in crate::pages::agents) fn VersionBadge(form: AgentForm) -> impl IntoView {
    let t = text::versions();
    move || {
        let number = form.base.with(|agent| agent.live_version_number);
        let label = match number {
            0 => return None,
            number => (t.badge)(number),
        };
        Some(view! { <Badge label tone=Tone::Info /> })
    }
}

/// The button, and the dialog behind it.
#[component]
pub(in crate::pages::agents) fn PublishButton(
    form: AgentForm,
    /// What is not saved is not published.
    dirty: Signal<bool>,
    may_write: bool,
) -> impl IntoView {
    let t = text::versions();
    let open = RwSignal::new(false);
    view! {
        <Button
            glyph=Glyph::Upload
            disabled=!may_write
            on_press=move |()| open.set(true)
        >
            {t.publish}
        </Button>
        {move || {
            open.get()
                .then(|| {
                    let close = Callback::new(move |()| open.set(false));
                    view! { <PublishDialog form dirty on_close=close /> }
                })
        }}
    }
    .into_any()
}

#[component]
fn PublishDialog(form: AgentForm, dirty: Signal<bool>, on_close: Callback<()>) -> impl IntoView {
    let t = text::versions();
    let errors = FormErrors::provide();
    let toasts = Toasts::get();
    let published = expect_context::<Published>();
    let agent = form.base.with_untracked(|agent| agent.name.clone());
    let (note, reason) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (refused, busy) = (RwSignal::new(false), RwSignal::new(false));
    let name = agent.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if refused.get_untracked() && !errors.require("override_reason", &reason.get_untracked()) {
            return;
        }
        errors.clear();
        busy.set(true);
        let asked = versions::publish(name.clone(), note.get_untracked(), reason.get_untracked());
        task::spawn(async move {
            let answer = asked.await;
            busy.set(false);
            match answer {
                Ok(version) => {
                    published.tell(form, version.number);
                    toasts.say(t.published);
                    on_close.run(());
                }
                Err(problem) => {
                    refused.set(REFUSED.contains(&problem.reason.as_str()));
                    errors.refuse(problem);
                }
            }
        });
    };
    let is_first = form.base.with_untracked(|agent| agent.live_version_number) == 0;
    view! {
        <Dialog title=t.publish_title on_close wide=true>
            <form class="stack" on:submit=submit novalidate=true>
                <FormFailure />
                {is_first.then(|| view! { <Notice>{t.never_published}</Notice> })}
                <Show when=move || dirty.get()>
                    <Notice tone=Tone::Warn>{t.save_first}</Notice>
                </Show>
                {(!is_first)
                    .then(|| {
                        view! {
                            <Changes agent=agent base=String::new() other=String::new() />
                        }
                    })}
                <TextArea label=t.note name="note" value=note rows=2 />
                <Show when=move || refused.get()>
                    <TextArea
                        label=t.override_reason
                        name="override_reason"
                        value=reason
                        hint=t.override_hint
                        rows=2
                    />
                </Show>
                <div class="dialog-actions">
                    <Button on_press=on_close>{text::common().cancel}</Button>
                    <Button look=Look::Primary submit=true busy disabled=dirty>
                        {move || if refused.get() { t.publish_anyway } else { t.publish }}
                    </Button>
                </div>
            </form>
        </Dialog>
    }
    .into_any()
}
