//! Seven requests a second, and what comes of asking for more.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::answer::Refusal;

/// The limit of requests. It is counted in real time, whatever the fake's clock does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Requests in any one second from the whole machine; 0 is without limit.
    pub per_second: usize,
    /// Refusals are a page without JSON.
    pub is_page: bool,
    /// After this many refusals every request is refused with 403; 0 is never.
    pub block_after: usize,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_second: 7,
            is_page: false,
            block_after: 0,
        }
    }
}

/// What was counted so far.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    pub(crate) limit: RateLimit,
    /// Requests of the last second, refused ones too.
    recent: VecDeque<Instant>,
    /// Those that were let in.
    admitted: VecDeque<Instant>,
    /// Most requests seen in any one second.
    pub(crate) peak: usize,
    pub(crate) refused: usize,
    pub(crate) is_blocked: bool,
}

const WINDOW: Duration = Duration::from_secs(1);

impl Rate {
    /// Counts a request, and refuses it when there were too many.
    pub(crate) fn admit(&mut self) -> Result<(), Refusal> {
        let now = Instant::now();
        note(&mut self.recent, now);
        self.peak = self.peak.max(self.recent.len());
        if self.is_blocked {
            return Err(Refusal::blocked());
        }
        forget(&mut self.admitted, now);
        if self.limit.per_second > 0 && self.admitted.len() >= self.limit.per_second {
            return Err(self.refuse());
        }
        self.admitted.push_back(now);
        Ok(())
    }

    fn refuse(&mut self) -> Refusal {
        self.refused += 1;
        self.is_blocked = self.limit.block_after > 0 && self.refused >= self.limit.block_after;
        if self.limit.is_page {
            Refusal::too_many_requests_page()
        } else {
            Refusal::too_many_requests()
        }
    }
}

fn note(times: &mut VecDeque<Instant>, now: Instant) {
    forget(times, now);
    times.push_back(now);
}

fn forget(times: &mut VecDeque<Instant>, now: Instant) {
    while times
        .front()
        .is_some_and(|first| now.duration_since(*first) >= WINDOW)
    {
        times.pop_front();
    }
}
