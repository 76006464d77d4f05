//! One more try, while nobody has seen anything of the first.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use t11_core::World;
use tokio::time::{Instant, sleep_until};
use tower::retry::budget::{Budget as _, TpsBudget};

use crate::failure::Failure;

/// The first try and one more: a provider in trouble is not helped by more calls.
pub(crate) const MAX_TRIES: i32 = 2;

/// Of the calls of the last ten seconds one in ten may be made again, and three a second more.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);
const BUDGET_PER_SECOND: u32 = 3;
const BUDGET_SHARE: f32 = 0.1;

/// Without a word from the provider: this long, and up to twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// When and how long to wait for another try.
#[derive(Debug, Clone)]
pub(crate) struct Retry {
    world: World,
    /// A provider that asks for a longer wait is not waited for.
    longest_wait: Duration,
    budget: Arc<TpsBudget>,
}

impl Retry {
    pub(crate) fn new(world: World, longest_wait: Duration) -> Self {
        let budget = TpsBudget::new(BUDGET_WINDOW, BUDGET_PER_SECOND, BUDGET_SHARE);
        Self {
            world,
            longest_wait,
            budget: Arc::new(budget),
        }
    }

    /// A call begins, which pays for a part of another's second try.
    pub(crate) fn begins(&self) {
        self.budget.deposit();
    }

    /// Whether one more call may be made than was asked for.
    pub(crate) fn may_add(&self) -> bool {
        self.budget.withdraw()
    }

    /// Runs `attempt`, again when it fails in a way that passes. Says how many tries were made.
    pub(crate) async fn run<T, F, Fut>(
        &self,
        deadline: Instant,
        mut attempt: F,
    ) -> (i32, Result<T, Failure>)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        let mut tries = 1;
        self.begins();
        loop {
            let failure = match attempt().await {
                Ok(value) => return (tries, Ok(value)),
                Err(failure) => failure,
            };
            let resume = Instant::now() + self.pause(&failure);
            let may = self.worth_another(&failure) && tries < MAX_TRIES && resume < deadline;
            if !may || !self.may_add() {
                return (tries, Err(failure));
            }
            tracing::info!(cause = %failure.cause, "the provider failed; trying once more");
            sleep_until(resume).await;
            tries += 1;
        }
    }

    /// Whether another try at once, or after the wait asked for, may go better.
    pub(crate) fn worth_another(&self, failure: &Failure) -> bool {
        failure.transient
            && failure
                .retry_after
                .is_none_or(|wait| wait <= self.longest_wait)
    }

    /// The wait before it.
    pub(crate) fn pause(&self, failure: &Failure) -> Duration {
        failure.retry_after.unwrap_or_else(|| {
            let [random] = self.world.random::<1>();
            PAUSE + PAUSE.mul_f64(f64::from(random) / 255.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::failure::FailureClass;

    const LONGEST: Duration = Duration::from_secs(10);

    /// Tries made and time taken when every try fails with `failure`.
    async fn fail_with(failure: Failure, deadline: Duration) -> (i32, Duration) {
        let retry = Retry::new(World::system(), LONGEST);
        let (start, made) = (Instant::now(), Cell::new(0));
        let (tries, outcome) = retry
            .run(start + deadline, || {
                made.set(made.get() + 1);
                let failure = failure.clone();
                async move { Err::<(), _>(failure) }
            })
            .await;
        assert_eq!(outcome, Err(failure));
        assert_eq!(tries, made.get());
        (tries, start.elapsed())
    }

    fn limited(wait: u64) -> Failure {
        Failure {
            retry_after: Some(Duration::from_secs(wait)),
            ..Failure::new(FailureClass::Limited, "http_429", "")
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_asked_for_is_kept_when_there_is_time() {
        let minute = Duration::from_secs(60);
        assert_eq!(
            fail_with(limited(2), minute).await,
            (2, Duration::from_secs(2))
        );
        assert_eq!(
            fail_with(limited(2), Duration::from_secs(2)).await,
            (1, Duration::ZERO)
        );
        assert_eq!(fail_with(limited(11), minute).await, (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_passes_is_tried_again() {
        let minute = Duration::from_secs(60);
        let (tries, pause) = fail_with(Failure::unavailable("http_502", ""), minute).await;
        assert_eq!(tries, 2);
        assert!((PAUSE..=2 * PAUSE).contains(&pause), "{pause:?}");
        let refused = Failure::new(FailureClass::Refused, "http_401", "");
        assert_eq!(fail_with(refused, minute).await, (1, Duration::ZERO));
    }
}
