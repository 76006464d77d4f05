use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::connection::{Account, Quota, Reply, State, Sync, Webhook};

const MONTH: &str = "2026-11";

fn connection(transport: Transport) -> Connection {
    let time = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    Connection {
        id: Uuid::nil(),
        host: "acme.kommo.com".to_owned(),
        state: State::Connected,
        kind: None,
        account: Account {
            scopes: vec!["crm".to_owned(), "send_external_messages".to_owned()],
            ..Account::default()
        },
        token_expire_time: None,
        webhook: Webhook {
            state: "active".to_owned(),
            events: Vec::new(),
            check_time: None,
            mismatch_time: None,
        },
        reply: Reply {
            transport,
            field_id: None,
            bot_id: None,
        },
        quota: Quota::default(),
        calls_per_second: 0,
        last_event_time: None,
        other_bot_time: None,
        sync: Sync::default(),
        create_time: time,
        update_time: time,
    }
}

fn message() -> NewMessage {
    NewMessage {
        connection: Uuid::nil(),
        idempotency_key: Uuid::nil(),
        talk_id: 77,
        chat_id: String::new(),
        lead_id: 5001,
        contact_id: 6001,
        text: "Hi".to_owned(),
        dry_run: false,
    }
}

fn with_field(mut connection: Connection) -> Connection {
    connection.reply.field_id = Some(8001);
    connection.reply.bot_id = Some(1);
    connection
}

fn without_scope(mut connection: Connection) -> Connection {
    connection.account.scopes = vec!["crm".to_owned()];
    connection
}

fn used_up(mut connection: Connection) -> Connection {
    connection.quota = Quota {
        limit: 500,
        used: 500,
        month: MONTH.to_owned(),
    };
    connection
}

#[test]
fn the_best_that_the_account_can_do_comes_first() {
    use Transport::{Amojo, Auto, FieldBot, Note, Salesbot, Talk};
    let auto = || connection(Auto);
    for (connection, is_bot_waiting, expected) in [
        (auto(), false, vec![Talk]),
        (auto(), true, vec![Salesbot, Talk]),
        (with_field(auto()), false, vec![Talk, FieldBot]),
        (without_scope(with_field(auto())), false, vec![FieldBot]),
        (without_scope(auto()), true, vec![Salesbot]),
        (without_scope(auto()), false, vec![]),
        (used_up(with_field(auto())), false, vec![FieldBot, Talk]),
        (used_up(auto()), false, vec![Talk]),
        // What a person has chosen stays.
        (with_field(connection(Talk)), true, vec![Talk]),
        (connection(Amojo), true, vec![Amojo]),
        (connection(Note), true, vec![Note]),
    ] {
        let chosen = candidates(&connection, &message(), is_bot_waiting, MONTH);
        assert_eq!(chosen, expected);
    }
}

#[test]
fn a_dry_run_is_a_note_whatever_was_chosen() {
    let dry = NewMessage {
        dry_run: true,
        ..message()
    };
    let chosen = candidates(&connection(Transport::Talk), &dry, true, MONTH);
    assert_eq!(chosen, [Transport::Note]);
}

#[test]
fn a_quota_is_of_its_month() {
    let chosen = candidates(
        &used_up(with_field(connection(Transport::Auto))),
        &message(),
        false,
        "2026-12",
    );
    assert_eq!(chosen, [Transport::Talk, Transport::FieldBot]);
}

#[test]
fn without_the_scope_a_person_is_to_be_asked() {
    let lacking = without_scope(connection(Transport::Auto));
    assert_eq!(no_candidate(&lacking).reason, Refusal::SCOPE_MISSING);
    let able = connection(Transport::Auto);
    assert_eq!(no_candidate(&able).reason, Refusal::NO_TRANSPORT);
}

#[test]
fn only_a_lost_answer_leaves_it_open_whether_it_was_sent() {
    let is_unknown = |error: KommoError| matches!(attempt(Err(error.into())), Attempt::Unknown);
    assert!(is_unknown(KommoError::OutcomeUnknown));
    let later = |error: KommoError| matches!(attempt(Err(error.into())), Attempt::Later(_));
    assert!(later(KommoError::Unreachable));
    assert!(later(KommoError::RateLimited {
        retry_after: std::time::Duration::from_secs(300)
    }));
    // The tokens may be renewed.
    assert!(later(KommoError::Unauthorized(Box::default())));
    assert!(matches!(
        attempt(Err(Error::RefreshBusy)),
        Attempt::Later(_)
    ));
    let refused = |error: KommoError| match attempt(Err(error.into())) {
        Attempt::Refused(refusal) => refusal.reason.into_owned(),
        other => panic!("{other:?}"),
    };
    let quota = KommoError::PaymentRequired(Lack::Quota, Box::default());
    assert_eq!(refused(quota), "QUOTA_EXCEEDED");
    let plan = KommoError::PaymentRequired(Lack::Plan, Box::default());
    assert_eq!(refused(plan), "NO_TRANSPORT");
    assert_eq!(refused(KommoError::Conflict(Box::default())), "TALK_CLOSED");
    assert_eq!(
        refused(KommoError::Invalid(Box::default())),
        "REFUSED_BY_KOMMO"
    );
}
