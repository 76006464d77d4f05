//! How often passwords may be tried.
//!
//! Every try takes a drop from a bucket of the account and one of the client's address, before
//! the password is looked at, so that tries at the same time cannot outrun the count. The buckets
//! are rows, shared by all replicas, and outlive restarts. Being right refills the account's
//! bucket and gives the address its drop back.
//!
//! A stranger who empties an account's bucket must not lock its owner out: tries from an address
//! where the person is signed in take from a bucket of their own.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::audit::hex;
use crate::email::Email;

/// A bucket of `burst` drops, one of which comes back every `refill`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    burst: i32,
    refill: TimeDelta,
}

/// Ten tries at an account in a quarter of an hour.
pub(crate) const ACCOUNT: Limit = Limit {
    burst: 10,
    refill: TimeDelta::seconds(90),
};

/// Fifty tries from an address, which may be an office's.
pub(crate) const ADDRESS: Limit = Limit {
    burst: 50,
    refill: TimeDelta::seconds(18),
};

/// The bucket is empty until so much time has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Empty {
    pub(crate) retry_after: TimeDelta,
}

impl Limit {
    /// Takes a drop. A bucket's whole state is when it will be full again (the "theoretical
    /// arrival time" of the generic cell rate algorithm); the answer is its next state.
    pub(crate) fn take(
        self,
        full_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, Empty> {
        let next = full_at.max(now) + self.refill;
        let over = next - now - self.refill * self.burst;
        if over > TimeDelta::zero() {
            Err(Empty { retry_after: over })
        } else {
            Ok(next)
        }
    }

    /// Gives a drop back.
    pub(crate) fn give_back(self, full_at: DateTime<Utc>) -> DateTime<Utc> {
        full_at - self.refill
    }
}

/// Names of buckets: hashes, for the rows would otherwise keep every address ever mistyped.
pub(crate) fn account_bucket(email: &Email) -> String {
    bucket(&["account", &email.key()])
}

pub(crate) fn known_address_bucket(email: &Email, address: &str) -> String {
    bucket(&["known-address", &email.key(), address])
}

pub(crate) fn address_bucket(address: &str) -> String {
    bucket(&["address", address])
}

/// For the old password that a change of password asks for: who has stolen a session shall not
/// guess on, and shall not use up the owner's tries to sign in.
pub(crate) fn session_bucket(session: Uuid) -> String {
    bucket(&["session", &session.to_string()])
}

fn bucket(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn drained() -> DateTime<Utc> {
        (0..10).fold(START, |state, _| ACCOUNT.take(state, START).unwrap())
    }

    #[test]
    fn an_account_takes_ten_tries_and_then_one_every_90_seconds() {
        let state = drained();
        let empty = ACCOUNT.take(state, START).unwrap_err();
        assert_eq!(empty.retry_after, TimeDelta::seconds(90));
        let later = START + TimeDelta::seconds(89);
        assert!(ACCOUNT.take(state, later).is_err());
        let state = ACCOUNT.take(state, START + TimeDelta::seconds(90)).unwrap();
        assert!(ACCOUNT.take(state, START + TimeDelta::seconds(90)).is_err());
    }

    #[test]
    fn a_bucket_left_alone_is_full_again_and_never_fuller() {
        let rested = START + TimeDelta::days(1);
        let mut state = drained();
        for _ in 0..10 {
            state = ACCOUNT.take(state, rested).unwrap();
        }
        assert!(ACCOUNT.take(state, rested).is_err());
    }

    #[test]
    fn a_drop_given_back_can_be_taken_again() {
        let state = ACCOUNT.give_back(drained());
        assert!(ACCOUNT.take(state, START).is_ok());
    }

    #[test]
    fn buckets_have_names_of_their_own() {
        let email = Email::parse(&mut t11_core::Violations::default(), "email", "A@b.co");
        let same = Email::parse(&mut t11_core::Violations::default(), "email", "a@B.co");
        assert_eq!(account_bucket(&email), account_bucket(&same));
        assert_ne!(known_address_bucket(&email, "::1"), account_bucket(&email));
        assert_ne!(address_bucket("::1"), address_bucket("::2"));
    }
}
