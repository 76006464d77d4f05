//! Rests: after a refusal an account is not called, then one call probes whether it may be.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Refusal;
use crate::error::Error;
use crate::host::AccountHost;

/// Until the next probe, after one that got no answer.
const BETWEEN_PROBES: Duration = Duration::from_secs(60);
/// What callers are told to wait while another call probes.
const WHILE_PROBED: Duration = Duration::from_secs(5);

/// What a call says of whether there may be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Kommo answers.
    Answered,
    Refused(Refusal),
    /// Nothing can be said.
    NoAnswer,
}

impl Verdict {
    pub(super) fn of(error: Option<&Error>) -> Self {
        match error {
            Some(Error::RateLimited { retry_after }) => {
                Self::Refused(Refusal::Limited(*retry_after))
            }
            Some(Error::Blocked { retry_after }) => Self::Refused(Refusal::Blocked(*retry_after)),
            Some(
                Error::Unreachable
                | Error::Timeout
                | Error::OutcomeUnknown
                | Error::Unavailable(_)
                | Error::Paced { .. },
            ) => Self::NoAnswer,
            _ => Self::Answered,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Instant,
    is_probed: bool,
    is_block: bool,
}

/// Who rests.
#[derive(Default)]
pub(super) struct Rests(Mutex<State>);

#[derive(Default)]
struct State {
    accounts: HashMap<AccountHost, Rest>,
    /// Of every account: when several are blocked it is not they who are.
    address: Option<Rest>,
}

impl Rests {
    pub(super) fn left(&self, account: &AccountHost) -> Option<Duration> {
        let state = self.0.lock();
        let rests = state.rests(account).map(|rest| rest.until);
        rests.max().map(|until| until - Instant::now())
    }

    /// Refuses a call that could not be made now.
    pub(super) fn check(&self, account: &AccountHost) -> Result<(), Error> {
        self.0.lock().check(account)
    }

    /// The same, and makes a call after a rest the one that probes: whether it is.
    pub(super) fn begin(&self, account: &AccountHost) -> Result<bool, Error> {
        let mut state = self.0.lock();
        state.check(account)?;
        let mut is_probe = false;
        for rest in state.rests_mut(account) {
            rest.is_probed = true;
            is_probe = true;
        }
        Ok(is_probe)
    }

    pub(super) fn settle(&self, account: &AccountHost, is_probe: bool, verdict: Verdict) {
        let mut state = self.0.lock();
        match verdict {
            Verdict::Refused(Refusal::Limited(pause)) => state.rest(account, pause, false),
            Verdict::Refused(Refusal::Blocked(pause)) => state.rest(account, pause, true),
            // Only the probe ends a rest: others may have been sent before it began.
            Verdict::Answered if is_probe => {
                state.accounts.remove(account);
                state.address = None;
                tracing::info!(%account, "Kommo answers again");
            }
            Verdict::NoAnswer if is_probe => {
                for rest in state.rests_mut(account).filter(|rest| rest.is_probed) {
                    rest.until = Instant::now() + BETWEEN_PROBES;
                    rest.is_probed = false;
                }
            }
            Verdict::Answered | Verdict::NoAnswer => {}
        }
    }
}

impl State {
    fn rests(&self, account: &AccountHost) -> impl Iterator<Item = &Rest> {
        self.accounts.get(account).into_iter().chain(&self.address)
    }

    fn rests_mut(&mut self, account: &AccountHost) -> impl Iterator<Item = &mut Rest> {
        let account = self.accounts.get_mut(account);
        account.into_iter().chain(&mut self.address)
    }

    fn check(&self, account: &AccountHost) -> Result<(), Error> {
        let now = Instant::now();
        let waits = self.rests(account).filter_map(|rest| rest.refuses(now));
        match waits.max() {
            Some(retry_after) => Err(Error::Paced { retry_after }),
            None => Ok(()),
        }
    }

    fn rest(&mut self, account: &AccountHost, pause: Duration, is_block: bool) {
        let now = Instant::now();
        let rest = Rest {
            until: now + pause,
            is_probed: false,
            is_block,
        };
        // The address was probed with this call, and is what it was.
        let was_probed = self.address.is_some_and(|rest| rest.is_probed);
        let is_address = is_block && (was_probed || self.is_another_blocked(account, now));
        if is_address {
            self.address = Some(rest);
        } else if was_probed {
            self.address = None;
        }
        let old = self.accounts.insert(account.clone(), rest);
        metrics::counter!("t11_kommo_rests_total").increment(1);
        if old.is_none() {
            let seconds = pause.as_secs();
            tracing::warn!(%account, seconds, is_block, is_address, "Kommo must rest");
        }
    }

    fn is_another_blocked(&self, account: &AccountHost, now: Instant) -> bool {
        let mut others = self.accounts.iter().filter(|(other, _)| *other != account);
        others.any(|(_, rest)| rest.is_block && rest.until > now)
    }
}

impl Rest {
    /// How long a call has to wait.
    fn refuses(&self, now: Instant) -> Option<Duration> {
        if self.is_probed {
            Some(WHILE_PROBED)
        } else {
            Some(self.until - now).filter(|left| !left.is_zero())
        }
    }
}
