//! The quiet window: one answer for a burst of messages.

use chrono::{DateTime, TimeDelta, Utc};

/// A burst cannot put the answer off for longer than this many windows.
const MOST_WINDOWS: i32 = 3;

/// When to answer a burst that began at `first` and whose last message came at `last`.
pub fn answer_time(
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    window_seconds: i32,
) -> DateTime<Utc> {
    let window = TimeDelta::seconds(window_seconds.max(0).into());
    if window.is_zero() {
        return last;
    }
    (last + window).min(first + window * MOST_WINDOWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn each_message_restarts_the_window_up_to_three_of_them() {
        assert_eq!(answer_time(at(0), at(0), 8), at(8));
        assert_eq!(answer_time(at(0), at(6), 8), at(14));
        assert_eq!(answer_time(at(0), at(23), 8), at(24));
        assert_eq!(answer_time(at(0), at(5), 0), at(5));
    }
}
