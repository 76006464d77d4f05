use leptos::prelude::*;

use super::picker::Shelf;
use super::targets::{Targets, TargetsEditor};
use crate::api::routes::{self, Cache, Route};
use crate::i18n::text;
use crate::task;
use crate::ui::{Button, FormErrors, FormFailure, Look, NumberInput, TextInput};

const ALIAS: &str = "alias";
const TARGETS: &str = "targets";
const HEDGE: &str = "hedge_delay_ms";
const CACHE: &str = "cache.ttl_seconds";

/// One route. Its alias stays as it is made: requests name it.
#[component]
pub(super) fn RouteForm(before: Route, shelf: Shelf, on_saved: Callback<()>) -> impl IntoView {
    let t = text::routes();
    let errors = FormErrors::provide();
    let is_new = before.name.is_empty();
    let alias = RwSignal::new(before.alias.clone());
    let targets = Targets::new(&before.targets);
    let hedge = RwSignal::new(before.hedge_delay_ms.to_string());
    let ttl = before.cache.as_ref().map_or(0, |cache| cache.ttl_seconds);
    let cache = RwSignal::new(ttl.to_string());
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let alias = alias.get_untracked().trim().to_owned();
        let has_alias = errors.require(ALIAS, &alias);
        let hedge = whole(errors, HEDGE, hedge);
        let ttl = whole(errors, CACHE, cache);
        let targets = match targets.now() {
            Ok(targets) => Some(targets),
            Err(words) => {
                errors.reject(TARGETS, words);
                None
            }
        };
        let (true, Some(hedge), Some(ttl), Some(targets)) = (has_alias, hedge, ttl, targets) else {
            return;
        };
        let route = Route {
            alias,
            targets,
            hedge_delay_ms: hedge,
            cache: (ttl > 0).then_some(Cache { ttl_seconds: ttl }),
            ..Route::default()
        };
        busy.set(true);
        task::spawn(async move {
            let answer = routes::set(route).await;
            busy.set(false);
            match answer {
                Ok(_) => on_saved.run(()),
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput
                label=t.alias
                name=ALIAS
                value=alias
                hint=t.alias_hint
                placeholder="fast"
                disabled=!is_new
                autofocus=is_new
            />
            <TargetsEditor targets shelf />
            <p class="field-error" role="alert" hidden=move || errors.of(TARGETS).is_none()>
                {move || errors.of(TARGETS)}
            </p>
            <NumberInput label=t.hedge name=HEDGE value=hedge min=0 max=60_000 hint=t.hedge_hint />
            <NumberInput label=t.cache name=CACHE value=cache min=0 max=86_400 hint=t.cache_hint />
            <div class="row">
                <Button look=Look::Primary submit=true busy>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

/// A whole number of at least 0; nothing typed is 0.
fn whole(errors: FormErrors, name: &'static str, typed: RwSignal<String>) -> Option<i32> {
    let words = typed.get_untracked();
    let number = match words.trim() {
        "" => Some(0),
        words => words.parse().ok(),
    };
    if number.is_none_or(|number| number < 0) {
        errors.reject(name, text::routes().not_whole);
        return None;
    }
    number
}
