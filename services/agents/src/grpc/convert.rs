//! Proto messages to domain values and back; nothing else.

use chrono::{DateTime, Utc};
use prost_types::{FieldMask, Timestamp};
use t11_core::{Violations, format_name, parse_name};
use t11_proto::agents::v1 as pb;
use uuid::Uuid;

use crate::Error;
use crate::agent::{
    Agent, AnswerMode, Creativity, Draft, FIELDS, GuardLevel, HoursMode, LanguageMode, Settings,
    State, WorkingInterval,
};
use crate::store::{AgentFilter, AgentOrder};

pub(super) fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(0),
    }
}

/// Reads `request_id`: empty or a UUID.
pub(super) fn request_id(text: &str, violations: &mut Violations) -> Option<Uuid> {
    if text.is_empty() {
        return None;
    }
    let id = Uuid::try_parse(text).ok();
    if id.is_none() {
        violations.add("request_id", "NOT_A_UUID", "`request_id` must be a UUID");
    }
    id
}

/// The fields an update takes: those of the mask, all for `*`, the ones that are set for none.
pub(super) fn mask_fields(
    agent: &pb::Agent,
    mask: Option<FieldMask>,
    violations: &mut Violations,
) -> Vec<String> {
    let populated = populated(agent);
    match named_fields(mask, FIELDS, |field| {
        populated.iter().any(|set| set == field)
    }) {
        Ok(fields) => fields,
        Err(Error::Invalid(more)) => {
            violations.0.extend(more.0);
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// The fields an update takes: those of the mask, all for `*`, the ones that are `set` for none.
///
/// # Errors
/// A mask that names another field.
pub(super) fn named_fields(
    mask: Option<FieldMask>,
    known: &[&str],
    set: impl Fn(&str) -> bool,
) -> Result<Vec<String>, Error> {
    let paths = mask.unwrap_or_default().paths;
    let owned = |field: &&str| (*field).to_owned();
    if paths.is_empty() {
        return Ok(known.iter().filter(|field| set(field)).map(owned).collect());
    }
    if paths == ["*"] {
        return Ok(known.iter().map(owned).collect());
    }
    let mut violations = Violations::default();
    for path in paths.iter().filter(|path| !known.contains(&path.as_str())) {
        let words = format!("`{path}` is not a field that an update may name");
        violations.add("update_mask", "UNKNOWN_PATH", words);
    }
    violations.check()?;
    Ok(paths)
}

/// Fields that are given: those that say so, and of the others those that differ from an empty
/// message.
fn populated(agent: &pb::Agent) -> Vec<String> {
    let mut nothing = Violations::default();
    let empty = agent_draft(Some(pb::Agent::default()), &mut nothing);
    let given = agent_draft(Some(agent.clone()), &mut nothing);
    FIELDS
        .iter()
        .filter(|field| match **field {
            "create_task_on_no_answer" => agent.create_task_on_no_answer.is_some(),
            "quiet_window_seconds" => agent.quiet_window_seconds.is_some(),
            "memory_enabled" => agent.memory_enabled.is_some(),
            _ => {
                let mut taken = empty.clone();
                taken.take(&given, field);
                taken != empty
            }
        })
        .map(ToString::to_string)
        .collect()
}

/// Name and settings of a message. Zeros that no setting may be stand for the defaults.
pub(super) fn agent_draft(agent: Option<pb::Agent>, violations: &mut Violations) -> Draft {
    let agent = agent.unwrap_or_default();
    let defaults = Settings::default();
    let or = |given: i32, default: i32| if given == 0 { default } else { given };
    let categories: std::collections::BTreeSet<Uuid> = agent
        .categories
        .iter()
        .enumerate()
        .filter_map(|(index, name)| match parse_name("categories", name) {
            Ok(id) => Some(id),
            Err(error) => {
                violations.add(
                    format!("agent.categories[{index}]"),
                    "NAME_INVALID",
                    error.to_string(),
                );
                None
            }
        })
        .collect();
    let settings = Settings {
        answer_mode: match agent.answer_mode() {
            pb::AnswerMode::Unspecified => defaults.answer_mode,
            pb::AnswerMode::Off => AnswerMode::Off,
            pb::AnswerMode::Draft => AnswerMode::Draft,
            pb::AnswerMode::Auto => AnswerMode::Auto,
        },
        creativity: match agent.creativity() {
            pb::Creativity::Unspecified => defaults.creativity,
            pb::Creativity::Precise => Creativity::Precise,
            pb::Creativity::Balanced => Creativity::Balanced,
            pb::Creativity::Creative => Creativity::Creative,
        },
        language_mode: match agent.language_mode() {
            pb::LanguageMode::Unspecified | pb::LanguageMode::Mirror => LanguageMode::Mirror,
            pb::LanguageMode::Fixed => LanguageMode::Fixed,
        },
        hours_mode: match agent.hours_mode() {
            pb::HoursMode::Unspecified | pb::HoursMode::Always => HoursMode::Always,
            pb::HoursMode::Inside => HoursMode::Inside,
            pb::HoursMode::Outside => HoursMode::Outside,
        },
        guard_level: match agent.guard_level() {
            pb::GuardLevel::Unspecified | pb::GuardLevel::Standard => GuardLevel::Standard,
            pb::GuardLevel::Strict => GuardLevel::Strict,
        },
        // An agent that may use no category at all would know nothing: empty means all.
        all_categories: agent.all_categories || categories.is_empty(),
        categories,
        max_tokens: or(agent.max_tokens, defaults.max_tokens),
        max_parts: or(agent.max_parts, defaults.max_parts),
        memory_days: or(agent.memory_days, defaults.memory_days),
        max_turns_per_chat: or(agent.max_turns_per_chat, defaults.max_turns_per_chat),
        schedule: agent.schedule.iter().map(interval).collect(),
        instructions: agent.instructions,
        no_answer_text: agent.no_answer_text,
        create_task_on_no_answer: agent
            .create_task_on_no_answer
            .unwrap_or(defaults.create_task_on_no_answer),
        model: agent.model,
        fallback_models: agent.fallback_models,
        fixed_language: agent.fixed_language,
        quiet_window_seconds: agent
            .quiet_window_seconds
            .unwrap_or(defaults.quiet_window_seconds),
        min_reply_delay_seconds: agent.min_reply_delay_seconds,
        outside_hours_text: agent.outside_hours_text,
        memory_enabled: agent.memory_enabled.unwrap_or(defaults.memory_enabled),
        max_answers_per_hour: agent.max_answers_per_hour,
        budget_turn_micro_usd: agent.budget_turn_micro_usd,
        budget_chat_micro_usd: agent.budget_chat_micro_usd,
        budget_day_micro_usd: agent.budget_day_micro_usd,
        budget_month_micro_usd: agent.budget_month_micro_usd,
    };
    Draft {
        display_name: agent.display_name,
        settings,
    }
}

fn interval(interval: &pb::WorkingInterval) -> WorkingInterval {
    let positive = |number: i32| u32::try_from(number).unwrap_or(u32::MAX);
    WorkingInterval {
        weekday: positive(interval.weekday),
        start_minute: positive(interval.start_minute),
        end_minute: positive(interval.end_minute),
    }
}

pub(super) fn agent_filter(request: &pb::ListAgentsRequest) -> Result<AgentFilter, Error> {
    let mut violations = Violations::default();
    let query = violations.text("query", &request.query, 0, 100);
    let states = request.states().filter_map(state).collect();
    let order = match request.order_by.as_str() {
        "" | "update_time desc" => AgentOrder::Updated,
        "create_time desc" => AgentOrder::Created,
        "last_activity_time desc" => AgentOrder::LastActive,
        "display_name" => AgentOrder::Name,
        _ => {
            let words = "one of `display_name`, `create_time desc`, `update_time desc`, \
                         `last_activity_time desc`";
            violations.add("order_by", "UNKNOWN_VALUE", words);
            AgentOrder::Updated
        }
    };
    violations.check()?;
    let model = Some(request.model.clone()).filter(|model| !model.is_empty());
    Ok(AgentFilter {
        query,
        states,
        model,
        order,
    })
}

fn state(state: pb::AgentState) -> Option<State> {
    match state {
        pb::AgentState::Unspecified => None,
        pb::AgentState::Draft => Some(State::Draft),
        pb::AgentState::Active => Some(State::Active),
        pb::AgentState::Paused => Some(State::Paused),
        pb::AgentState::Archived => Some(State::Archived),
    }
}

impl From<State> for pb::AgentState {
    fn from(state: State) -> Self {
        match state {
            State::Draft => Self::Draft,
            State::Active => Self::Active,
            State::Paused => Self::Paused,
            State::Archived => Self::Archived,
        }
    }
}

impl From<Agent> for pb::Agent {
    fn from(agent: Agent) -> Self {
        let etag = agent.etag().into();
        let settings = agent.settings;
        Self {
            name: format_name("agents", agent.id),
            display_name: agent.display_name,
            state: pb::AgentState::from(agent.state).into(),
            answer_mode: match settings.answer_mode {
                AnswerMode::Off => pb::AnswerMode::Off,
                AnswerMode::Draft => pb::AnswerMode::Draft,
                AnswerMode::Auto => pb::AnswerMode::Auto,
            }
            .into(),
            creativity: match settings.creativity {
                Creativity::Precise => pb::Creativity::Precise,
                Creativity::Balanced => pb::Creativity::Balanced,
                Creativity::Creative => pb::Creativity::Creative,
            }
            .into(),
            language_mode: match settings.language_mode {
                LanguageMode::Mirror => pb::LanguageMode::Mirror,
                LanguageMode::Fixed => pb::LanguageMode::Fixed,
            }
            .into(),
            hours_mode: match settings.hours_mode {
                HoursMode::Always => pb::HoursMode::Always,
                HoursMode::Inside => pb::HoursMode::Inside,
                HoursMode::Outside => pb::HoursMode::Outside,
            }
            .into(),
            guard_level: match settings.guard_level {
                GuardLevel::Standard => pb::GuardLevel::Standard,
                GuardLevel::Strict => pb::GuardLevel::Strict,
            }
            .into(),
            categories: settings
                .categories
                .into_iter()
                .map(|id| format_name("categories", id))
                .collect(),
            schedule: settings.schedule.iter().map(pb_interval).collect(),
            instructions: settings.instructions,
            no_answer_text: settings.no_answer_text,
            create_task_on_no_answer: Some(settings.create_task_on_no_answer),
            all_categories: settings.all_categories,
            model: settings.model,
            fallback_models: settings.fallback_models,
            max_tokens: settings.max_tokens,
            fixed_language: settings.fixed_language,
            quiet_window_seconds: Some(settings.quiet_window_seconds),
            min_reply_delay_seconds: settings.min_reply_delay_seconds,
            max_parts: settings.max_parts,
            outside_hours_text: settings.outside_hours_text,
            memory_enabled: Some(settings.memory_enabled),
            memory_days: settings.memory_days,
            max_turns_per_chat: settings.max_turns_per_chat,
            max_answers_per_hour: settings.max_answers_per_hour,
            budget_turn_micro_usd: settings.budget_turn_micro_usd,
            budget_chat_micro_usd: settings.budget_chat_micro_usd,
            budget_day_micro_usd: settings.budget_day_micro_usd,
            budget_month_micro_usd: settings.budget_month_micro_usd,
            messages_total: agent.messages_total,
            last_activity_time: agent.last_activity_time.map(timestamp),
            create_time: Some(timestamp(agent.create_time)),
            update_time: Some(timestamp(agent.update_time)),
            live_version_number: agent.live_version.map_or(0, |live| live.number),
            etag,
        }
    }
}

fn pb_interval(interval: &WorkingInterval) -> pb::WorkingInterval {
    let signed = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    pb::WorkingInterval {
        weekday: signed(interval.weekday),
        start_minute: signed(interval.start_minute),
        end_minute: signed(interval.end_minute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_new_agent_is_the_default() {
        let mut violations = Violations::default();
        let draft = agent_draft(None, &mut violations);
        assert_eq!(draft.settings, Settings::default());
        let off = pb::Agent {
            create_task_on_no_answer: Some(false),
            quiet_window_seconds: Some(0),
            memory_enabled: Some(false),
            ..pb::Agent::default()
        };
        let draft = agent_draft(Some(off), &mut violations);
        let expected = Settings {
            create_task_on_no_answer: false,
            quiet_window_seconds: 0,
            memory_enabled: false,
            ..Settings::default()
        };
        assert_eq!(draft.settings, expected);
    }

    #[test]
    fn an_update_without_a_mask_takes_what_is_given_even_if_it_is_the_default() {
        let given = pb::Agent {
            create_task_on_no_answer: Some(true),
            memory_enabled: Some(false),
            max_parts: 2,
            ..pb::Agent::default()
        };
        let fields = mask_fields(&given, None, &mut Violations::default());
        assert_eq!(
            fields,
            ["create_task_on_no_answer", "max_parts", "memory_enabled"]
        );
    }
}
