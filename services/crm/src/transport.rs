//! The ways a message can take to a client, and which is taken.

mod amojo;
mod field_bot;
mod note;
mod salesbot;
mod talk;

use t11_core::OrgScope;
use t11_kommo::{Error as KommoError, Lack, Lane, Repeat};

use crate::connection::{Connection, Transport};
use crate::error::Error;
use crate::kommo::Kommo;
use crate::message::{Message, NewMessage, Refusal};

pub(crate) use self::amojo::OwnChannel;
pub(crate) use self::talk::open_talk;

/// A try at sending a message.
pub(crate) struct Try<'a> {
    pub(crate) kommo: &'a Kommo,
    pub(crate) channel: Option<&'a OwnChannel>,
    pub(crate) scope: &'a OrgScope,
    pub(crate) connection: &'a Connection,
    /// As its row was when the try began.
    pub(crate) message: Message,
}

/// What a transport came to.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// With Kommo's id, where it gives one.
    Accepted(Option<String>),
    /// Certainly not sent: it would be refused again.
    Refused(Refusal),
    /// Certainly not sent: it may be tried again.
    Later(Error),
    /// It may be sent.
    Unknown,
    /// Another try has begun: this one does nothing.
    Superseded,
}

/// Sends a message by a transport. Its row must say so already.
pub(crate) async fn send(attempt: &mut Try<'_>, transport: Transport) -> Attempt {
    match transport {
        Transport::Talk => talk::send(attempt).await,
        Transport::Salesbot => salesbot::send(attempt).await,
        Transport::FieldBot => field_bot::send(attempt).await,
        Transport::Amojo => amojo::send(attempt).await,
        Transport::Note => note::send(attempt).await,
        Transport::Auto => Attempt::Refused(Refusal::new(
            Refusal::NO_TRANSPORT,
            "no transport was chosen",
        )),
    }
}

/// The transports to try, in this order. What a person has chosen is never replaced by another. A
/// note is none of them unless it was chosen: the client would hear nothing.
pub(crate) fn candidates(
    connection: &Connection,
    message: &NewMessage,
    is_bot_waiting: bool,
    month: &str,
) -> Vec<Transport> {
    if message.dry_run {
        return vec![Transport::Note];
    }
    if connection.reply.transport != Transport::Auto {
        return vec![connection.reply.transport];
    }
    let reply = &connection.reply;
    let has_field = reply.field_id.is_some() && reply.bot_id.is_some() && message.lead_id > 0;
    let may_talk = connection.may_send();
    let is_used_up = connection.quota.is_used_up(month);
    // A bot that asked would wait for ever, and keep others from the lead.
    let salesbot = is_bot_waiting.then_some(Transport::Salesbot);
    let talk = (may_talk && !is_used_up).then_some(Transport::Talk);
    let field_bot = has_field.then_some(Transport::FieldBot);
    // What we counted may be wrong, and more may have been bought: Kommo decides.
    let in_vain = (may_talk && is_used_up).then_some(Transport::Talk);
    [salesbot, talk, field_bot, in_vain]
        .into_iter()
        .flatten()
        .collect()
}

/// Why there is no transport to try.
pub(crate) fn no_candidate(connection: &Connection) -> Refusal {
    if connection.may_send() {
        Refusal::new(Refusal::NO_TRANSPORT, "there is no way to the client")
    } else {
        scope_missing()
    }
}

/// What a call that sends came to. `T`, of whatever the call gives, is Kommo's id.
fn attempt(outcome: Result<Option<String>, Error>) -> Attempt {
    match outcome {
        Ok(id) => Attempt::Accepted(id),
        Err(Error::Kommo(error)) => match error.repeat() {
            Repeat::ReadFirst => Attempt::Unknown,
            Repeat::Safe(_) => Attempt::Later(error.into()),
            Repeat::Never => refused(error),
        },
        // Of the connection: Kommo was not asked, or has refused the token.
        Err(error) => Attempt::Later(error),
    }
}

fn refused(error: KommoError) -> Attempt {
    let detail = said(&error);
    let refusal = match &error {
        KommoError::Unauthorized(_) => return Attempt::Later(error.into()),
        KommoError::PaymentRequired(Lack::Quota, _) => {
            Refusal::new(Refusal::QUOTA_EXCEEDED, "this month's messages are used up")
        }
        KommoError::PaymentRequired(Lack::Plan | Lack::Account, _) => {
            Refusal::new(Refusal::NO_TRANSPORT, detail)
        }
        error if error.is_scope() => scope_missing(),
        KommoError::Conflict(_) => Refusal::new(Refusal::TALK_CLOSED, "the talk is closed"),
        KommoError::Invalid(problem) if problem.says("window") => {
            Refusal::new(Refusal::WINDOW_CLOSED, detail)
        }
        _ => Refusal::new(Refusal::REFUSED_BY_KOMMO, detail),
    };
    Attempt::Refused(refusal)
}

fn scope_missing() -> Refusal {
    let detail = "the integration may not send messages: allow it at Kommo and grant access again";
    Refusal::new(Refusal::SCOPE_MISSING, detail)
}

/// What Kommo said, for people.
pub(crate) fn said(error: &KommoError) -> String {
    let detail = error.problem().map(|problem| {
        let fields = problem.fields.iter();
        let fields = fields.map(|field| format!("{}: {}", field.path, field.detail));
        let mut parts = vec![problem.detail.clone()];
        parts.extend(fields);
        parts.retain(|part| !part.trim().is_empty());
        parts.join("; ")
    });
    match detail {
        Some(detail) if !detail.is_empty() => format!("{error}: {detail}"),
        _ => error.to_string(),
    }
}

impl Try<'_> {
    /// Does a call to the account, before anybody else's.
    async fn call<T, F, Fut>(&self, call: F) -> Result<T, Error>
    where
        F: Fn(t11_kommo::Client) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, KommoError>> + Send,
    {
        let connection = self.message.new.connection;
        let with = self.kommo.with(self.scope, connection, Lane::Reply, call);
        with.await
    }
}

#[cfg(test)]
mod tests;
