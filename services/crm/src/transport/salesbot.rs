//! Continues a Salesbot that asked us. It is given the text as data, `{{json.message}}` of its next
//! steps: shown by us it could not be longer than 80 characters.

use std::collections::BTreeMap;

use t11_kommo::Error as KommoError;
use t11_kommo::client::Continuation;

use super::{Attempt, Try, attempt};
use crate::message::Refusal;

pub(super) async fn send(sending: &mut Try<'_>) -> Attempt {
    let store = &sending.kommo.store;
    let message = &sending.message.new;
    let waiting = store.waiting_bot(sending.scope, message.connection, message.lead_id);
    let question = match waiting.await {
        Ok(Some(question)) => question,
        Ok(None) => return Attempt::Refused(none_waits()),
        Err(error) => return Attempt::Later(error),
    };
    let account = match sending.kommo.hosts().account(&sending.connection.host) {
        Ok(account) => account,
        Err(error) => return Attempt::Later(error.into()),
    };
    // The account may have been renamed since: the bot waits under the old name, which is gone.
    let Ok(step) = Continuation::parse(&account, &question.return_url) else {
        return Attempt::Refused(none_waits());
    };
    let data = BTreeMap::from([
        ("status".to_owned(), "ok".to_owned()),
        ("message".to_owned(), message.text.clone()),
    ]);
    let call = sending.call(|client| {
        let (step, data) = (step.clone(), data.clone());
        async move { client.continue_bot(&step, &data, &[]).await }
    });
    let attempt = match call.await {
        Err(crate::error::Error::Kommo(KommoError::NotFound(_))) => Attempt::Refused(none_waits()),
        outcome => attempt(outcome.map(|()| None)),
    };
    if matches!(attempt, Attempt::Later(_)) {
        return attempt;
    }
    // A step is answered once: whatever came of it, nothing waits there any more.
    match store.note_bot_answered(sending.scope, question.id).await {
        Ok(()) => attempt,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an answered bot still counts as waiting"
            );
            attempt
        }
    }
}

fn none_waits() -> Refusal {
    Refusal::new(Refusal::NO_TRANSPORT, "no Salesbot waits for an answer")
}
