use std::time::Duration;

use leptos::prelude::*;

use crate::api::Problem;
use crate::i18n::text;
use crate::task;

/// Long enough to read and to reach the button.
const SHOWN: Duration = Duration::from_secs(6);

#[derive(Clone)]
struct Toast {
    id: u64,
    words: String,
    is_problem: bool,
    undo: Option<Callback<()>>,
}

/// Short news of what happened off the screen.
#[derive(Clone, Copy)]
pub(crate) struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    next: StoredValue<u64>,
}

impl Toasts {
    pub(crate) fn provide() -> Self {
        let toasts = Self {
            shown: RwSignal::new(Vec::new()),
            next: StoredValue::new(0),
        };
        provide_context(toasts);
        toasts
    }

    /// The toasts of the page, from any component.
    pub(crate) fn get() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    pub(crate) fn say(self, words: impl Into<String>) {
        self.push(words.into(), false, None);
    }

    pub(crate) fn say_with_undo(self, words: impl Into<String>, undo: Callback<()>) {
        self.push(words.into(), false, Some(undo));
    }

    pub(crate) fn problem(self, problem: &Problem) {
        self.push(format!("{} {}", problem.text, problem.next), true, None);
    }

    /// Runs a change while `busy` is set; why it failed becomes a toast.
    pub(crate) fn attempt<T: 'static>(
        self,
        busy: RwSignal<bool>,
        change: impl Future<Output = Result<T, Problem>> + 'static,
        done: impl FnOnce(T) + 'static,
    ) {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        task::spawn(async move {
            let answer = change.await;
            // The page may have been left meanwhile.
            let _ = busy.try_set(false);
            match answer {
                Ok(answer) => done(answer),
                Err(problem) => self.problem(&problem),
            }
        });
    }

    fn push(self, words: String, is_problem: bool, undo: Option<Callback<()>>) {
        self.next.update_value(|next| *next += 1);
        let id = self.next.get_value();
        self.shown.update(|shown| {
            shown.push(Toast {
                id,
                words,
                is_problem,
                undo,
            });
        });
        set_timeout(move || self.dismiss(id), SHOWN);
    }

    fn dismiss(self, id: u64) {
        // The page may be gone when the time is up.
        let _ = self
            .shown
            .try_update(|shown| shown.retain(|toast| toast.id != id));
    }
}

/// Where toasts appear; a live region, so that screen readers say them.
#[component]
pub(crate) fn ToastHost() -> impl IntoView {
    let toasts = Toasts::get();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.shown.get() key=|toast| toast.id let:toast>
                <ToastView toast />
            </For>
        </div>
    }
}

#[component]
fn ToastView(toast: Toast) -> impl IntoView {
    let toasts = Toasts::get();
    let id = toast.id;
    view! {
        <div class="toast" class:toast-danger=toast.is_problem>
            <span class="grow">{toast.words}</span>
            {toast
                .undo
                .map(|undo| {
                    view! {
                        <button
                            class="button"
                            on:click=move |_| {
                                undo.run(());
                                toasts.dismiss(id);
                            }
                        >
                            {text::common().undo}
                        </button>
                    }
                })}
            <button class="button" aria-label=text::common().close on:click=move |_| toasts.dismiss(id)>
                "✕"
            </button>
        </div>
    }
}
