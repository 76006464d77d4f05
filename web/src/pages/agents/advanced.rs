use leptos::prelude::*;

use super::form::AgentForm;
use super::hours::Schedule;
use crate::api::agents::{Creativity, GuardLevel, HoursMode, LanguageMode};
use crate::api::models;
use crate::i18n::{Language, text};
use crate::query::Query;
use crate::ui::{
    Button, Choice, FilterSelect, Glyph, IconButton, Look, NumberInput, RadioChoice, RadioOption,
    Section, Select, Switch, TextArea,
};

const FALLBACKS_LIMIT: usize = 4;

/// The tab Advanced: how the agent answers and what it may cost.
#[component]
pub(crate) fn Advanced() -> impl IntoView {
    let form = expect_context::<AgentForm>();
    view! {
        <ModelSection form />
        <LanguageSection form />
        <RhythmSection form />
        <HoursSection form />
        <TrustSection form />
        <LimitsSection form />
    }
    .into_any()
}

fn radio<T: Into<i32>, const N: usize>(options: [(T, &'static str); N]) -> Vec<RadioOption> {
    options
        .into_iter()
        .map(|(value, label)| RadioOption {
            value: value.into(),
            label,
            text: "",
        })
        .collect()
}

#[component]
fn ModelSection(form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let models = Query::once(|| models::list(String::new(), String::new()));
    let choices = Signal::derive(move || {
        let known = models.data.get().unwrap_or_default().models;
        let mut choices = vec![Choice::new("", text::agents().default_model)];
        choices.extend(known.into_iter().map(|model| {
            Choice::new(model.name.trim_start_matches("models/"), model.display_name)
        }));
        // A model the provider no longer lists stays visible.
        let chosen = form.model.get();
        if !choices.iter().any(|choice| choice.value == chosen) {
            choices.push(Choice::new(chosen.clone(), chosen));
        }
        choices
    });
    let creativity = radio([
        (Creativity::Precise, t.precise),
        (Creativity::Balanced, t.balanced),
        (Creativity::Creative, t.creative),
    ]);
    view! {
        <Section title=t.model>
            <Select label=t.main_model name="agent.model" value=form.model choices />
            <Fallbacks form choices />
            <RadioChoice label=t.creativity options=creativity value=form.creativity row=true />
            <NumberInput
                label=t.max_tokens
                name="agent.max_tokens"
                value=form.max_tokens
                min=128
                max=8000
                hint="128–8000"
            />
        </Section>
    }
    .into_any()
}

/// Models to try in order.
#[component]
fn Fallbacks(form: AgentForm, choices: Signal<Vec<Choice>>) -> impl IntoView {
    let t = text::editor();
    let count = Memo::new(move |_| form.fallback_models.with(Vec::len));
    let add = Callback::new(move |()| {
        let first = choices.with_untracked(|choices| {
            choices
                .iter()
                .find(|choice| !choice.value.is_empty())
                .map(|choice| choice.value.clone())
        });
        if let Some(first) = first {
            form.fallback_models.update(|models| models.push(first));
        }
    });
    view! {
        <div class="field">
            <span class="field-label">{t.fallbacks}</span>
            {move || {
                (0..count.get())
                    .map(|place| view! { <Fallback place form choices /> })
                    .collect_view()
            }}
            <p class="field-hint">{t.fallbacks_hint}</p>
            <Show when=move || count.get() < FALLBACKS_LIMIT>
                <div class="row">
                    <Button look=Look::Ghost glyph=Glyph::Plus on_press=add>
                        {t.add_fallback}
                    </Button>
                </div>
            </Show>
        </div>
    }
    .into_any()
}

#[component]
fn Fallback(place: usize, form: AgentForm, choices: Signal<Vec<Choice>>) -> impl IntoView {
    let t = text::editor();
    let value = Signal::derive(move || {
        form.fallback_models
            .with(|models| models.get(place).cloned())
            .unwrap_or_default()
    });
    let named = Signal::derive(move || {
        let mut choices = choices.get();
        choices.retain(|choice| !choice.value.is_empty());
        choices
    });
    let choose = move |chosen: String| {
        form.fallback_models.update(|models| {
            if let Some(model) = models.get_mut(place) {
                *model = chosen;
            }
        });
    };
    let remove = move || {
        form.fallback_models.update(|models| {
            if place < models.len() {
                models.remove(place);
            }
        });
    };
    view! {
        <div class="row">
            <span class="small muted numeric">{place + 1}</span>
            <span class="grow">
                <FilterSelect label=t.fallbacks value choices=named on_choose=choose />
            </span>
            <IconButton glyph=Glyph::Close label=t.remove_fallback on_press=remove />
        </div>
    }
}

#[component]
fn LanguageSection(form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let options = radio([
        (LanguageMode::Mirror, t.mirror),
        (LanguageMode::Fixed, t.fixed),
    ]);
    let languages: Vec<Choice> = Language::ALL
        .into_iter()
        .map(|language| Choice::new(language.tag(), language.own_name()))
        .collect();
    let is_fixed = move || form.language_mode.get() == LanguageMode::Fixed as i32;
    Effect::new(move |_| {
        // A list shows its first entry as chosen: the form should agree.
        if is_fixed() && form.fixed_language.with_untracked(String::is_empty) {
            form.fixed_language.set(Language::ALL[0].tag().to_owned());
        }
    });
    view! {
        <Section title=t.language>
            <RadioChoice label=t.language options value=form.language_mode row=true />
            <Show when=is_fixed>
                <Select
                    label=t.fixed_language
                    name="agent.fixed_language"
                    value=form.fixed_language
                    choices=languages.clone()
                />
            </Show>
        </Section>
    }
    .into_any()
}

#[component]
fn RhythmSection(form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let parts: Vec<Choice> = (1..=4u8)
        .map(|count| Choice::new(count.to_string(), (t.parts)(count.into())))
        .collect();
    view! {
        <Section title=t.rhythm>
            <div class="grid-2">
                <NumberInput
                    label=t.quiet_window
                    name="agent.quiet_window_seconds"
                    value=form.quiet_window
                    min=0
                    max=300
                    hint=t.quiet_hint
                />
                <NumberInput
                    label=t.min_delay
                    name="agent.min_reply_delay_seconds"
                    value=form.min_delay
                    min=0
                    max=300
                    hint="0–300"
                />
            </div>
            <Select label=t.max_parts name="agent.max_parts" value=form.max_parts choices=parts />
        </Section>
    }
    .into_any()
}

#[component]
fn HoursSection(form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let options = radio([
        (HoursMode::Always, t.hours_always),
        (HoursMode::Inside, t.hours_inside),
        (HoursMode::Outside, t.hours_outside),
    ]);
    view! {
        <Section title=t.hours>
            <RadioChoice label=t.hours options value=form.hours_mode row=true />
            <Show when=move || form.hours_mode.get() != HoursMode::Always as i32>
                <Schedule form />
                <TextArea
                    label=t.outside_text
                    name="agent.outside_hours_text"
                    value=form.outside_text
                    rows=2
                />
            </Show>
        </Section>
    }
    .into_any()
}

#[component]
fn TrustSection(form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let levels = radio([
        (GuardLevel::Standard, t.guard_standard),
        (GuardLevel::Strict, t.guard_strict),
    ]);
    view! {
        <Section title=t.guard>
            <RadioChoice label=t.guard options=levels value=form.guard_level />
        </Section>
        <Section title=t.memory>
            <Switch
                label=t.memory_enabled
                value=form.memory_enabled
                on_change=move |on| form.memory_enabled.set(on)
            />
            <Show when=move || form.memory_enabled.get()>
                <NumberInput
                    label=t.memory_days
                    name="agent.memory_days"
                    value=form.memory_days
                    min=1
                    max=3650
                    hint="1–3650"
                />
            </Show>
        </Section>
    }
    .into_any()
}

#[component]
fn LimitsSection(form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let budgets = [
        (
            t.budget_turn,
            "agent.budget_turn_micro_usd",
            form.budget_turn,
        ),
        (
            t.budget_chat,
            "agent.budget_chat_micro_usd",
            form.budget_chat,
        ),
        (t.budget_day, "agent.budget_day_micro_usd", form.budget_day),
        (
            t.budget_month,
            "agent.budget_month_micro_usd",
            form.budget_month,
        ),
    ];
    let budgets = budgets
        .into_iter()
        .map(|(label, name, value)| view! { <NumberInput label name value min=0 step="any" /> })
        .collect_view();
    view! {
        <Section title=t.limits lead=t.zero_no_limit>
            <div class="grid-2">
                <NumberInput
                    label=t.max_turns
                    name="agent.max_turns_per_chat"
                    value=form.max_turns
                    min=1
                    max=500
                    hint="1–500"
                />
                <NumberInput
                    label=t.max_per_hour
                    name="agent.max_answers_per_hour"
                    value=form.max_per_hour
                    min=0
                />
                {budgets}
            </div>
        </Section>
    }
    .into_any()
}
