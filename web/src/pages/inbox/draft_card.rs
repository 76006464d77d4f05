use leptos::html;
use leptos::prelude::*;

use crate::api::inbox::{self, Draft};
use crate::i18n::text;
use crate::session::Session;
use crate::ui::{
    Badge, Button, Dialog, Glyph, Look, RadioChoice, RadioOption, TextArea, Toasts, Tone,
};

/// What a person is doing with a draft. Kept by the page, whose keys do the same as the buttons.
#[derive(Clone, Copy)]
pub(super) struct Review {
    draft: StoredValue<Draft>,
    pub(super) words: RwSignal<String>,
    pub(super) editing: RwSignal<bool>,
    pub(super) rejecting: RwSignal<bool>,
    busy: RwSignal<bool>,
    toasts: Toasts,
    on_done: Callback<()>,
    may_write: bool,
}

impl Review {
    pub(super) fn of(draft: Draft, on_done: Callback<()>) -> Self {
        Self {
            words: RwSignal::new(draft.text.clone()),
            draft: StoredValue::new(draft),
            editing: RwSignal::new(false),
            rejecting: RwSignal::new(false),
            busy: RwSignal::new(false),
            toasts: Toasts::get(),
            on_done,
            may_write: Session::get().may("conversations.write"),
        }
    }

    fn name(self) -> String {
        self.draft.with_value(|draft| draft.name.clone())
    }

    pub(super) fn is_changed(self) -> bool {
        let words = self.words.get();
        self.draft.with_value(|draft| draft.text != words) && !words.trim().is_empty()
    }

    /// Sends it, as it is or as the person changed it.
    pub(super) fn approve(self) {
        if !self.may_write {
            return;
        }
        let text = if untrack(|| self.is_changed()) {
            self.words.get_untracked()
        } else {
            String::new()
        };
        let asked = inbox::approve(self.name(), text);
        self.settle(asked, text::inbox().approved);
    }

    fn reject(self, reason: String) {
        self.rejecting.set(false);
        let asked = inbox::reject(self.name(), reason);
        self.settle(asked, text::inbox().rejected);
    }

    /// Whatever the answer, the draft is looked at anew: another person may have been quicker.
    fn settle(
        self,
        change: impl Future<Output = Result<Draft, crate::api::Problem>> + 'static,
        done: &'static str,
    ) {
        let on_done = self.on_done;
        let toasts = self.toasts;
        let settled = async move {
            let answer = change.await;
            on_done.run(());
            answer
        };
        toasts.attempt(self.busy, settled, move |_| toasts.say(done));
    }

    pub(super) fn edit(self) {
        self.editing.set(true);
    }

    fn keep(self) {
        let text = self.draft.with_value(|draft| draft.text.clone());
        self.words.set(text);
        self.editing.set(false);
    }
}

/// The agent's answer that waits for a person.
#[component]
pub(super) fn DraftCard(draft: Draft, on_done: Callback<()>) -> impl IntoView {
    let review = Review::of(draft, on_done);
    view! { <ReviewCard review /> }
}

#[component]
pub(super) fn ReviewCard(review: Review) -> impl IntoView {
    let t = text::inbox();
    let disabled = !review.may_write;
    let approve_label = move || {
        if review.is_changed() {
            t.approve_edited
        } else {
            t.approve
        }
    };
    let edit = move || {
        if review.editing.get() {
            view! {
                <Button disabled on_press=move |()| review.keep()>
                    {t.edit_done}
                </Button>
            }
        } else {
            view! {
                <Button glyph=Glyph::Edit disabled on_press=move |()| review.edit()>
                    {t.edit}
                </Button>
            }
        }
    };
    view! {
        <section class="draft-card" aria-label=t.draft_title>
            <div class="row row-wrap">
                <Badge label=t.draft_title tone=Tone::Bot />
                <span class="small muted">{t.draft_lead}</span>
            </div>
            {move || {
                if review.editing.get() {
                    view! { <DraftWords review /> }.into_any()
                } else {
                    view! { <p class="said">{review.words.get()}</p> }.into_any()
                }
            }}
            <div class="row row-wrap">
                <Button
                    look=Look::Primary
                    glyph=Glyph::Send
                    busy=review.busy
                    disabled
                    on_press=move |()| review.approve()
                >
                    {approve_label}
                </Button>
                {edit}
                <Button
                    look=Look::Danger
                    disabled
                    on_press=move |()| review.rejecting.set(true)
                >
                    {t.reject}
                </Button>
            </div>
            <RejectDialog review />
        </section>
    }
    .into_any()
}

#[component]
fn DraftWords(review: Review) -> impl IntoView {
    let input = NodeRef::<html::Textarea>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    });
    view! {
        <textarea
            class="input"
            node_ref=input
            rows="4"
            maxlength="4000"
            aria-label=text::inbox().draft_title
            bind:value=review.words
        ></textarea>
    }
}

/// Why it is wrong: a usual reason, or words of one's own.
#[component]
fn RejectDialog(review: Review) -> impl IntoView {
    let t = text::inbox();
    move || {
        review.rejecting.get().then(|| {
            view! {
                <Dialog title=t.reject_title on_close=move |()| review.rejecting.set(false)>
                    <RejectForm review />
                </Dialog>
            }
        })
    }
}

#[component]
fn RejectForm(review: Review) -> impl IntoView {
    let t = text::inbox();
    let usual = [
        t.reason_incorrect,
        t.reason_rude,
        t.reason_incomplete,
        t.reason_outdated,
    ];
    let chosen = RwSignal::new(-1);
    let words = RwSignal::new(String::new());
    let options = (0..)
        .zip(usual)
        .map(|(value, label)| RadioOption {
            value,
            label,
            text: "",
        })
        .collect();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let usual = usize::try_from(chosen.get_untracked())
            .ok()
            .and_then(|place| usual.get(place));
        let own = words.get_untracked();
        let reason = [usual.copied().unwrap_or_default(), own.trim()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(". ");
        review.reject(reason.chars().take(500).collect());
    };
    view! {
        <form class="stack" on:submit=submit>
            <RadioChoice label=t.reject_reason options value=chosen row=true />
            <TextArea
                label=t.reject_words
                name="reason"
                value=words
                hint=t.reject_hint
                rows=3
            />
            <div class="dialog-actions">
                <Button on_press=move |()| review.rejecting.set(false)>
                    {text::common().cancel}
                </Button>
                <Button look=Look::Danger submit=true>
                    {t.reject}
                </Button>
            </div>
        </form>
    }
    .into_any()
}
