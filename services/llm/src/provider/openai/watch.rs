//! The patience with one running answer.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::Patience;

/// Which patience ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Impatience {
    FirstContent,
    Idle,
    Total,
}

/// Watches reads. One timer for the whole answer: hearing something only moves a number, and the
/// timer finds out when it fires.
pub(super) struct Watch {
    timer: Pin<Box<Sleep>>,
    /// `None` once the model speaks.
    first_content: Option<Instant>,
    total: Instant,
    idle: Duration,
    heard: Instant,
}

impl Watch {
    /// Starts now.
    pub(super) fn new(patience: &Patience, total: Instant) -> Self {
        let now = Instant::now();
        let first_content = now + patience.first_content;
        Self {
            timer: Box::pin(sleep_until(
                first_content.min(total).min(now + patience.idle),
            )),
            first_content: Some(first_content),
            total,
            idle: patience.idle,
            heard: now,
        }
    }

    /// Bytes came.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// The model began to speak.
    pub(super) fn spoke(&mut self) {
        self.first_content = None;
    }

    /// `future`, unless patience ends first.
    pub(super) async fn bound<F: Future>(&mut self, future: F) -> Result<F::Output, Impatience> {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                biased;
                output = &mut future => return Ok(output),
                () = &mut self.timer => {}
            }
            let (end, which) = self.nearest_end();
            if end <= Instant::now() {
                return Err(which);
            }
            self.timer.as_mut().reset(end);
        }
    }

    fn nearest_end(&self) -> (Instant, Impatience) {
        let mut nearest = (self.total, Impatience::Total);
        let first_content = self
            .first_content
            .map(|end| (end, Impatience::FirstContent));
        let idle = Some((self.heard + self.idle, Impatience::Idle));
        for end in [first_content, idle].into_iter().flatten() {
            if end.0 < nearest.0 {
                nearest = end;
            }
        }
        nearest
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::advance;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn watch() -> Watch {
        let patience = Patience {
            connect: seconds(1),
            headers: seconds(1),
            first_content: seconds(60),
            idle: seconds(20),
        };
        Watch::new(&patience, Instant::now() + seconds(100))
    }

    /// Hears something every 15 s and returns when patience ends.
    async fn hearing(mut watch: Watch) -> (Impatience, Duration) {
        let start = Instant::now();
        loop {
            match watch.bound(tokio::time::sleep(seconds(15))).await {
                Ok(()) => watch.heard(),
                Err(which) => return (which, start.elapsed()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_patience() {
        let mut watch = watch();
        advance(seconds(15)).await;
        watch.heard();
        let start = Instant::now();
        assert_eq!(watch.bound(pending::<()>()).await, Err(Impatience::Idle));
        assert_eq!(start.elapsed(), seconds(20));
    }

    #[tokio::test(start_paused = true)]
    async fn comments_do_not_put_off_the_first_content() {
        assert_eq!(
            hearing(watch()).await,
            (Impatience::FirstContent, seconds(60))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_speaking_model_is_heard_until_the_total_ends() {
        let mut watch = watch();
        watch.spoke();
        assert_eq!(hearing(watch).await, (Impatience::Total, seconds(100)));
    }
}
