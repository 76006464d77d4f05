//! The tokens of connections: what opens an account, and how it is renewed.

mod flight;
mod refresh;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use t11_core::World;
use t11_kommo::oauth;
use uuid::Uuid;

pub(crate) use self::refresh::Refresher;

/// A stored pair.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) access: SecretString,
    /// `None` for a token that lives long.
    pub(crate) refresh: Option<SecretString>,
    pub(crate) access_expire_time: Option<DateTime<Utc>>,
    /// Grows with every pair that is stored.
    pub(crate) version: i64,
}

/// A pair to be stored.
#[derive(Debug)]
pub(crate) struct NewToken {
    pub(crate) access: SecretString,
    pub(crate) refresh: Option<SecretString>,
    /// Of the integration that they were granted to.
    pub(crate) client_id: Option<Uuid>,
    pub(crate) access_expire_time: Option<DateTime<Utc>>,
    /// When it is renewed, whether it is used or not.
    pub(crate) refresh_due_time: Option<DateTime<Utc>>,
}

/// The right to renew a pair. Whoever takes it later has a higher fence, and then this one stores
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) fence: i64,
    /// Of the pair that is renewed.
    pub(crate) version: i64,
}

/// What came of asking for a [`Lease`].
#[derive(Debug)]
pub(crate) enum Turn {
    /// A newer pair is stored already.
    Renewed,
    Mine(Lease),
    /// Another has it.
    Wait,
}

/// A pair is renewed when this much of its life is over: it is used by others while it is renewed,
/// and Kommo may be away for the rest.
const RENEW_AT_PERCENT: u32 = 80;
/// Pairs that were made together are not renewed together: so much of their life earlier or later.
const JITTER_PERCENT: u32 = 5;
/// A pair that is not used at all is dead after three months.
const KEEP_ALIVE: Duration = Duration::from_secs(7 * 24 * 3600);

impl NewToken {
    /// What was bought just now.
    pub(crate) fn bought(world: &World, client_id: Uuid, tokens: oauth::Tokens) -> Self {
        let now = world.now();
        Self {
            access: tokens.access_token,
            refresh: Some(tokens.refresh_token),
            client_id: Some(client_id),
            access_expire_time: Some(later(now, tokens.expires_in)),
            refresh_due_time: Some(later(now, due_after(world, tokens.expires_in))),
        }
    }

    /// One that lives long and is not renewed.
    pub(crate) fn long_lived(access: SecretString, expires: Option<DateTime<Utc>>) -> Self {
        Self {
            access,
            refresh: None,
            client_id: None,
            access_expire_time: expires,
            refresh_due_time: None,
        }
    }
}

/// When a pair with this life is to be renewed.
fn due_after(world: &World, life: Duration) -> Duration {
    let [random] = world.random::<1>();
    let percent = RENEW_AT_PERCENT - JITTER_PERCENT
        + u32::from(random) * 2 * JITTER_PERCENT / u32::from(u8::MAX);
    (life / 100 * percent).min(KEEP_ALIVE)
}

/// Later than any time that can be written: never.
fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| now.checked_add_signed(by))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
