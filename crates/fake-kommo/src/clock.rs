//! What time it is in Kommo.

use std::time::Duration;

use tokio::time::Instant;

/// How the fake's clock goes. Either can be moved by [`crate::FakeKommo::advance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMode {
    /// Starts at the machine's time and goes on with it.
    Running,
    /// Stands at this Unix second until it is moved.
    Frozen(i64),
}

#[derive(Debug)]
pub(crate) struct Clock {
    /// Unix milliseconds at `since`, or now when it is frozen.
    start: i64,
    since: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(mode: ClockMode) -> Self {
        match mode {
            ClockMode::Running => Self {
                start: machine_time(),
                since: Some(Instant::now()),
            },
            ClockMode::Frozen(seconds) => Self {
                start: seconds * 1000,
                since: None,
            },
        }
    }

    /// Unix milliseconds.
    pub(crate) fn millis(&self) -> i64 {
        let gone = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.start
            .saturating_add(i64::try_from(gone.as_millis()).unwrap_or(i64::MAX))
    }

    /// Unix seconds.
    pub(crate) fn seconds(&self) -> i64 {
        self.millis() / 1000
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.since.is_none()
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.start = self.start.saturating_add(by);
    }

    /// Moves to this Unix second; a frozen clock stays frozen.
    pub(crate) fn set(&mut self, seconds: i64) {
        self.start = seconds.saturating_mul(1000);
        if self.since.is_some() {
            self.since = Some(Instant::now());
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the fake stands outside the product and has its own clock"
)]
fn machine_time() -> i64 {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
