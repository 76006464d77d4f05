//! When a delivery that failed is tried again.

use super::Purpose;

const MINUTE: i64 = 60 * 1000;

/// More failures of the digital pipeline than this, in this time, pause its repeats for as long.
const MOST_FAILURES: usize = 100;
const PAUSE: i64 = 5 * MINUTE;

/// Remembers what its decisions depend on.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    /// When deliveries of the digital pipeline failed, in Unix milliseconds.
    pipeline_failures: Vec<i64>,
}

impl Schedule {
    /// How many milliseconds after this failure the next try comes, if any.
    pub(crate) fn wait_after(
        &mut self,
        purpose: &Purpose,
        attempt: u32,
        status: u16,
        now: i64,
    ) -> Option<i64> {
        match purpose {
            Purpose::Webhook(_) => webhook_wait(attempt, status),
            Purpose::DigitalPipeline => self.pipeline_wait(attempt, now),
            Purpose::BotRequest { .. }
            | Purpose::DisableHook
            | Purpose::InstallHook
            | Purpose::ChatWebhook => None,
        }
    }

    /// Four tries within an hour.
    fn pipeline_wait(&mut self, attempt: u32, now: i64) -> Option<i64> {
        self.pipeline_failures.push(now);
        self.pipeline_failures.retain(|at| now - at <= PAUSE);
        let pause = if self.pipeline_failures.len() > MOST_FAILURES {
            PAUSE
        } else {
            0
        };
        let wait = match attempt {
            1 => 5 * MINUTE,
            2 | 3 => 15 * MINUTE,
            _ => return None,
        };
        Some(wait + pause)
    }
}

/// Two repeats after anything but success, two more when the receiver itself broke.
fn webhook_wait(attempt: u32, status: u16) -> Option<i64> {
    let is_broken = status == 499 || (500..600).contains(&status);
    match attempt {
        1 => Some(5 * MINUTE),
        2 => Some(15 * MINUTE),
        3 if is_broken => Some(15 * MINUTE),
        4 if is_broken => Some(60 * MINUTE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(status: u16) -> Vec<i64> {
        let waits = (1..).map_while(|attempt| webhook_wait(attempt, status));
        waits.map(|wait| wait / MINUTE).collect()
    }

    #[test]
    fn a_broken_receiver_is_tried_five_times() {
        for status in [499, 500, 503, 599] {
            assert_eq!(minutes(status), [5, 15, 15, 60], "{status}");
        }
    }

    #[test]
    fn a_refusal_or_silence_is_tried_three_times() {
        for status in [0, 302, 404] {
            assert_eq!(minutes(status), [5, 15], "{status}");
        }
    }

    #[test]
    fn many_failures_pause_the_digital_pipeline() {
        let mut schedule = Schedule::default();
        let mut wait = || schedule.wait_after(&Purpose::DigitalPipeline, 1, 500, 0);
        for _ in 0..MOST_FAILURES {
            assert_eq!(wait(), Some(5 * MINUTE));
        }
        assert_eq!(wait(), Some(10 * MINUTE));
    }
}
