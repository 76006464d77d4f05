//! Messages to clients: each goes out once, and what became of it is never guessed.

pub(crate) mod reconcile;
pub(crate) mod send;
pub(crate) mod upkeep;
pub(crate) mod watch;

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use t11_core::Violations;
use uuid::Uuid;

use crate::connection::Transport;
use crate::error::Error;

/// Longest text, in characters.
const MAX_TEXT: usize = 4_096;

/// How long a try may last, counted from its fence: twice what a call and the wait for its turn may
/// take. Whose process lives has written its outcome by then.
pub(crate) const TRY_LASTS: TimeDelta = TimeDelta::seconds(60);
/// When to stop looking: what was not found in a day is left to people.
pub(crate) const LOOKED_FOR: TimeDelta = TimeDelta::hours(24);

/// When what is not among the messages of its talk was certainly not sent. A call is given up after
/// 20 s, Kommo may carry it out a little later, and shows it a little later still.
pub(crate) const GRACE: TimeDelta = TimeDelta::seconds(120);

/// The same where a bot says it, whose steps take their time.
pub(crate) const BOT_GRACE: TimeDelta = TimeDelta::minutes(10);

/// How much earlier than ours Kommo's clock may show a message.
pub(crate) const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(60);

/// How long after the try a message that was sent may still be told of.
pub(crate) const SEEN_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewMessage {
    pub(crate) connection: Uuid,
    pub(crate) idempotency_key: Uuid,
    /// 0, and empty below: not known.
    pub(crate) talk_id: i64,
    pub(crate) chat_id: String,
    pub(crate) lead_id: i64,
    pub(crate) contact_id: i64,
    pub(crate) text: String,
    /// Only written down, at the lead.
    pub(crate) dry_run: bool,
}

impl NewMessage {
    /// Notes what is out of bounds.
    pub(crate) fn check(&self, violations: &mut Violations) {
        violations.text("text", &self.text, 1, MAX_TEXT);
        for (field, id) in [
            ("talk_id", self.talk_id),
            ("lead_id", self.lead_id),
            ("contact_id", self.contact_id),
        ] {
            violations.range(field, id, 0, i64::MAX);
        }
    }

    /// A key is of one message.
    pub(crate) fn check_repeated(&self, known: &Self) -> Result<(), Error> {
        let is_same = (known.connection, known.dry_run) == (self.connection, self.dry_run)
            && known.text == self.text;
        if is_same {
            return Ok(());
        }
        let mut violations = Violations::default();
        let description = "`idempotency_key` was used for another message";
        violations.add("idempotency_key", "REUSED", description);
        Err(violations.into())
    }
}

/// A message, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: Uuid,
    pub(crate) new: NewMessage,
    pub(crate) state: State,
    /// The one that sends it, or tried last.
    pub(crate) transport: Option<Transport>,
    pub(crate) message_id: Option<String>,
    /// Under which it was seen among outgoing messages.
    pub(crate) seen_id: Option<String>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) fence: i64,
    pub(crate) send_time: Option<DateTime<Utc>>,
    pub(crate) accept_time: Option<DateTime<Utc>>,
}

/// What is known of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    /// A try has begun. Without an outcome after [`TRY_LASTS`] its process has died.
    Sending,
    Accepted,
    Delivered,
    Read,
    /// It may be sent; it is being looked for.
    Unknown,
    Failed,
}

impl State {
    /// As it is stored, and as neighbours are told.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [
            Self::Pending,
            Self::Sending,
            Self::Accepted,
            Self::Delivered,
            Self::Read,
            Self::Unknown,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

impl Message {
    /// Whether a try is under way in a process that lives.
    pub(crate) fn is_being_sent(&self, now: DateTime<Utc>) -> bool {
        self.state == State::Sending && self.send_time.is_some_and(|begun| now - begun < TRY_LASTS)
    }

    /// Whether it is to be looked for.
    pub(crate) fn is_lost(&self, now: DateTime<Utc>) -> bool {
        self.state == State::Unknown || (self.state == State::Sending && !self.is_being_sent(now))
    }

    /// How long to look before it is certain that it was not sent; `None` when that never is.
    pub(crate) fn grace(&self) -> Option<TimeDelta> {
        match self.transport {
            Some(Transport::Talk | Transport::Note) => Some(GRACE),
            Some(Transport::FieldBot) => Some(BOT_GRACE),
            Some(Transport::Salesbot | Transport::Amojo | Transport::Auto) | None => None,
        }
    }

    /// Whether an outgoing message that was seen may be this one.
    pub(crate) fn may_be(&self, seen: &Seen) -> bool {
        let Some(begun) = self.send_time else {
            return false;
        };
        let is_in_place = (seen.talk_id != 0 && seen.talk_id == self.new.talk_id)
            || (!seen.chat_id.is_empty() && seen.chat_id == self.new.chat_id)
            || (seen.lead_id != 0 && seen.lead_id == self.new.lead_id);
        let is_in_time = seen.time >= begun - CLOCK_SKEW && seen.time <= begun + SEEN_WITHIN;
        is_in_place && is_in_time && is_same_text(&seen.text, &self.new.text)
    }
}

/// An outgoing message that somebody saw in Kommo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) connection: Uuid,
    pub(crate) message_id: String,
    /// 0, and empty below: not known.
    pub(crate) talk_id: i64,
    pub(crate) chat_id: String,
    pub(crate) lead_id: i64,
    pub(crate) text: String,
    pub(crate) time: DateTime<Utc>,
}

/// Why a message was not sent, or not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Cow<'static, str>,
    /// For people.
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) const TALK_CLOSED: &'static str = "TALK_CLOSED";
    pub(crate) const QUOTA_EXCEEDED: &'static str = "QUOTA_EXCEEDED";
    pub(crate) const SCOPE_MISSING: &'static str = "SCOPE_MISSING";
    pub(crate) const NO_TRANSPORT: &'static str = "NO_TRANSPORT";
    pub(crate) const WINDOW_CLOSED: &'static str = "WINDOW_CLOSED";
    pub(crate) const REFUSED_BY_KOMMO: &'static str = "REFUSED_BY_KOMMO";
    pub(crate) const CHANNEL_FAILED: &'static str = "CHANNEL_FAILED";
    /// The try came to nothing: Kommo has no such message.
    pub(crate) const NOT_SENT: &'static str = "NOT_SENT";

    pub(crate) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            reason: Cow::Borrowed(reason),
            detail: detail.into(),
        }
    }

    /// Whether another transport may do what this one cannot. The others would meet the same:
    /// a closed talk, the channel's window, a text that is refused.
    pub(crate) fn is_of_transport(&self) -> bool {
        matches!(
            &*self.reason,
            Self::QUOTA_EXCEEDED | Self::SCOPE_MISSING | Self::NO_TRANSPORT
        )
    }
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With Kommo's id, where it gives one.
    Accepted(Option<String>),
    /// Certainly not sent, and not to be tried again.
    Failed(Refusal),
    /// Certainly not sent; may be tried again.
    Pending,
    /// It may be sent.
    Unknown,
}

/// A message that Kommo shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) time: DateTime<Utc>,
    pub(crate) delivery_status: Option<String>,
}

/// Whether texts are the same but for blanks, which channels change.
pub(crate) fn is_same_text(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// When to look again at something that happened so long ago: after as long again, from 3 s to 10
/// minutes.
pub(crate) fn next_look(age: TimeDelta) -> TimeDelta {
    age.clamp(TimeDelta::seconds(3), TimeDelta::minutes(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            id: Uuid::nil(),
            new: NewMessage {
                connection: Uuid::nil(),
                idempotency_key: Uuid::nil(),
                talk_id: 77,
                chat_id: "c-1".to_owned(),
                lead_id: 5001,
                contact_id: 6001,
                text: "It is $25\na month.".to_owned(),
                dry_run: false,
            },
            state: State::Sending,
            transport: Some(Transport::Talk),
            message_id: None,
            seen_id: None,
            refusal: None,
            fence: 1,
            send_time: DateTime::from_timestamp(1_800_000_000, 0),
            accept_time: None,
        }
    }

    fn seen(talk_id: i64, chat_id: &str, text: &str, after: i64) -> Seen {
        Seen {
            connection: Uuid::nil(),
            message_id: "m-1".to_owned(),
            talk_id,
            chat_id: chat_id.to_owned(),
            lead_id: 0,
            text: text.to_owned(),
            time: DateTime::from_timestamp(1_800_000_000 + after, 0).unwrap(),
        }
    }

    #[test]
    fn a_message_is_known_by_place_text_and_time() {
        let message = message();
        assert!(message.may_be(&seen(77, "", "It is $25 a month. ", 1)));
        // The talk may be another one by then; the chat stays.
        assert!(message.may_be(&seen(78, "c-1", "It is $25 a month.", 1)));
        assert!(!message.may_be(&seen(78, "c-2", "It is $25 a month.", 1)));
        assert!(!message.may_be(&seen(0, "", "It is $25 a month.", 1)));
        assert!(!message.may_be(&seen(77, "c-1", "It is $26 a month.", 1)));
        assert!(!message.may_be(&seen(77, "c-1", "It is $25 a month.", -61)));
        assert!(!message.may_be(&seen(77, "c-1", "It is $25 a month.", 901)));
    }

    #[test]
    fn a_try_without_an_outcome_is_looked_for_in_the_end() {
        let mut message = message();
        let begun = message.send_time.unwrap();
        assert!(message.is_being_sent(begun + TimeDelta::seconds(59)));
        assert!(!message.is_lost(begun + TimeDelta::seconds(59)));
        assert!(message.is_lost(begun + TimeDelta::seconds(60)));
        message.state = State::Unknown;
        assert!(message.is_lost(begun));
        message.state = State::Failed;
        assert!(!message.is_lost(begun + TimeDelta::hours(1)));
    }

    #[test]
    fn looks_come_further_and_further_apart() {
        assert_eq!(next_look(TimeDelta::zero()), TimeDelta::seconds(3));
        assert_eq!(next_look(TimeDelta::seconds(40)), TimeDelta::seconds(40));
        assert_eq!(next_look(TimeDelta::hours(3)), TimeDelta::minutes(10));
    }

    #[test]
    fn a_key_is_of_one_message() {
        let known = message().new;
        assert!(known.check_repeated(&known).is_ok());
        // The talk may have been closed and another opened meanwhile.
        let moved = NewMessage {
            talk_id: 78,
            ..known.clone()
        };
        assert!(moved.check_repeated(&known).is_ok());
        let other = NewMessage {
            text: "Hi".to_owned(),
            ..known.clone()
        };
        assert!(other.check_repeated(&known).is_err());
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in [
            State::Pending,
            State::Sending,
            State::Accepted,
            State::Delivered,
        ] {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("lost"), None);
    }
}
