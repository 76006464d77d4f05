//! Whether to answer at all. Each "no" is a reason that people see.

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeZone as _, Timelike as _, Utc};
use chrono_tz::Tz;

use super::Mode;
use crate::agent::{Agent, AnswerMode, HoursMode, Settings, State, WorkingInterval};

/// Why a message is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    AgentOff,
    OptedOut,
    /// «Ок», «спасибо», a thumb: nothing to answer.
    SmallTalkAck,
    OutsideHours,
    LimitTurns,
    LimitHour,
    BudgetChat,
}

impl SkipReason {
    /// The word in traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AgentOff => "agent_off",
            Self::OptedOut => "opted_out",
            Self::SmallTalkAck => "small_talk_ack",
            Self::OutsideHours => "outside_hours",
            Self::LimitTurns => "limit_turns",
            Self::LimitHour => "limit_hour",
            Self::BudgetChat => "budget_chat",
        }
    }
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    pub agent: &'a Agent,
    pub mode: Mode,
    pub text: &'a str,
    /// An answer of the agent came just before.
    pub after_answer: bool,
    pub opted_out: bool,
    pub turns: i32,
    /// Counted only where the agent has a limit.
    pub answers_last_hour: i64,
    pub chat_cost_micro_usd: i64,
    pub now: DateTime<Utc>,
    pub zone: Tz,
}

/// The first rule that says no. In a test the switches and hours of the live agent do not
/// silence it: trying an agent before it is switched on is what the test is for.
pub fn skip_reason(situation: &Situation<'_>) -> Option<SkipReason> {
    let Situation { agent, mode, .. } = *situation;
    let settings = &agent.settings;
    let live = mode == Mode::Live;
    if live && (agent.state != State::Active || settings.answer_mode == AnswerMode::Off) {
        return Some(SkipReason::AgentOff);
    }
    if situation.opted_out {
        return Some(SkipReason::OptedOut);
    }
    if situation.after_answer && is_acknowledgement(situation.text) {
        return Some(SkipReason::SmallTalkAck);
    }
    if situation.turns >= settings.max_turns_per_chat {
        return Some(SkipReason::LimitTurns);
    }
    let per_hour = i64::from(settings.max_answers_per_hour);
    if per_hour > 0 && situation.answers_last_hour >= per_hour {
        return Some(SkipReason::LimitHour);
    }
    let budget = settings.budget_chat_micro_usd;
    if budget > 0 && situation.chat_cost_micro_usd >= budget {
        return Some(SkipReason::BudgetChat);
    }
    // The last: it alone passes with time.
    (live && !within_hours(situation)).then_some(SkipReason::OutsideHours)
}

/// Whether the agent works at this moment.
pub fn within_hours(situation: &Situation<'_>) -> bool {
    let settings = &situation.agent.settings;
    let inside = in_schedule(&settings.schedule, situation.now, situation.zone);
    match settings.hours_mode {
        HoursMode::Always => true,
        HoursMode::Inside => inside,
        HoursMode::Outside => !inside,
    }
}

/// When an agent that is closed at `now` opens: only one that works inside its hours does, for
/// outside of them people are there to answer.
pub fn opening(settings: &Settings, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    if settings.hours_mode != HoursMode::Inside {
        return None;
    }
    let today = now.with_timezone(&zone).date_naive();
    let mut days = (0..=7).filter_map(|days| today.checked_add_days(Days::new(days)));
    days.find_map(|day| {
        let intervals = settings.schedule.iter();
        let own = intervals.filter(|one| one.weekday == day.weekday().number_from_monday());
        let starts = own.filter_map(|interval| {
            let time = NaiveTime::from_num_seconds_from_midnight_opt(interval.start_minute * 60, 0);
            // An hour that the change of the clocks leaves out begins with the next.
            let local = day.and_time(time?);
            let opens = zone.from_local_datetime(&local).earliest();
            let opens = opens.or_else(|| {
                let later = local + chrono::TimeDelta::hours(1);
                zone.from_local_datetime(&later).earliest()
            });
            opens.map(|opens| opens.with_timezone(&Utc))
        });
        starts.filter(|opens| *opens > now).min()
    })
}

/// Whether a moment lies in one of the intervals.
pub fn in_schedule(schedule: &[WorkingInterval], now: DateTime<Utc>, zone: Tz) -> bool {
    let local = now.with_timezone(&zone);
    let minute = local.hour() * 60 + local.minute();
    schedule.iter().any(|interval| {
        interval.weekday == local.weekday().number_from_monday()
            && (interval.start_minute..interval.end_minute).contains(&minute)
    })
}

/// Whole messages that close a talk rather than ask.
const ACKNOWLEDGEMENTS: &[&str] = &[
    "ок",
    "окей",
    "хорошо",
    "понятно",
    "понял",
    "поняла",
    "ясно",
    "спасибо",
    "спасибо большое",
    "большое спасибо",
    "благодарю",
    "принято",
    "отлично",
    "супер",
    "ладно",
    "ok",
    "okay",
    "thanks",
    "thank you",
    "thank you very much",
    "thx",
    "got it",
    "great",
    "cool",
    "understood",
    "fine",
];

/// Whether a message only says that it was read.
pub fn is_acknowledgement(text: &str) -> bool {
    let lowered = text.to_lowercase();
    let letters: String = lowered
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let words = letters.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        // Only signs and pictures; a question mark alone still asks.
        return !text.contains('?');
    }
    !text.contains('?') && made_of_acknowledgements(&words)
}

/// Whether the words are acknowledgements one after another: «хорошо спасибо большое».
fn made_of_acknowledgements(words: &str) -> bool {
    words.is_empty()
        || ACKNOWLEDGEMENTS.iter().any(|known| {
            words
                .strip_prefix(known)
                .filter(|rest| rest.is_empty() || rest.starts_with(' '))
                .is_some_and(|rest| made_of_acknowledgements(rest.trim_start()))
        })
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use uuid::Uuid;

    use super::*;
    use crate::agent::Settings;

    fn agent(settings: Settings, state: State) -> Agent {
        Agent {
            id: Uuid::nil(),
            display_name: "A".to_owned(),
            state,
            settings,
            messages_total: 0,
            last_activity_time: None,
            revision: 1,
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
            live_version: None,
            frozen: None,
        }
    }

    fn situation(agent: &Agent, mode: Mode) -> Situation<'_> {
        Situation {
            agent,
            mode,
            text: "Сколько стоит диван?",
            after_answer: false,
            opted_out: false,
            turns: 0,
            answers_last_hour: 0,
            chat_cost_micro_usd: 0,
            // A Monday, 23:10 in Moscow.
            now: Utc.with_ymd_and_hms(2026, 11, 23, 20, 10, 0).unwrap(),
            zone: chrono_tz::Europe::Moscow,
        }
    }

    #[test]
    fn acknowledgements_in_both_languages() {
        for text in [
            "ок 👍",
            "Спасибо!",
            "ok, thanks",
            "👍",
            "Хорошо, спасибо большое",
        ] {
            assert!(is_acknowledgement(text), "{text}");
        }
        for text in [
            "ок, а цена?",
            "ок?",
            "Спасибо, а доставка есть",
            "?",
            "окна",
        ] {
            assert!(!is_acknowledgement(text), "{text}");
        }
    }

    #[test]
    fn an_acknowledgement_is_skipped_only_after_an_answer() {
        let agent = agent(Settings::default(), State::Draft);
        let mut it = Situation {
            text: "ок 👍",
            ..situation(&agent, Mode::Test)
        };
        assert_eq!(skip_reason(&it), None);
        it.after_answer = true;
        assert_eq!(skip_reason(&it), Some(SkipReason::SmallTalkAck));
    }

    #[test]
    fn a_draft_may_be_tried_but_does_not_answer_live() {
        let agent = agent(Settings::default(), State::Draft);
        assert_eq!(skip_reason(&situation(&agent, Mode::Test)), None);
        assert_eq!(
            skip_reason(&situation(&agent, Mode::Live)),
            Some(SkipReason::AgentOff)
        );
    }

    #[test]
    fn hours_are_the_organizations_hours() {
        let day = WorkingInterval {
            weekday: 1,
            start_minute: 9 * 60,
            end_minute: 18 * 60,
        };
        let settings = Settings {
            answer_mode: AnswerMode::Auto,
            hours_mode: HoursMode::Inside,
            schedule: vec![day],
            ..Settings::default()
        };
        let agent = agent(settings, State::Active);
        let mut it = situation(&agent, Mode::Live);
        assert_eq!(skip_reason(&it), Some(SkipReason::OutsideHours));
        it.now = Utc.with_ymd_and_hms(2026, 11, 23, 6, 0, 0).unwrap();
        assert_eq!(skip_reason(&it), None, "09:00 in Moscow");
    }

    #[test]
    fn an_agent_opens_with_the_next_interval() {
        let day = |weekday| WorkingInterval {
            weekday,
            start_minute: 9 * 60,
            end_minute: 18 * 60,
        };
        let mut settings = Settings {
            hours_mode: HoursMode::Inside,
            schedule: vec![day(1), day(2)],
            ..Settings::default()
        };
        let zone = chrono_tz::Europe::Moscow;
        let at = |day, hour, minute| {
            Utc.with_ymd_and_hms(2026, 11, day, hour, minute, 0)
                .unwrap()
        };
        // 23:10 of a Monday: on Tuesday.
        assert_eq!(opening(&settings, at(23, 20, 10), zone), Some(at(24, 6, 0)));
        // 23:10 of a Tuesday: on the next Monday.
        assert_eq!(opening(&settings, at(24, 20, 10), zone), Some(at(30, 6, 0)));
        settings.schedule = vec![day(1)];
        // 10:00 of its only day: a week later.
        assert_eq!(opening(&settings, at(23, 7, 0), zone), Some(at(30, 6, 0)));
        settings.hours_mode = HoursMode::Outside;
        assert_eq!(opening(&settings, at(23, 20, 10), zone), None);
    }

    #[test]
    fn limits() {
        let settings = Settings {
            max_turns_per_chat: 3,
            max_answers_per_hour: 2,
            budget_chat_micro_usd: 100,
            ..Settings::default()
        };
        let agent = agent(settings, State::Active);
        let it = situation(&agent, Mode::Test);
        let reason = |it| skip_reason(&it);
        assert_eq!(
            reason(Situation { turns: 3, ..it }),
            Some(SkipReason::LimitTurns)
        );
        assert_eq!(
            reason(Situation {
                answers_last_hour: 2,
                ..it
            }),
            Some(SkipReason::LimitHour)
        );
        let spent = Situation {
            chat_cost_micro_usd: 100,
            ..it
        };
        assert_eq!(reason(spent), Some(SkipReason::BudgetChat));
    }
}
