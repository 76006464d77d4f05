//! How a target does, and whether it is asked at all: one that fails again and again is left alone
//! for a while, then asked once to see.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::failure::Failure;

/// A target that fails its probes is left alone for so many times longer, at most.
const LONGEST_PAUSES: u32 = 16;
/// A provider that asks to wait is asked last for so long, at most.
const LONGEST_BENCH: Duration = Duration::from_secs(60);

/// When a target is left alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BreakerSettings {
    /// After so many failures in a row.
    pub(crate) failures: u32,
    /// For so long; each failed probe doubles it.
    pub(crate) pause: Duration,
}

/// A target of one route. Only failures that pass count against it: a request that is refused says
/// nothing of the next.
#[derive(Debug)]
pub(crate) struct Health {
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures in a row.
    failures: u32,
    open_until: Option<Instant>,
    /// Of the present outage.
    pauses: u32,
    is_probed: bool,
    /// Asked by the provider.
    wait_until: Option<Instant>,
    reason: Option<&'static str>,
    calls: i64,
    failed_calls: i64,
    first_content: Option<Duration>,
}

/// Whether calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breaker {
    Closed,
    Open,
    HalfOpen,
}

/// A look at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealthView {
    pub(crate) breaker: Breaker,
    pub(crate) failures: u32,
    /// Until it is asked again, or until the provider wants to be asked again.
    pub(crate) wait: Option<Duration>,
    /// Of the last failure.
    pub(crate) reason: Option<&'static str>,
    pub(crate) calls: i64,
    pub(crate) failed_calls: i64,
    /// A moving average.
    pub(crate) first_content: Option<Duration>,
}

impl Health {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    /// Lets a call through, or says how long not to ask. Of those that come to an ailing target
    /// when its pause is over, one is let through.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Permit, Duration> {
        let mut state = self.state.lock();
        let now = Instant::now();
        let is_probe = state.open_until.is_some();
        if let Some(until) = state.open_until {
            if now < until || state.is_probed {
                return Err(until.saturating_duration_since(now));
            }
            state.is_probed = true;
        }
        state.calls += 1;
        Ok(Permit {
            health: self.clone(),
            is_probe,
        })
    }

    /// Whether [`Health::admit`] would let a call through.
    pub(crate) fn admits(&self) -> bool {
        let state = self.state.lock();
        let is_over = |until| Instant::now() >= until && !state.is_probed;
        state.open_until.is_none_or(is_over)
    }

    /// Whether the provider asked not to be asked now.
    pub(crate) fn is_benched(&self) -> bool {
        let wait_until = self.state.lock().wait_until;
        wait_until.is_some_and(|until| Instant::now() < until)
    }

    pub(crate) fn view(&self) -> HealthView {
        let state = self.state.lock();
        let now = Instant::now();
        let left = |until: Option<Instant>| {
            let left = until?.saturating_duration_since(now);
            Some(left).filter(|left| !left.is_zero())
        };
        HealthView {
            breaker: match state.open_until {
                None => Breaker::Closed,
                Some(until) if now < until => Breaker::Open,
                Some(_) => Breaker::HalfOpen,
            },
            failures: state.failures,
            wait: left(state.open_until).max(left(state.wait_until)),
            reason: state.reason,
            calls: state.calls,
            failed_calls: state.failed_calls,
            first_content: state.first_content,
        }
    }

    fn succeeded(&self, first_content: Option<Duration>) {
        let mut state = self.state.lock();
        state.failures = 0;
        state.pauses = 0;
        state.open_until = None;
        state.wait_until = None;
        state.is_probed = false;
        if let Some(latest) = first_content {
            let before = state.first_content.unwrap_or(latest);
            state.first_content = Some((before * 7 + latest) / 8);
        }
    }

    fn failed(&self, failure: &Failure, is_probe: bool) {
        let mut state = self.state.lock();
        let now = Instant::now();
        state.failed_calls += 1;
        state.reason = Some(failure.class.reason());
        if is_probe {
            state.is_probed = false;
        }
        if !failure.transient {
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if let Some(wait) = failure.retry_after {
            state.wait_until = Some(now + wait.min(LONGEST_BENCH));
        }
        // Calls that began before it opened do not prolong it.
        let is_news = is_probe || state.open_until.is_none();
        if is_news && state.failures >= self.settings.failures {
            let pauses = 1 << state.pauses.min(LONGEST_PAUSES.ilog2());
            state.open_until = Some(now + self.settings.pause * pauses);
            state.pauses += 1;
        }
    }

    fn probe_left(&self) {
        self.state.lock().is_probed = false;
    }
}

/// A call that was let through. Dropped without a word, it says nothing of the target.
#[derive(Debug)]
pub(crate) struct Permit {
    health: Arc<Health>,
    is_probe: bool,
}

impl Permit {
    pub(crate) fn succeeded(mut self, first_content: Option<Duration>) {
        self.is_probe = false;
        self.health.succeeded(first_content);
    }

    pub(crate) fn failed(mut self, failure: &Failure) {
        let is_probe = std::mem::take(&mut self.is_probe);
        self.health.failed(failure, is_probe);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe {
            self.health.probe_left();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::failure::FailureClass;

    const PAUSE: Duration = Duration::from_secs(10);

    fn health() -> Arc<Health> {
        Arc::new(Health::new(BreakerSettings {
            failures: 3,
            pause: PAUSE,
        }))
    }

    fn down() -> Failure {
        Failure::unavailable("http_503", "")
    }

    fn open(health: &Arc<Health>) {
        for _ in 0..3 {
            health.admit().unwrap().failed(&down());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_is_let_through_and_decides() {
        let health = health();
        open(&health);
        assert_eq!(health.admit().unwrap_err(), PAUSE);
        assert_eq!(health.view().breaker, Breaker::Open);
        advance(PAUSE).await;
        assert_eq!(health.view().breaker, Breaker::HalfOpen);
        let probe = health.admit().unwrap();
        assert!(!health.admits() && health.admit().is_err(), "only one");
        probe.failed(&down());
        assert_eq!(health.admit().unwrap_err(), 2 * PAUSE);
        advance(2 * PAUSE).await;
        health.admit().unwrap().succeeded(Some(PAUSE));
        assert_eq!(health.view().breaker, Breaker::Closed);
        assert_eq!(health.view().failures, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_whose_caller_left_lets_another_through() {
        let health = health();
        open(&health);
        advance(PAUSE).await;
        drop(health.admit().unwrap());
        assert!(health.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_does_not_count() {
        let health = health();
        for class in [FailureClass::KeyRefused, FailureClass::ContextTooLong] {
            for _ in 0..9 {
                let failure = Failure::new(class, "", "");
                health.admit().unwrap().failed(&failure);
            }
        }
        assert_eq!(health.view().failed_calls, 18);
        assert!(health.admits());
        open(&health);
        assert!(!health.admits());
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_between_failures_begins_anew() {
        let health = health();
        for _ in 0..9 {
            health.admit().unwrap().failed(&down());
            health.admit().unwrap().failed(&down());
            health.admit().unwrap().succeeded(None);
        }
        assert!(health.admits());
    }

    #[tokio::test(start_paused = true)]
    async fn late_failures_of_old_calls_do_not_prolong_the_pause() {
        let health = health();
        let old: Vec<_> = (0..9).map(|_| health.admit().unwrap()).collect();
        open(&health);
        advance(PAUSE / 2).await;
        for permit in old {
            permit.failed(&down());
        }
        assert_eq!(health.admit().unwrap_err(), PAUSE / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_asked_for_is_no_outage() {
        let health = health();
        let limited = Failure {
            retry_after: Some(Duration::from_secs(3_600)),
            ..Failure::new(FailureClass::Limited, "http_429", "")
        };
        health.admit().unwrap().failed(&limited);
        assert!(health.is_benched() && health.admits());
        advance(LONGEST_BENCH).await;
        assert!(!health.is_benched());
    }
}
