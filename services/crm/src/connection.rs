//! Kommo accounts of an organization, and how things stand with each.

mod problem;

use chrono::{DateTime, Utc};
use t11_core::Violations;
use t11_kommo::Hosts;
use t11_kommo::pace::{ACCOUNT_PER_SECOND, ADDRESS_PER_SECOND};
use uuid::Uuid;

pub(crate) use problem::Problem;

/// A Kommo account that a person has connected, or means to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) id: Uuid,
    /// An attribute: accounts are renamed. [`Account::id`] tells them apart.
    pub(crate) host: String,
    pub(crate) state: State,
    /// `None` before it was first connected.
    pub(crate) kind: Option<Kind>,
    pub(crate) account: Account,
    pub(crate) token_expire_time: Option<DateTime<Utc>>,
    pub(crate) webhook: Webhook,
    pub(crate) reply: Reply,
    pub(crate) quota: Quota,
    /// 0 = [`ACCOUNT_PER_SECOND`].
    pub(crate) calls_per_second: i32,
    pub(crate) last_event_time: Option<DateTime<Utc>>,
    /// When a bot that is not ours last wrote to a client.
    pub(crate) other_bot_time: Option<DateTime<Utc>>,
    pub(crate) sync: Sync,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
}

/// What a connection can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    NotConnected,
    Connected,
    NeedsReauth,
    Disabled,
}

/// How access was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    OAuth,
    LongLived,
}

/// What the account says of itself; empty before it was first connected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: Option<i64>,
    pub(crate) display_name: String,
    /// ISO 4217.
    pub(crate) currency: String,
    /// IANA; may be empty.
    pub(crate) time_zone: String,
    /// What its tokens may do, as Kommo names it.
    pub(crate) scopes: Vec<String>,
    /// Where it is looked for when it has moved.
    pub(crate) api_domain: Option<String>,
    /// Its name in the chat back end.
    pub(crate) amojo_id: Option<String>,
    /// Where its files are.
    pub(crate) drive_url: Option<String>,
    /// Whether a first message waits among the incoming leads.
    pub(crate) is_unsorted_on: bool,
}

/// The subscription to the account's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Webhook {
    /// `missing`, `active`, `disabled`.
    pub(crate) state: String,
    pub(crate) events: Vec<String>,
    pub(crate) check_time: Option<DateTime<Utc>>,
    /// When events of another account came last.
    pub(crate) mismatch_time: Option<DateTime<Utc>>,
}

/// How messages to clients are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) transport: Transport,
    /// Of [`Transport::FieldBot`].
    pub(crate) field_id: Option<i64>,
    pub(crate) bot_id: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// The best that the account can do now.
    Auto,
    Talk,
    Salesbot,
    FieldBot,
    Amojo,
    Note,
}

/// Messages of [`Transport::Talk`] in a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Quota {
    /// 0 = not known.
    pub(crate) limit: i32,
    pub(crate) used: i32,
    /// `2026-11`.
    pub(crate) month: String,
}

/// The mirror of the account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sync {
    pub(crate) last_time: Option<DateTime<Utc>>,
    /// The running or last one.
    pub(crate) job: Option<Uuid>,
    /// When the running one was last heard of.
    pub(crate) beat_time: Option<DateTime<Utc>>,
}

/// What people may change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ConnectionPatch {
    pub(crate) reply_transport: Option<Transport>,
    pub(crate) reply_field_id: Option<i64>,
    pub(crate) reply_bot_id: Option<i64>,
    pub(crate) calls_per_second: Option<i32>,
}

/// A scope that sending by [`Transport::Talk`] needs.
pub(crate) const SCOPE_SEND: &str = "send_external_messages";

impl Connection {
    /// Calls a second that the account is asked at most.
    pub(crate) fn rate(&self) -> u32 {
        match u32::try_from(self.calls_per_second) {
            Ok(0) | Err(_) => ACCOUNT_PER_SECOND,
            Ok(rate) => rate.min(ADDRESS_PER_SECOND),
        }
    }

    /// What messages are sent by now, if by anything; [`crate::transport`] tries the same in the same
    /// order. A Salesbot that waits for us is continued whatever this is.
    pub(crate) fn effective_transport(&self, month: &str) -> Option<Transport> {
        if self.reply.transport != Transport::Auto {
            return Some(self.reply.transport);
        }
        let is_used_up = self.quota.is_used_up(month);
        if self.may_send() && !is_used_up {
            Some(Transport::Talk)
        } else if self.has_field_bot() {
            Some(Transport::FieldBot)
        } else {
            // More may have been bought than we know of.
            self.may_send().then_some(Transport::Talk)
        }
    }

    fn has_field_bot(&self) -> bool {
        self.reply.field_id.is_some() && self.reply.bot_id.is_some()
    }

    pub(crate) fn may_send(&self) -> bool {
        // Of long-lived tokens the scopes may not be known.
        self.account.scopes.is_empty()
            || self.account.scopes.iter().any(|scope| scope == SCOPE_SEND)
    }
}

impl Quota {
    pub(crate) fn is_used_up(&self, month: &str) -> bool {
        self.limit > 0 && self.month == month && self.used >= self.limit
    }

    fn is_low(&self, month: &str) -> bool {
        self.limit > 0 && self.month == month && self.used >= self.limit / 10 * 9
    }
}

impl ConnectionPatch {
    /// Notes what is out of bounds.
    pub(crate) fn check(&self, violations: &mut Violations) {
        if let Some(rate) = self.calls_per_second {
            violations.range("calls_per_second", rate, 0, MAX_RATE);
        }
        for (field, id) in [
            ("reply_field_id", self.reply_field_id),
            ("reply_bot_id", self.reply_bot_id),
        ] {
            if let Some(id) = id {
                violations.range(field, id, 0, i64::MAX);
            }
        }
    }
}

/// [`ADDRESS_PER_SECOND`], and what a person may set.
const MAX_RATE: i32 = 7;

/// `2026-11`.
pub(crate) fn month(time: DateTime<Utc>) -> String {
    time.format("%Y-%m").to_string()
}

/// The host in `text`, in lower case; one that is not an account's is noted.
pub(crate) fn host(hosts: &Hosts, violations: &mut Violations, field: &str, text: &str) -> String {
    let host = text.trim().to_ascii_lowercase();
    if host.is_empty() {
        violations.add(field, "REQUIRED", format!("`{field}` must be given"));
    } else if hosts.account(&host).is_err() {
        let description = format!(
            "`{field}` must be the host of a Kommo account, as `example.kommo.com` or \
             `example.amocrm.ru`"
        );
        violations.add(field, "HOST_NOT_ALLOWED", description);
    }
    host
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal,)* }) => {
        impl $type {
            /// As it is stored.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub(crate) fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words!(State {
    NotConnected = "not_connected",
    Connected = "connected",
    NeedsReauth = "needs_reauth",
    Disabled = "disabled",
});
words!(Kind {
    OAuth = "oauth",
    LongLived = "long_lived",
});
words!(Transport {
    Auto = "auto",
    Talk = "talk",
    Salesbot = "salesbot",
    FieldBot = "field_bot",
    Amojo = "amojo",
    Note = "note",
});

#[cfg(test)]
mod tests;
