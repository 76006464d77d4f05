use proptest::prelude::*;
use t11_kommo::webhook::Event;

use super::*;

const ACCOUNT: AccountId = AccountId(30_000_001);

fn filed(body: &str) -> Vec<Filing> {
    let delivery = Delivery::parse(body.as_bytes()).unwrap();
    let events = delivery.events.iter();
    events.map(|event| Filing::of(event, ACCOUNT)).collect()
}

#[test]
fn agents_hear_of_what_they_act_on() {
    for (body, is_wanted) in [
        ("message[add][0][id]=m-1", true),
        ("add[0][id]=m-1", true),
        ("outgoing_message[add][0][id]=m-2", true),
        (
            "talk[update][0][talk_id]=77&talk[update][0][is_in_work]=0",
            true,
        ),
        (
            "talk[update][0][talk_id]=77&talk[update][0][is_in_work]=1",
            false,
        ),
        ("talk[add][0][talk_id]=77", false),
        ("leads[status][0][id]=5001", true),
        ("leads[responsible][0][id]=5001", true),
        ("leads[delete][0][id]=5001", true),
        ("leads[update][0][id]=5001", false),
        (
            "leads[update][0][id]=5001&leads[update][0][old_responsible_user_id]=9",
            true,
        ),
        ("leads[add][0][id]=5001", false),
        ("leads[note][0][note][id]=1", false),
        ("contacts[add][0][id]=1", false),
        ("task[add][0][id]=1", false),
        ("something[new][0][id]=1", false),
        ("message[update][0][id]=m-1", false),
    ] {
        let filed = filed(body);
        assert_eq!(filed.len(), 1, "{body}");
        assert_eq!(filed[0].fate == Fate::Wanted, is_wanted, "{body}");
    }
}

#[test]
fn events_about_one_thing_are_known() {
    for (body, thing) in [
        (
            "message[add][0][id]=m-1&message[add][0][chat_id]=c-1&message[add][0][talk_id]=77",
            "c-1",
        ),
        (
            "message[add][0][id]=m-1&message[add][0][talk_id]=77",
            "talk:77",
        ),
        (
            "outgoing_message[add][0][id]=m-2&outgoing_message[add][0][chat_id]=c-1",
            "c-1",
        ),
        ("message[add][0][id]=m-1", ""),
        (
            "talk[update][0][talk_id]=77&talk[update][0][chat_id]=c-1",
            "c-1",
        ),
        ("leads[status][0][id]=5001", "lead:5001"),
        ("contacts[add][0][id]=1", ""),
    ] {
        assert_eq!(filed(body)[0].thing, thing, "{body}");
    }
}

#[test]
fn a_thing_is_read_from_its_payload_as_from_its_body() {
    let body = "message[add][0][id]=m-1&message[add][0][text]=Hi+%26+bye&message[add][0][talk_id]=77\
                &message[add][0][author][type]=external&message[add][0][entity_type]=lead\
                &message[add][0][entity_id]=5001";
    let whole = Delivery::parse(body.as_bytes()).unwrap();
    let filing = &filed(body)[0];
    let read = read(&filing.entity, &filing.action, &filing.payload).unwrap();
    assert_eq!(read, whole.events[0].event);
    let Event::Message(message) = read else {
        panic!("a message");
    };
    assert_eq!(message.text, "Hi & bye");
    assert_eq!(filing.entity_id, "m-1");
}

#[test]
fn two_shapes_of_a_message_are_one_event() {
    let wrapped = filed("message[add][0][id]=m-1&message[add][0][text]=Hi");
    let plain = filed("add[0][text]=Hi&add[0][id]=m-1");
    assert_eq!(wrapped[0].dedupe_key, plain[0].dedupe_key);
    assert_eq!(wrapped[0].dedupe_key, message_key(ACCOUNT, "m-1"));
}

#[test]
fn a_job_has_one_id_a_replay() {
    let event = Uuid::from_u128(7);
    assert_eq!(job_id("a", event, 0), job_id("a", event, 0));
    assert_ne!(job_id("a", event, 0), job_id("a", event, 1));
    assert_ne!(job_id("a", event, 0), job_id("b", event, 0));
}

proptest! {
    /// Whatever comes can be stored and is read back the same.
    #[test]
    fn any_body_is_filed(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(delivery) = Delivery::parse(&body) {
            for received in &delivery.events {
                let filing = Filing::of(received, ACCOUNT);
                prop_assert!(!filing.entity.contains('\0') && !filing.payload.contains('\0'));
                prop_assert!(filing.dedupe_key.chars().count() <= MAX_WORD);
                read(&filing.entity, &filing.action, &filing.payload).unwrap();
            }
        }
    }
}
