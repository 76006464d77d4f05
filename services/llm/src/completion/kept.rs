//! Completions whose answers may be kept for equal requests.

use std::collections::VecDeque;

use t11_core::OrgScope;
use tokio::time::Instant;

use super::{Call, Completion, Completions, events};
use crate::answers::{self, KeptAnswer, Landed, Verdict};
use crate::asking::{Answered, Release, WholeAnswer};
use crate::error::Error;
use crate::failure::Failure;
use crate::meter::Settled;
use crate::privacy::{self, Policy, Veil};
use crate::usage::Bill;

impl Call {
    /// Whether its answer may be kept; never [`Verdict::Hit`].
    pub(super) fn verdict(&self) -> Verdict {
        match self.cache_time.is_zero() {
            true => Verdict::NotAsked,
            false => answers::may_keep(&self.prompt),
        }
    }

    /// The same as a provider is shown it.
    fn shown(self) -> Self {
        let (prompt, veil) = privacy::mask(self.policy, &self.prompt);
        let prompt = prompt.into_owned();
        Self {
            prompt,
            veil,
            policy: Policy::SHOWS_ALL,
            release: Release::Whole,
            ..self
        }
    }
}

impl Completions {
    /// Whether the answer may be kept, and is.
    pub(super) async fn verdict(&self, scope: &OrgScope, call: &Call) -> Verdict {
        let verdict = call.verdict();
        if verdict != Verdict::Miss {
            return verdict;
        }
        let call = call.clone().shown();
        let key = answers::key(scope.org(), &call.way, &call.prompt);
        match self.answers.kept(&key).await {
            Some(_) => Verdict::Hit,
            None => Verdict::Miss,
        }
    }

    /// The answer that is kept, or that of the one call that is made for all who ask for it now.
    pub(super) async fn kept(&self, scope: &OrgScope, call: Call) -> Result<Completion, Error> {
        let begun = Instant::now();
        let call = call.shown();
        let key = answers::key(scope.org(), &call.way, &call.prompt);
        if let Some(answer) = self.answers.kept(&key).await {
            return Ok(self.hit(scope, &call, answer, begun));
        }
        let mut own = None;
        let flight = self.answers.fly(key, call.cache_time, async {
            let answered = self.whole(scope, call.clone()).await;
            let landed = landed(&answered);
            own = Some(answered);
            landed
        });
        let landed = flight.await;
        match (own, landed) {
            (Some(answered), _) => Ok(lifted(answered?, &call.veil)),
            (None, Landed::Answered(answer)) => {
                Ok(self.hit(scope, &call, (*answer).clone(), begun))
            }
            (None, Landed::Failed(failure)) => Err(failure.into()),
            (None, Landed::OfItsOwn) => {
                let veil = call.veil.clone();
                Ok(lifted(self.whole(scope, call).await?, &veil))
            }
        }
    }

    async fn whole(&self, scope: &OrgScope, call: Call) -> Result<WholeAnswer, Error> {
        match self.ask(scope, &call).await? {
            Answered::Whole(answer) => Box::pin(self.mended(scope, call, answer)).await,
            Answered::Begun { .. } => {
                Err(Failure::cut("no_finish", "the answer did not end").into())
            }
        }
    }

    /// An answer that nobody was asked for.
    fn hit(&self, scope: &OrgScope, call: &Call, answer: KeptAnswer, begun: Instant) -> Completion {
        let gateway = &self.gateway;
        let total_ms = i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX);
        gateway.record_hit(scope, &call.call, &answer.model, total_ms);
        let settled = Settled {
            bill: Bill::NOTHING,
            model: answer.model,
            provider: gateway.provider.name(),
            first_token_ms: total_ms,
            total_ms,
            cached: true,
        };
        let answer = WholeAnswer {
            text: answer.text,
            calls: Vec::new(),
            reason: answer.reason,
            settled,
        };
        lifted(answer, &call.veil)
    }
}

/// What others who wait for the same may have.
fn landed(answered: &Result<WholeAnswer, Error>) -> Landed {
    match answered {
        Ok(answer) => Landed::Answered(
            KeptAnswer {
                text: answer.text.clone(),
                reason: answer.reason,
                model: answer.settled.model.clone(),
            }
            .into(),
        ),
        Err(Error::Provider(failure)) => Landed::Failed(failure.clone()),
        Err(_) => Landed::OfItsOwn,
    }
}

/// With the caller's own values in it.
fn lifted(answer: WholeAnswer, veil: &Veil) -> Completion {
    let whole: VecDeque<_> = events(WholeAnswer {
        text: veil.lift_text(answer.text),
        ..answer
    });
    Completion { whole, live: None }
}
