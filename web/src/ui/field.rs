use leptos::prelude::*;

use crate::api::Problem;
use crate::i18n::text;

/// What the server or the form itself found wrong with the fields of one form, by their names.
#[derive(Clone, Copy)]
pub(crate) struct FormErrors {
    problem: RwSignal<Option<Problem>>,
    own: RwSignal<Vec<(&'static str, String)>>,
}

impl FormErrors {
    /// For the fields of the component that calls it and of those below.
    pub(crate) fn provide() -> Self {
        let errors = Self {
            problem: RwSignal::new(None),
            own: RwSignal::new(Vec::new()),
        };
        provide_context(errors);
        errors
    }

    pub(crate) fn clear(self) {
        self.problem.set(None);
        self.own.set(Vec::new());
    }

    /// Shows what the server answered.
    pub(crate) fn refuse(self, problem: Problem) {
        self.problem.set(Some(problem));
    }

    pub(crate) fn problem(self) -> Option<Problem> {
        self.problem.get()
    }

    /// Requires a value; true when there is one.
    pub(crate) fn require(self, name: &'static str, value: &str) -> bool {
        if value.trim().is_empty() {
            self.reject(name, text::common().required);
            return false;
        }
        true
    }

    /// Notes what the form itself found wrong.
    pub(crate) fn reject(self, name: &'static str, words: &str) {
        self.own.update(|own| own.push((name, words.to_owned())));
    }

    /// What to say under the field `name`.
    pub(crate) fn of(self, name: &str) -> Option<String> {
        let own = self.own.with(|own| {
            own.iter()
                .find(|(field, _)| *field == name)
                .map(|(_, words)| words.clone())
        });
        own.or_else(|| {
            self.problem.with(|problem| {
                problem
                    .as_ref()
                    .and_then(|problem| problem.violation(name))
                    .map(ToOwned::to_owned)
            })
        })
    }
}

/// Label, control, hint and error, tied together for screen readers. `name` is the path of the
/// field in the request, so that violations find their way.
#[component]
pub(crate) fn Field(
    id: String,
    #[prop(into)] label: String,
    name: &'static str,
    hint: Option<String>,
    #[prop(optional)] optional: bool,
    children: Children,
) -> impl IntoView {
    let error = error_of(name);
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    view! {
        <div class="field">
            <label class="field-label" for=id>
                {label}
                {optional
                    .then(|| view! { <span class="muted">" · "{text::common().optional}</span> })}
            </label>
            {children()}
            {hint.map(|hint| view! { <p class="field-hint" id=hint_id>{hint}</p> })}
            <p class="field-error" id=error_id role="alert" hidden=move || error.get().is_none()>
                {move || error.get()}
            </p>
        </div>
    }
    .into_any()
}

/// The error under the field `name` of the form around it.
pub(crate) fn error_of(name: &'static str) -> Signal<Option<String>> {
    let errors = use_context::<FormErrors>();
    Signal::derive(move || errors.and_then(|errors| errors.of(name)))
}
