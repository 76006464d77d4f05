//! The state of the editor: every field as its reader edits it, and the way back to a message.

use leptos::prelude::*;

use crate::api::agents::{Agent, WorkingInterval};
use crate::browser;
use crate::i18n::text;
use crate::ui::FormErrors;

/// One of numbers, kept as typed until the form is sent.
pub(super) type Typed = RwSignal<String>;

#[derive(Clone, Copy)]
pub(super) struct AgentForm {
    /// As loaded: the etag, and what unsaved changes are counted against.
    pub(super) base: RwSignal<Agent>,
    pub(super) display_name: RwSignal<String>,
    pub(super) instructions: RwSignal<String>,
    /// An `AnswerMode`, as the other choices below are numbers of their enums.
    pub(super) answer_mode: RwSignal<i32>,
    pub(super) no_answer_text: RwSignal<String>,
    pub(super) create_task: RwSignal<bool>,
    pub(super) all_categories: RwSignal<bool>,
    pub(super) categories: RwSignal<Vec<String>>,
    pub(super) model: RwSignal<String>,
    pub(super) fallback_models: RwSignal<Vec<String>>,
    pub(super) creativity: RwSignal<i32>,
    pub(super) max_tokens: Typed,
    pub(super) language_mode: RwSignal<i32>,
    pub(super) fixed_language: RwSignal<String>,
    pub(super) quiet_window: Typed,
    pub(super) min_delay: Typed,
    pub(super) max_parts: RwSignal<String>,
    pub(super) hours_mode: RwSignal<i32>,
    pub(super) schedule: RwSignal<Vec<WorkingInterval>>,
    pub(super) outside_text: RwSignal<String>,
    pub(super) guard_level: RwSignal<i32>,
    pub(super) memory_enabled: RwSignal<bool>,
    pub(super) memory_days: Typed,
    pub(super) max_turns: Typed,
    pub(super) max_per_hour: Typed,
    pub(super) budget_turn: Typed,
    pub(super) budget_chat: Typed,
    pub(super) budget_day: Typed,
    pub(super) budget_month: Typed,
}

impl AgentForm {
    pub(super) fn new(agent: Agent) -> Self {
        let number = |value: i32| RwSignal::new(value.to_string());
        let budget = |value: i64| RwSignal::new(dollars(value));
        let words = |value: &String| RwSignal::new(value.clone());
        Self {
            display_name: words(&agent.display_name),
            instructions: words(&agent.instructions),
            answer_mode: RwSignal::new(agent.answer_mode),
            no_answer_text: words(&agent.no_answer_text),
            create_task: RwSignal::new(agent.create_task_on_no_answer()),
            all_categories: RwSignal::new(agent.all_categories),
            categories: RwSignal::new(agent.categories.clone()),
            model: words(&agent.model),
            fallback_models: RwSignal::new(agent.fallback_models.clone()),
            creativity: RwSignal::new(agent.creativity),
            max_tokens: number(agent.max_tokens),
            language_mode: RwSignal::new(agent.language_mode),
            fixed_language: words(&agent.fixed_language),
            quiet_window: number(agent.quiet_window_seconds()),
            min_delay: number(agent.min_reply_delay_seconds),
            max_parts: number(agent.max_parts),
            hours_mode: RwSignal::new(agent.hours_mode),
            schedule: RwSignal::new(agent.schedule.clone()),
            outside_text: words(&agent.outside_hours_text),
            guard_level: RwSignal::new(agent.guard_level),
            memory_enabled: RwSignal::new(agent.memory_enabled()),
            memory_days: number(agent.memory_days),
            max_turns: number(agent.max_turns_per_chat),
            max_per_hour: number(agent.max_answers_per_hour),
            budget_turn: budget(agent.budget_turn_micro_usd),
            budget_chat: budget(agent.budget_chat_micro_usd),
            budget_day: budget(agent.budget_day_micro_usd),
            budget_month: budget(agent.budget_month_micro_usd),
            base: RwSignal::new(agent),
        }
    }

    /// The message the fields make. What is not a number is reported to `errors` and left as it
    /// was; the second value is false then.
    pub(super) fn agent(self, errors: Option<FormErrors>) -> (Agent, bool) {
        let base = self.base.get();
        let mut numbers = Numbers {
            errors,
            all_good: true,
        };
        let agent = Agent {
            display_name: self.display_name.get(),
            instructions: self.instructions.get(),
            answer_mode: self.answer_mode.get(),
            no_answer_text: self.no_answer_text.get(),
            create_task_on_no_answer: Some(self.create_task.get()),
            all_categories: self.all_categories.get(),
            categories: if self.all_categories.get() {
                Vec::new()
            } else {
                self.categories.get()
            },
            model: self.model.get(),
            fallback_models: self.fallback_models.get(),
            creativity: self.creativity.get(),
            max_tokens: numbers.whole("agent.max_tokens", self.max_tokens, base.max_tokens),
            language_mode: self.language_mode.get(),
            fixed_language: self.fixed_language.get(),
            quiet_window_seconds: Some(numbers.whole(
                "agent.quiet_window_seconds",
                self.quiet_window,
                base.quiet_window_seconds(),
            )),
            min_reply_delay_seconds: numbers.whole(
                "agent.min_reply_delay_seconds",
                self.min_delay,
                base.min_reply_delay_seconds,
            ),
            max_parts: numbers.whole("agent.max_parts", self.max_parts, base.max_parts),
            hours_mode: self.hours_mode.get(),
            schedule: self.schedule.get(),
            outside_hours_text: self.outside_text.get(),
            guard_level: self.guard_level.get(),
            memory_enabled: Some(self.memory_enabled.get()),
            memory_days: numbers.whole("agent.memory_days", self.memory_days, base.memory_days),
            max_turns_per_chat: numbers.whole(
                "agent.max_turns_per_chat",
                self.max_turns,
                base.max_turns_per_chat,
            ),
            max_answers_per_hour: numbers.whole(
                "agent.max_answers_per_hour",
                self.max_per_hour,
                base.max_answers_per_hour,
            ),
            budget_turn_micro_usd: numbers.money(
                "agent.budget_turn_micro_usd",
                self.budget_turn,
                base.budget_turn_micro_usd,
            ),
            budget_chat_micro_usd: numbers.money(
                "agent.budget_chat_micro_usd",
                self.budget_chat,
                base.budget_chat_micro_usd,
            ),
            budget_day_micro_usd: numbers.money(
                "agent.budget_day_micro_usd",
                self.budget_day,
                base.budget_day_micro_usd,
            ),
            budget_month_micro_usd: numbers.money(
                "agent.budget_month_micro_usd",
                self.budget_month,
                base.budget_month_micro_usd,
            ),
            ..base
        };
        (agent, numbers.all_good)
    }

    /// Whether anything differs from what was loaded.
    pub(super) fn is_dirty(self) -> bool {
        let (agent, is_whole) = self.agent(None);
        let base = self.base.get();
        // With all categories the chosen ones do not count.
        let has_changed = Agent {
            categories: if base.all_categories && agent.all_categories {
                base.categories.clone()
            } else {
                agent.categories.clone()
            },
            ..agent
        } != base;
        has_changed || !is_whole
    }
}

struct Numbers {
    errors: Option<FormErrors>,
    all_good: bool,
}

impl Numbers {
    fn whole(&mut self, name: &'static str, typed: Typed, before: i32) -> i32 {
        typed
            .with(|words| words.trim().parse())
            .unwrap_or_else(|_| {
                self.reject(name);
                before
            })
    }

    fn money(&mut self, name: &'static str, typed: Typed, before: i64) -> i64 {
        let Some(dollars) = typed.with(|words| browser::parse_number(words)) else {
            self.reject(name);
            return before;
        };
        #[expect(clippy::cast_possible_truncation, reason = "dollars of a budget")]
        let micro_usd = (dollars * 1e6).round() as i64;
        micro_usd
    }

    fn reject(&mut self, name: &'static str) {
        self.all_good = false;
        if let Some(errors) = self.errors {
            errors.reject(name, text::editor().not_a_number);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "budgets stay far below 2^53")]
fn dollars(micro_usd: i64) -> String {
    browser::number_words(micro_usd as f64 / 1e6)
}
