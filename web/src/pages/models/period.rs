//! What of the past is looked at. Days begin at midnight UTC, as those of the records do.

use js_sys::Date;
use prost_types::Timestamp;
use wasm_bindgen::JsValue;

const DAY: i64 = 86_400;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Period {
    Today,
    #[default]
    Week,
    ThirtyDays,
    /// From the first day of the month.
    Month,
}

/// From `start` on, to before `end`; seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Period {
    pub(super) const ALL: [Self; 4] = [Self::Today, Self::Week, Self::ThirtyDays, Self::Month];

    /// The word in the address; empty for the usual one.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Week => "",
            Self::ThirtyDays => "30d",
            Self::Month => "month",
        }
    }

    pub(super) fn from_word(word: &str) -> Self {
        let named = Self::ALL.into_iter().find(|period| period.word() == word);
        named.unwrap_or_default()
    }

    /// Until `now`, in seconds since 1970.
    pub(super) fn span(self, now: i64) -> Span {
        let midnight = now - now.rem_euclid(DAY);
        let start = match self {
            Self::Today => midnight,
            Self::Week => midnight - 6 * DAY,
            Self::ThirtyDays => midnight - 29 * DAY,
            Self::Month => month_start(now, 0),
        };
        Span { start, end: now }
    }

    /// As long a part of the period before.
    pub(super) fn before(self, now: i64) -> Span {
        let Span { start, end } = self.span(now);
        let (earlier, limit) = match self {
            Self::Today => (start - DAY, start),
            Self::Week => (start - 7 * DAY, start),
            Self::ThirtyDays => (start - 30 * DAY, start),
            Self::Month => (month_start(now, 1), start),
        };
        Span {
            start: earlier,
            // A shorter month ends sooner.
            end: (earlier + (end - start)).min(limit),
        }
    }
}

impl Span {
    /// Every day of it, oldest first: `2026-11-21`.
    pub(super) fn days(self) -> Vec<String> {
        let days = (0..).map(|day| self.start + day * DAY);
        days.take_while(|&time| time < self.end)
            .map(date_of)
            .collect()
    }

    pub(super) fn start_time(self) -> Timestamp {
        timestamp(self.start)
    }

    pub(super) fn end_time(self) -> Timestamp {
        timestamp(self.end)
    }
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    seconds(Date::now())
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}

/// The first moment of the month so many months before.
fn month_start(now: i64, months_before: u32) -> i64 {
    let date = date(now);
    let month = f64::from(date.get_utc_month()) - f64::from(months_before);
    seconds(Date::utc(f64::from(date.get_utc_full_year()), month))
}

fn date_of(time: i64) -> String {
    let words = String::from(date(time).to_iso_string());
    words.chars().take(10).collect()
}

#[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^53")]
fn date(time: i64) -> Date {
    Date::new(&JsValue::from_f64(time as f64 * 1000.0))
}

#[expect(clippy::cast_possible_truncation, reason = "seconds fit an i64")]
fn seconds(milliseconds: f64) -> i64 {
    (milliseconds / 1000.0).floor() as i64
}
