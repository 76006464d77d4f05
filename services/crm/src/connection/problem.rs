//! What a person should see to.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Connection, Kind, State, Transport, month};

/// A subscribed account that is silent for longer may have lost its subscription.
const SILENCE: TimeDelta = TimeDelta::days(3);
/// How long people hear of events of another account.
const MISMATCHED: TimeDelta = TimeDelta::days(1);
/// How long people hear of another bot that has written to a client.
const TWO_BOTS: TimeDelta = TimeDelta::days(1);
/// How long before its end people hear of a token that cannot be renewed.
const EXPIRES_SOON: TimeDelta = TimeDelta::days(14);

/// A problem of a connection. The first ones are the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Problem {
    NeedsReauth,
    Disabled,
    WebhookMissing,
    WebhookDisabled,
    AccountMismatch,
    ScopeMissing,
    NoReplyTransport,
    QuotaExceeded,
    KommoAiOn,
    TokenExpiring,
    QuotaLow,
    NoEvents,
}

impl Problem {
    /// Stable.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NeedsReauth => "NEEDS_REAUTH",
            Self::Disabled => "DISABLED",
            Self::WebhookMissing => "WEBHOOK_MISSING",
            Self::WebhookDisabled => "WEBHOOK_DISABLED",
            Self::ScopeMissing => "SCOPE_MISSING",
            Self::NoReplyTransport => "NO_REPLY_TRANSPORT",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::KommoAiOn => "KOMMO_AI_ON",
            Self::TokenExpiring => "TOKEN_EXPIRING",
            Self::QuotaLow => "QUOTA_LOW",
            Self::NoEvents => "NO_EVENTS",
            Self::AccountMismatch => "ACCOUNT_MISMATCH",
        }
    }

    /// For people.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::NeedsReauth => "Kommo refuses the tokens: grant access again",
            Self::Disabled => "the account has switched the integration off",
            Self::WebhookMissing => "Kommo does not tell us of messages: repair the connection",
            Self::WebhookDisabled => {
                "Kommo has stopped telling us of messages: repair the connection"
            }
            Self::ScopeMissing => {
                "the integration may not send messages: allow it at Kommo and grant access again"
            }
            Self::NoReplyTransport => {
                "clients cannot be answered: the field and the bot that send replies are not chosen"
            }
            Self::QuotaExceeded => "this month's messages are used up",
            Self::KommoAiOn => {
                "another bot answers clients too, who get two answers: switch Kommo's own AI agent \
                 off"
            }
            Self::TokenExpiring => "the token ends soon and cannot be renewed: give another one",
            Self::QuotaLow => "this month's messages are nearly used up",
            Self::NoEvents => "Kommo has told us of nothing for three days",
            Self::AccountMismatch => {
                "events of another account come to this connection's address: nobody looks at them"
            }
        }
    }
}

impl Connection {
    /// What a person should see to now, worst first.
    pub(crate) fn problems(&self, now: DateTime<Utc>) -> Vec<Problem> {
        let mut problems = match self.state {
            State::NotConnected => Vec::new(),
            State::NeedsReauth => vec![Problem::NeedsReauth],
            State::Disabled => vec![Problem::Disabled],
            State::Connected => {
                let all = [
                    self.webhook_problem(now),
                    self.mismatch_problem(now),
                    self.reply_problem(),
                    self.quota_problem(now),
                    self.other_bot_problem(now),
                    self.token_problem(now),
                ];
                all.into_iter().flatten().collect()
            }
        };
        problems.sort();
        problems
    }

    fn webhook_problem(&self, now: DateTime<Utc>) -> Option<Problem> {
        match self.webhook.state.as_str() {
            // A new connection is subscribed by a job: it is not missing before it was looked for.
            "missing" => self
                .webhook
                .check_time
                .map(|_looked| Problem::WebhookMissing),
            "disabled" => Some(Problem::WebhookDisabled),
            _ => {
                let heard = self.last_event_time.unwrap_or(self.create_time);
                (now - heard > SILENCE).then_some(Problem::NoEvents)
            }
        }
    }

    fn mismatch_problem(&self, now: DateTime<Utc>) -> Option<Problem> {
        let last = self.webhook.mismatch_time?;
        (now - last < MISMATCHED).then_some(Problem::AccountMismatch)
    }

    fn reply_problem(&self) -> Option<Problem> {
        match self.reply.transport {
            Transport::Talk | Transport::Auto if !self.may_send() => {
                let is_mute = self.reply.transport == Transport::Talk || !self.has_field_bot();
                is_mute.then_some(Problem::ScopeMissing)
            }
            Transport::FieldBot if !self.has_field_bot() => Some(Problem::NoReplyTransport),
            _ => None,
        }
    }

    fn quota_problem(&self, now: DateTime<Utc>) -> Option<Problem> {
        let month = month(now);
        if self.quota.is_used_up(&month) {
            Some(Problem::QuotaExceeded)
        } else {
            self.quota.is_low(&month).then_some(Problem::QuotaLow)
        }
    }

    fn other_bot_problem(&self, now: DateTime<Utc>) -> Option<Problem> {
        let last = self.other_bot_time?;
        (now - last < TWO_BOTS).then_some(Problem::KommoAiOn)
    }

    fn token_problem(&self, now: DateTime<Utc>) -> Option<Problem> {
        let ends = self.token_expire_time?;
        let is_last = self.kind == Some(Kind::LongLived);
        (is_last && ends - now < EXPIRES_SOON).then_some(Problem::TokenExpiring)
    }
}
