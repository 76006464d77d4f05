//! One call on its way through its targets, until one of them answers.
//!
//! Whatever may have cost something leaves a record; an attempt that surely cost nothing leaves
//! none when another follows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use t11_core::OrgScope;
use tokio::time::{Instant, sleep, sleep_until};

use crate::budget::Exhaustion;
use crate::error::Error;
use crate::failure::{Elsewhere, Failure};
use crate::gateway::{Gateway, NewCall};
use crate::health::Health;
use crate::keys::{Benched, Key};
use crate::meter::{Meter, Settled};
use crate::privacy::{self, Policy};
use crate::provider::{Answer, Attempt, Event, Finish, FinishReason, Prompt, ToolCall};
use crate::route::{Target, Way};
use crate::router::Needs;

/// A whole answer longer than this is a runaway model.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// When the caller may see of an answer what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// From its first event on: then it cannot be taken back.
    AsItComes,
    /// When all of it is there.
    Whole,
}

/// An answer that is there, as far as it was waited for.
pub(crate) enum Answered {
    Begun {
        first: Event,
        answer: Answer,
        meter: Box<Meter>,
    },
    Whole(WholeAnswer),
}

/// All of an answer.
#[derive(Debug)]
pub(crate) struct WholeAnswer {
    pub(crate) text: String,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) reason: FinishReason,
    pub(crate) settled: Settled,
}

/// A call and everything it needs.
pub(crate) struct Asking<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) scope: &'a OrgScope,
    pub(crate) way: &'a Way,
    pub(crate) needs: Needs,
    pub(crate) prompt: &'a Prompt,
    /// What of people's data the provider is shown.
    pub(crate) policy: Policy,
    /// Its model is that of whichever target is asked.
    pub(crate) call: &'a NewCall,
    pub(crate) release: Release,
    pub(crate) deadline: Instant,
    pub(crate) progress: &'a Progress,
}

/// How far a call has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Attempts that were sent.
    tries: AtomicI32,
    /// Some target has begun to answer.
    speaks: AtomicBool,
}

/// Why a target did not answer.
enum Missed {
    /// It was not asked: a budget, its breaker, or no key serves.
    NotAsked(Error),
    Failed {
        failure: Failure,
        target: Target,
        key: Option<Arc<Key>>,
        meter: Box<Meter>,
    },
    /// No other target helps: the call cannot be kept.
    Broken(Error),
}

/// What came of an answer before its meter is closed.
enum Got {
    Begun(Event, Answer),
    Whole(String, Vec<ToolCall>, Finish),
}

type Running<'a> = FuturesUnordered<BoxFuture<'a, Result<Answered, Missed>>>;

impl<'a> Asking<'a> {
    /// Asks one target after the other.
    ///
    /// # Errors
    /// How the last target failed; if none was asked, why not.
    pub(crate) async fn run(&'a self) -> Result<Answered, Error> {
        self.gateway.retry.begins();
        let mut queue = self.queue()?;
        let mut running = Running::new();
        let mut error = None;
        let delay = self.way.hedge_delay;
        let mut may_hedge = !delay.is_zero();
        let mut hedge = Box::pin(sleep(delay));
        loop {
            if running.is_empty() && !self.ask_next(&mut queue, &running) {
                return Err(error.unwrap_or_else(|| resting(Duration::ZERO).into()));
            }
            tokio::select! {
                biased;
                Some(ended) = running.next() => match ended {
                    // Those that still run are left, and settled.
                    Ok(answered) => return Ok(answered),
                    Err(Missed::Broken(broken)) => return Err(broken),
                    Err(Missed::NotAsked(why)) => {
                        if is_final(&why) {
                            queue.clear();
                        }
                        error.get_or_insert(why);
                    }
                    Err(Missed::Failed { failure, target, key, mut meter }) => {
                        let benched = self.gateway.keys.failed(self.scope, key.as_deref(), &failure);
                        match benched.await? {
                            Benched::OthersServe => {
                                meter.spare_target();
                                close(meter, &failure, false).await;
                                error = Some(failure.into());
                                queue.push_front(target);
                                continue;
                            }
                            Benched::AllAre(exhausted) if !failure.transient => {
                                meter.spare_target();
                                close(meter, &failure, true).await;
                                return Err(exhausted.into());
                            }
                            // The others would be asked with the same keys.
                            Benched::AllAre(_) => queue.clear(),
                            Benched::No => {}
                        }
                        self.keep_fit(&mut queue, &failure, &target);
                        let retry = self.pause_before_retry(&failure, &target);
                        let retry = retry.filter(|_| queue.is_empty() && running.is_empty());
                        let is_last = queue.is_empty() && running.is_empty() && retry.is_none();
                        close(meter, &failure, is_last).await;
                        error = Some(failure.into());
                        if let Some(resume) = retry {
                            sleep_until(resume).await;
                            running.push(self.attempt(target).boxed());
                        }
                    }
                },
                () = &mut hedge, if may_hedge => {
                    may_hedge = false;
                    if self.may_hedge(&queue) {
                        self.ask_next(&mut queue, &running);
                    }
                }
            }
        }
    }

    /// The targets that may be asked, in order.
    fn queue(&self) -> Result<VecDeque<Target>, Error> {
        let candidates = self
            .gateway
            .router
            .candidates(self.scope.org(), self.way, self.needs);
        let fit = candidates.iter().filter(|one| one.exclusion.is_none());
        let queue: VecDeque<_> = fit.map(|one| one.target.clone()).collect();
        if queue.is_empty() {
            let waits = candidates.iter().filter_map(|one| one.health.view().wait);
            return Err(resting(waits.min().unwrap_or_default()).into());
        }
        Ok(queue)
    }

    /// Whether there was one.
    fn ask_next(&'a self, queue: &mut VecDeque<Target>, running: &Running<'a>) -> bool {
        let next = queue.pop_front().filter(|_| Instant::now() < self.deadline);
        let Some(target) = next else { return false };
        running.push(self.attempt(target).boxed());
        true
    }

    /// What is left to be asked after a failure.
    fn keep_fit(&self, queue: &mut VecDeque<Target>, failure: &Failure, failed: &Target) {
        match failure.elsewhere() {
            Elsewhere::Anywhere => {}
            Elsewhere::Nowhere => queue.clear(),
            Elsewhere::Longer => {
                let router = &self.gateway.router;
                let short = router.context(&failed.model);
                queue.retain(|target| router.context(&target.model) > short);
            }
        }
    }

    /// When a target that was the only one is asked once more, if it is.
    fn pause_before_retry(&self, failure: &Failure, target: &Target) -> Option<Instant> {
        let retry = &self.gateway.retry;
        let health = self.health(target);
        let resume = Instant::now() + retry.pause(failure);
        let may = self.progress.tries.load(Ordering::Relaxed) == 1
            && retry.worth_another(failure)
            && health.admits()
            && resume < self.deadline;
        (may && retry.may_add()).then_some(resume)
    }

    fn health(&self, target: &Target) -> Arc<Health> {
        let lane = (self.scope.org(), self.way.route);
        self.gateway.router.health(lane, &target.model)
    }

    fn may_hedge(&self, queue: &VecDeque<Target>) -> bool {
        let speaks = self.progress.speaks.load(Ordering::Relaxed);
        !queue.is_empty() && !speaks && self.gateway.retry.may_add()
    }

    /// Reserves the worst price of a target, and asks it.
    async fn attempt(&self, target: Target) -> Result<Answered, Missed> {
        let choosing = self.gateway.keys.choose(self.scope);
        let key = choosing.await.map_err(|error| match error {
            Error::KeysExhausted(_) => Missed::NotAsked(error),
            _ => Missed::Broken(error),
        })?;
        let permit = self
            .health(&target)
            .admit()
            .map_err(|wait| Missed::NotAsked(resting(wait).into()))?;
        let call = NewCall {
            model: target.model.clone(),
            ..self.call.clone()
        };
        let metering = self.gateway.meter(self.scope, call);
        let mut meter = metering.await.map(Box::new).map_err(|error| match error {
            Error::BudgetExceeded(_) => Missed::NotAsked(error),
            _ => Missed::Broken(error),
        })?;
        meter.permitted(permit);
        meter.keyed(key.as_deref().map(|key| key.id));
        meter.tried(self.progress.tries.fetch_add(1, Ordering::Relaxed) + 1);
        match self.answer(&target, key.as_deref(), &mut meter).await {
            Ok(Got::Begun(first, answer)) => Ok(Answered::Begun {
                first,
                answer,
                meter,
            }),
            Ok(Got::Whole(text, calls, finish)) => Ok(Answered::Whole(WholeAnswer {
                text,
                calls,
                reason: finish.reason,
                settled: meter.finish(finish).await,
            })),
            Err(failure) => Err(Missed::Failed {
                failure,
                target,
                key,
                meter,
            }),
        }
    }

    async fn answer(
        &self,
        target: &Target,
        key: Option<&Key>,
        meter: &mut Meter,
    ) -> Result<Got, Failure> {
        let trail = meter.trail();
        let (prompt, veil) = privacy::mask(self.policy, self.prompt);
        let attempt = Attempt {
            model: &target.model,
            prompt: &prompt,
            key: key.map(|key| &key.secret),
            limits: target.limits,
            deadline: self.deadline,
            trail: &trail,
        };
        let mut answer = veil.lift(self.gateway.provider.complete(&attempt).await?);
        let (mut text, mut calls) = (String::new(), Vec::new());
        loop {
            let event = next_event(&mut answer).await?;
            meter.heard(&event);
            self.progress.speaks.store(true, Ordering::Relaxed);
            if self.release == Release::AsItComes {
                return Ok(Got::Begun(event, answer));
            }
            match event {
                Event::Text(piece) if text.len() + piece.len() > MAX_ANSWER_BYTES => {
                    let message = "the model's answer has no end";
                    return Err(Failure::cut("answer_too_long", message));
                }
                Event::Text(piece) => text.push_str(&piece),
                Event::ToolCall(call) => calls.push(call),
                Event::Finish(finish) => return Ok(Got::Whole(text, calls, finish)),
            }
        }
    }
}

/// The next event of an answer that has not finished.
pub(crate) async fn next_event(answer: &mut Answer) -> Result<Event, Failure> {
    let silent = || Failure::cut("no_finish", "the answer ended without a last word");
    answer.next().await.unwrap_or_else(|| Err(silent()))
}

/// A call that cost nothing and is made elsewhere leaves no trace; every other one a record.
async fn close(mut meter: Box<Meter>, failure: &Failure, is_last: bool) {
    if is_last || !failure.free {
        meter.fail(failure).await;
    } else {
        tracing::info!(cause = %failure.cause, "the provider failed; asking elsewhere");
        meter.give_back(failure);
    }
}

/// Whether no other target is asked either.
fn is_final(error: &Error) -> bool {
    match error {
        Error::BudgetExceeded(refusal) => refusal.exhaustion == Exhaustion::Refuse,
        _ => false,
    }
}

/// Every target has failed too often to be asked now.
fn resting(wait: Duration) -> Failure {
    let message = "the model has failed again and again; it is asked again later";
    Failure {
        retry_after: Some(wait).filter(|wait| !wait.is_zero()),
        ..Failure::unavailable("breaker_open", message).free()
    }
}
