//! A reservation that calls share, and what each takes of it.

use std::sync::{Arc, Mutex, PoisonError};

use t11_core::OrgId;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use crate::money::NanoUsd;

/// Money that is reserved, and what calls have left of it.
#[derive(Debug)]
pub(crate) struct Allowance {
    org: OrgId,
    reservation: Uuid,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: NanoUsd,
    /// Calls that have drawn on it and are not settled.
    running: u32,
    /// Whether further calls may draw on it.
    is_open: bool,
}

/// What a call may cost, taken from an allowance. One that is dropped without being settled stays
/// reserved until the reservation expires, and is charged then.
#[derive(Debug)]
pub(crate) struct Draw {
    allowance: Arc<Allowance>,
    amount: NanoUsd,
    /// Lives as long as the call.
    _watched: Option<TaskTrackerToken>,
}

/// What becomes of a reservation when a call is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settles {
    pub(crate) org: OrgId,
    pub(crate) reservation: Uuid,
    /// No longer held.
    pub(crate) amount: NanoUsd,
    /// Nobody draws on the rest any more: it is given back.
    pub(crate) closes: bool,
}

impl Allowance {
    /// What was reserved for a call and those that follow, and what the call draws.
    pub(crate) fn new(
        org: OrgId,
        reservation: Uuid,
        reserved: NanoUsd,
        first: NanoUsd,
    ) -> (Arc<Self>, Draw) {
        let allowance = Arc::new(Self {
            org,
            reservation,
            state: Mutex::new(State {
                left: reserved - first,
                running: 1,
                is_open: true,
            }),
        });
        let draw = Draw::of(allowance.clone(), first);
        (allowance, draw)
    }

    /// All of what was reserved for one call alone.
    pub(crate) fn of_one_call(org: OrgId, reservation: Uuid, reserved: NanoUsd) -> Draw {
        let (allowance, draw) = Self::new(org, reservation, reserved, reserved);
        allowance.state().is_open = false;
        draw
    }

    /// Takes what a call may cost, if there is enough.
    pub(crate) fn draw(self: &Arc<Self>, amount: NanoUsd) -> Option<Draw> {
        let mut state = self.state();
        if !state.is_open || state.left < amount {
            return None;
        }
        state.left = state.left - amount;
        state.running += 1;
        Some(Draw::of(self.clone(), amount))
    }

    /// No further call draws on it. What is to be done if none runs either.
    pub(crate) fn close(&self) -> Option<Settles> {
        let mut state = self.state();
        state.is_open = false;
        (state.running == 0).then(|| self.settles(NanoUsd(0), true))
    }

    /// A call has ended that cost `paid` of what it had drawn.
    fn end(&self, drawn: NanoUsd, paid: NanoUsd) -> Settles {
        let mut state = self.state();
        state.running -= 1;
        state.left = state.left + (drawn - paid);
        self.settles(paid, state.running == 0 && !state.is_open)
    }

    fn settles(&self, amount: NanoUsd, closes: bool) -> Settles {
        Settles {
            org: self.org,
            reservation: self.reservation,
            amount,
            closes,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Draw {
    fn of(allowance: Arc<Allowance>, amount: NanoUsd) -> Self {
        Self {
            allowance,
            amount,
            _watched: None,
        }
    }

    /// Whether other calls draw on the same reservation, or may.
    pub(crate) fn is_shared(&self) -> bool {
        self.allowance.state().is_open
    }

    /// What the call may cost.
    pub(crate) fn amount(&self) -> NanoUsd {
        self.amount
    }

    /// The reservation that it is part of.
    pub(crate) fn reservation(&self) -> Uuid {
        self.allowance.reservation
    }

    /// The call cost so much; what it did not cost may be drawn again.
    pub(crate) fn settle(self, cost: NanoUsd) -> Settles {
        self.allowance.end(self.amount, cost.min(self.amount))
    }

    /// What was drawn is kept elsewhere now.
    pub(crate) fn moved(self) -> Settles {
        self.allowance.end(self.amount, self.amount)
    }

    /// Lives as long as the token.
    pub(crate) fn watched(mut self, token: TaskTrackerToken) -> Self {
        self._watched = Some(token);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: OrgId = OrgId(Uuid::nil());
    const ID: Uuid = Uuid::from_u128(1);

    fn allowance(first: i64) -> (Arc<Allowance>, Draw) {
        Allowance::new(ORG, ID, NanoUsd(100), NanoUsd(first))
    }

    #[test]
    fn calls_draw_on_what_others_did_not_need() {
        let (allowance, first) = allowance(60);
        assert!(allowance.draw(NanoUsd(60)).is_none());
        let settled = first.settle(NanoUsd(10));
        assert_eq!((settled.amount, settled.closes), (NanoUsd(10), false));
        assert_eq!(allowance.draw(NanoUsd(90)).unwrap().amount(), NanoUsd(90));
        assert!(allowance.draw(NanoUsd(1)).is_none());
    }

    #[test]
    fn the_last_call_closes_what_nobody_may_draw_on() {
        let (allowance, one) = allowance(1);
        let other = allowance.draw(NanoUsd(1)).unwrap();
        assert_eq!(allowance.close(), None);
        assert!(allowance.draw(NanoUsd(1)).is_none());
        assert!(!one.settle(NanoUsd(0)).closes);
        assert!(other.settle(NanoUsd(0)).closes);
    }

    #[test]
    fn an_idle_allowance_is_closed_at_once() {
        let (allowance, first) = allowance(1);
        assert!(!first.settle(NanoUsd(1)).closes);
        assert!(allowance.close().is_some_and(|settles| settles.closes));
    }

    #[test]
    fn no_call_is_settled_with_more_than_it_drew() {
        let draw = Allowance::of_one_call(ORG, ID, NanoUsd(5));
        assert!(!draw.is_shared());
        let settled = draw.settle(NanoUsd(9));
        assert_eq!((settled.amount, settled.closes), (NanoUsd(5), true));
    }
}
