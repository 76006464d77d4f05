use chrono::TimeDelta;

use super::problem::Problem;
use super::*;

fn allowed(text: &str) -> bool {
    let mut violations = Violations::default();
    host(&Hosts::kommo(), &mut violations, "host", text);
    violations.0.is_empty()
}

#[test]
fn a_host_may_be_written_as_people_write() {
    assert!(allowed(" My-Shop.Kommo.com "));
    for bad in ["", "kommo.com", "evil.org", "https://a.kommo.com"] {
        assert!(!allowed(bad), "{bad}");
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn connected() -> Connection {
    Connection {
        id: Uuid::nil(),
        host: "a.kommo.com".to_owned(),
        state: State::Connected,
        kind: Some(Kind::OAuth),
        account: Account {
            scopes: vec![SCOPE_SEND.to_owned()],
            ..Account::default()
        },
        token_expire_time: Some(now() + TimeDelta::days(1)),
        webhook: Webhook {
            state: "active".to_owned(),
            events: Vec::new(),
            check_time: Some(now()),
            mismatch_time: None,
        },
        reply: Reply {
            transport: Transport::Auto,
            field_id: None,
            bot_id: None,
        },
        quota: Quota::default(),
        calls_per_second: 0,
        last_event_time: Some(now()),
        other_bot_time: None,
        sync: Sync::default(),
        create_time: now(),
        update_time: now(),
    }
}

fn reasons(connection: &Connection) -> Vec<&'static str> {
    let problems = connection.problems(now());
    problems.into_iter().map(Problem::reason).collect()
}

#[test]
fn a_connection_that_works_has_no_problem() {
    assert_eq!(reasons(&connected()), [""; 0]);
}

#[test]
fn a_refused_connection_has_one_problem() {
    for (state, reason) in [
        (State::NeedsReauth, "NEEDS_REAUTH"),
        (State::Disabled, "DISABLED"),
    ] {
        let connection = Connection {
            state,
            ..connected()
        };
        assert_eq!(reasons(&connection), [reason]);
    }
}

#[test]
fn each_lack_is_a_problem_and_the_worst_comes_first() {
    let mut connection = connected();
    connection.account.scopes = vec!["crm".to_owned()];
    connection.webhook.state = "missing".to_owned();
    connection.kind = Some(Kind::LongLived);
    let expected = ["WEBHOOK_MISSING", "SCOPE_MISSING", "TOKEN_EXPIRING"];
    assert_eq!(reasons(&connection), expected);
    connection.webhook.check_time = None;
    assert_eq!(reasons(&connection), expected[1..], "not looked for yet");
}

#[test]
fn silence_is_a_problem_after_days() {
    let mut connection = connected();
    connection.last_event_time = Some(now() - TimeDelta::days(4));
    assert_eq!(reasons(&connection), ["NO_EVENTS"]);
}

#[test]
fn another_bot_is_a_problem_for_a_day() {
    let mut connection = connected();
    connection.other_bot_time = Some(now() - TimeDelta::hours(23));
    assert_eq!(reasons(&connection), ["KOMMO_AI_ON"]);
    connection.other_bot_time = Some(now() - TimeDelta::hours(25));
    assert_eq!(reasons(&connection), [""; 0]);
}

#[test]
fn a_quota_counts_in_its_month_only() {
    let mut connection = connected();
    let by = |connection: &Connection| connection.effective_transport(&month(now()));
    connection.quota = Quota {
        limit: 100,
        used: 90,
        month: month(now()),
    };
    assert_eq!(reasons(&connection), ["QUOTA_LOW"]);
    assert_eq!(by(&connection), Some(Transport::Talk));
    connection.quota.used = 100;
    assert_eq!(reasons(&connection), ["QUOTA_EXCEEDED"]);
    assert_eq!(
        by(&connection),
        Some(Transport::Talk),
        "more may have been bought"
    );
    connection.reply.field_id = Some(1);
    connection.reply.bot_id = Some(2);
    assert_eq!(by(&connection), Some(Transport::FieldBot));
    connection.quota.month = "2020-01".to_owned();
    assert_eq!(reasons(&connection), [""; 0]);
    assert_eq!(by(&connection), Some(Transport::Talk));
}

#[test]
fn a_field_and_a_bot_are_needed_together() {
    let mut connection = connected();
    connection.reply.transport = Transport::FieldBot;
    connection.reply.field_id = Some(1);
    assert_eq!(reasons(&connection), ["NO_REPLY_TRANSPORT"]);
    connection.reply.bot_id = Some(2);
    assert_eq!(reasons(&connection), [""; 0]);
    connection.reply.transport = Transport::Auto;
    connection.account.scopes = vec!["crm".to_owned()];
    assert_eq!(reasons(&connection), [""; 0], "there is another way");
    assert_eq!(
        connection.effective_transport(""),
        Some(Transport::FieldBot)
    );
    connection.reply.bot_id = None;
    assert_eq!(reasons(&connection), ["SCOPE_MISSING"]);
    assert_eq!(connection.effective_transport(""), None);
}

#[test]
fn stored_words_are_read_back() {
    for transport in ["auto", "talk", "salesbot", "field_bot", "amojo", "note"] {
        assert_eq!(Transport::parse(transport).unwrap().as_str(), transport);
    }
    assert_eq!(State::parse("something newer"), None);
}
