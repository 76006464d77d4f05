//! Sessions and their tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use t11_core::{OrgId, World};
use uuid::Uuid;

use crate::audit::hex;
use crate::error::Error;
use crate::key_text;

/// How long a session lives without being used.
const IDLE: TimeDelta = TimeDelta::hours(12);
/// The same, when the person asked to be remembered.
const IDLE_REMEMBERED: TimeDelta = TimeDelta::days(30);
/// How long a session lives however much it is used.
const ABSOLUTE: TimeDelta = TimeDelta::days(90);
/// How long a replaced token still works.
pub(crate) const GRACE: TimeDelta = TimeDelta::seconds(60);
/// Use is written down at most once in this time.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);
/// 256 bits in base64.
const TOKEN_CHARS: usize = 43;
/// What a client calls itself is cut to so many characters.
const MAX_USER_AGENT_CHARS: usize = 256;

/// Who is at the other end of a call that has no caller yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) request_id: String,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
}

/// One signed-in device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) org: OrgId,
    pub(crate) user: Uuid,
    pub(crate) user_agent: Option<String>,
    pub(crate) client_address: Option<String>,
    pub(crate) remember: bool,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) last_used_time: DateTime<Utc>,
    pub(crate) expire_time: DateTime<Utc>,
    /// When its token was last replaced.
    pub(crate) rotate_time: Option<DateTime<Utc>>,
}

impl Session {
    pub(crate) fn new(
        world: &World,
        org: OrgId,
        user: Uuid,
        client: &Client,
        remember: bool,
    ) -> Self {
        let now = world.now();
        let mut session = Self {
            id: world.new_id(),
            org,
            user,
            user_agent: client
                .user_agent
                .as_ref()
                .map(|agent| agent.chars().take(MAX_USER_AGENT_CHARS).collect()),
            client_address: client.address.clone(),
            remember,
            create_time: now,
            last_used_time: now,
            expire_time: now,
            rotate_time: None,
        };
        session.touch(now);
        session
    }

    pub(crate) fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.expire_time
    }

    /// How long it lives from now on if it is not used again.
    pub(crate) fn lifetime(&self) -> TimeDelta {
        self.expire_time - self.last_used_time
    }

    /// Whether its use at `now` is worth writing down.
    pub(crate) fn needs_touch(&self, now: DateTime<Utc>) -> bool {
        now - self.last_used_time >= TOUCH_EVERY
    }

    /// Notes its use and moves its expiry.
    pub(crate) fn touch(&mut self, now: DateTime<Utc>) {
        let idle = if self.remember { IDLE_REMEMBERED } else { IDLE };
        self.last_used_time = now;
        self.expire_time = (now + idle).min(self.create_time + ABSOLUTE);
    }

    /// Replaces its token: what happens to the tokens it has.
    ///
    /// Several tabs refresh at the same time. Those that come within the grace of the first get
    /// tokens that live beside its, so that whichever the browser keeps is good.
    pub(crate) fn rotate(&mut self, now: DateTime<Utc>) -> Rotation {
        self.touch(now);
        match self.rotate_time {
            Some(rotated) if now < rotated + GRACE => Rotation::Join,
            _ => {
                self.rotate_time = Some(now);
                Rotation::Replace {
                    old_expire_time: now + GRACE,
                }
            }
        }
    }
}

/// What becomes of a session's tokens when it gets a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// They work until then.
    Replace { old_expire_time: DateTime<Utc> },
    /// They stay as they are.
    Join,
}

/// A session's secret: 256 random bits. Only its hash is stored, unsalted, for it cannot be
/// guessed.
#[derive(Debug, Clone)]
pub(crate) struct SessionToken(SecretString);

impl SessionToken {
    pub(crate) fn new(world: &World) -> Self {
        Self(URL_SAFE_NO_PAD.encode(world.random::<32>()).into())
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    pub(crate) fn hash(&self) -> String {
        hash_secret(self.expose())
    }
}

/// Why a text that opens no session is refused. What has not the form of a session token, or begins
/// as a key does, is a key that was cut or mistyped: whoever sent it has no session to mourn.
pub(crate) fn refusal(text: &str) -> Error {
    let is_token = text.len() == TOKEN_CHARS
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_token && !text.starts_with(key_text::BEGINNING) {
        Error::SessionInvalid
    } else {
        Error::ApiKeyInvalid
    }
}

/// What is stored of a random secret.
pub(crate) fn hash_secret(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

#[cfg(test)]
mod tests {
    use t11_core::ManualWorld;

    use super::*;

    fn session(remember: bool) -> Session {
        let world = ManualWorld::new(DateTime::UNIX_EPOCH, 1).world();
        Session::new(
            &world,
            OrgId(Uuid::nil()),
            Uuid::nil(),
            &Client::default(),
            remember,
        )
    }

    fn at(time: TimeDelta) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + time
    }

    #[test]
    fn a_session_lives_12_hours_after_its_last_use_or_30_days() {
        assert!(session(false).is_live(at(TimeDelta::hours(12) - TimeDelta::seconds(1))));
        assert!(!session(false).is_live(at(TimeDelta::hours(12))));
        assert!(session(true).is_live(at(TimeDelta::days(29))));
        assert_eq!(session(false).lifetime(), TimeDelta::hours(12));
        let mut used = session(false);
        used.touch(at(TimeDelta::hours(10)));
        assert!(used.is_live(at(TimeDelta::hours(21))));
    }

    #[test]
    fn no_session_lives_longer_than_90_days() {
        let mut session = session(true);
        session.touch(at(TimeDelta::days(89)));
        assert_eq!(session.expire_time, at(TimeDelta::days(90)));
    }

    #[test]
    fn use_is_written_once_a_minute() {
        let session = session(false);
        assert!(!session.needs_touch(at(TimeDelta::seconds(59))));
        assert!(session.needs_touch(at(TimeDelta::seconds(60))));
    }

    #[test]
    fn refreshing_again_within_the_grace_joins_the_first() {
        let mut session = session(false);
        let first = at(TimeDelta::seconds(5));
        assert_eq!(
            session.rotate(first),
            Rotation::Replace {
                old_expire_time: first + GRACE
            }
        );
        assert_eq!(
            session.rotate(first + TimeDelta::seconds(59)),
            Rotation::Join
        );
        let later = first + GRACE;
        assert_eq!(
            session.rotate(later),
            Rotation::Replace {
                old_expire_time: later + GRACE
            }
        );
    }

    #[test]
    fn tokens_are_43_characters_and_not_shown() {
        let token = SessionToken::new(&ManualWorld::new(DateTime::UNIX_EPOCH, 1).world());
        assert_eq!(token.expose().len(), TOKEN_CHARS);
        assert!(!format!("{token:?}").contains(token.expose()));
        assert_eq!(token.hash().len(), 64);
    }
}
