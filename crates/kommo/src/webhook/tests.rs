use proptest::prelude::*;

use super::*;
use crate::client::{AuthorKind, Entity};
use crate::id::{CompanyId, ContactId, EnumId, LeadId, StatusId, TalkId, UserId};

const ACCOUNT: AccountId = AccountId(30_000_001);

/// Lines of `key=value` as a body.
fn body(lines: &str) -> Vec<u8> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once('=').unwrap();
        form.append_pair(key, value);
    }
    form.finish().into_bytes()
}

fn events(lines: &str) -> Vec<Event> {
    let delivery = Delivery::parse(&body(lines)).unwrap();
    delivery
        .events
        .into_iter()
        .map(|received| received.event)
        .collect()
}

fn only(lines: &str) -> Event {
    let [event] = events(lines).try_into().unwrap();
    event
}

fn message(event: Event) -> Message {
    match event {
        Event::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

const INCOMING: &str = "
    message[add][0][id]=m-1
    message[add][0][chat_id]=c-1
    message[add][0][talk_id]=77
    message[add][0][contact_id]=6001
    message[add][0][text]=Hi & bye?
    message[add][0][created_at]=1760000200
    message[add][0][element_type]=2
    message[add][0][element_id]=5001
    message[add][0][type]=incoming
    message[add][0][author][id]=a-1
    message[add][0][author][type]=external
    message[add][0][author][name]=Ana
    message[add][0][origin]=waba
    message[add][0][attachment][type]=voice
    message[add][0][attachment][link]=https://amojo.kommo.com/a/voice.ogg
    message[add][0][attachment][file_name]=voice.ogg
    account[id]=30000001
    account[subdomain]=acme
";

#[test]
fn a_message_is_read_wrapped_and_unwrapped() {
    let wrapped = Delivery::parse(&body(INCOMING)).unwrap();
    let unwrapped = Delivery::parse(&body(&INCOMING.replace("message[add]", "add"))).unwrap();
    assert_eq!(wrapped.account.id, Some(ACCOUNT));
    assert_eq!(wrapped.account.subdomain.as_deref(), Some("acme"));
    assert_eq!(wrapped, unwrapped);
    let key = wrapped.events[0].dedupe_key(ACCOUNT);
    assert_eq!(key, "msg:30000001:m-1");
    let message = message(wrapped.events[0].event.clone());
    assert_eq!(message.text, "Hi & bye?");
    assert_eq!(message.talk_id, Some(TalkId(77)));
    assert_eq!(message.entity, Some(Entity::Lead(LeadId(5001))));
    assert_eq!(message.author.kind, AuthorKind::External);
    assert_eq!(message.attachment.unwrap().file_name, "voice.ogg");
}

#[test]
fn a_message_without_a_lead_is_read() {
    let message = message(only("message[add][0][id]=m-2\nmessage[add][0][text]=Hi"));
    assert_eq!((message.entity, message.talk_id), (None, None));
    assert_eq!(message.author.kind, AuthorKind::Unknown);
}

#[test]
fn what_the_account_wrote_is_never_taken_for_a_clients() {
    let outgoing = "
        outgoing_message[add][0][id]=m-3
        outgoing_message[add][0][type]=outgoing
        outgoing_message[add][0][author][type]=internal
        outgoing_message[add][0][author][user_id]=900";
    for lines in [
        outgoing.to_owned(),
        outgoing.replace("outgoing_message[add]", "message[add]"),
        outgoing.replace("outgoing_message[add]", "add"),
        outgoing.replace("[type]=outgoing", "[type]=incoming"),
        outgoing.replace("outgoing_message[add][0][type]=outgoing", ""),
    ] {
        let Event::OutgoingMessage(message) = only(&lines) else {
            panic!("{lines}");
        };
        assert!(message.author.is_staff());
        assert_eq!(message.author.user_id, Some(UserId(900)));
    }
    assert_eq!(only("message[update][0][id]=m-3"), Event::Unknown);
}

#[test]
fn one_body_holds_many_events() {
    let delivery = Delivery::parse(&body(
        "leads[status][0][id]=1
        leads[status][0][status_id]=7002
        leads[status][0][pipeline_id]=700
        leads[status][0][old_status_id]=7001
        leads[status][1][id]=2
        leads[update][0][id]=1
        contacts[add][0][id]=6001
        contacts[add][0][type]=contact
        contacts[update][0][id]=7001
        contacts[update][0][type]=company
        contacts[update][0][linked_leads_id][999999999][ID]=999999999
        task[update][0][id]=4001
        task[update][0][status]=1
        task[update][0][element_type]=2
        task[update][0][element_id]=5001
        task[update][0][complete_before]=1760129940
        task[update][0][result][text]=agreed
        account[id]=30000001",
    ))
    .unwrap();
    let kinds: Vec<_> = delivery
        .events
        .iter()
        .map(|received| format!("{} {}", received.entity, received.action))
        .collect();
    assert_eq!(
        kinds,
        [
            "contacts add",
            "contacts update",
            "leads status",
            "leads status",
            "leads update",
            "task update"
        ]
    );
    let events: Vec<_> = delivery
        .events
        .iter()
        .map(|received| &received.event)
        .collect();
    assert!(
        matches!(events[0], Event::Contact(Action::Add, contact) if contact.id == ContactId(6001))
    );
    assert!(matches!(events[1], Event::Company(Action::Update, company)
        if company.id == CompanyId(7001) && company.linked_lead_ids == [LeadId(999_999_999)]));
    assert!(matches!(events[2], Event::Lead(Action::Status, lead)
        if lead.status_id == Some(StatusId(7002)) && lead.old_status_id == Some(StatusId(7001))));
    assert!(matches!(events[5], Event::Task(Action::Update, task)
        if task.is_completed && task.result.as_deref() == Some("agreed")));
}

#[test]
fn fields_have_three_shapes() {
    let event = only(
        "leads[add][0][id]=1
        leads[add][0][custom_fields][0][id]=8001
        leads[add][0][custom_fields][0][name]=Budget
        leads[add][0][custom_fields][0][values][0][value]=1000
        leads[add][0][custom_fields][0][values][0][enum]=81
        leads[add][0][custom_fields][1][id]=8002
        leads[add][0][custom_fields][1][values][0]=1760100000
        leads[add][0][custom_fields][2][id]=8003
        leads[add][0][custom_fields][2][code]=SIZE
        leads[add][0][custom_fields][2][values][value]=Big
        leads[add][0][custom_fields][2][values][enum]=82",
    );
    let Event::Lead(Action::Add, lead) = event else {
        panic!("{event:?}");
    };
    let entry = |text: &str, id: Option<i64>| FieldEntry {
        text: text.to_owned(),
        enum_id: id.map(EnumId),
    };
    assert_eq!(lead.fields[0].values, [entry("1000", Some(81))]);
    assert_eq!(lead.fields[1].values, [entry("1760100000", None)]);
    assert_eq!(lead.fields[2].values, [entry("Big", Some(82))]);
    assert_eq!(lead.fields[2].code.as_deref(), Some("SIZE"));
}

#[test]
fn notes_are_nested_twice() {
    let event = only(
        "leads[note][0][note][id]=9001
        leads[note][0][note][note_type]=4
        leads[note][0][note][text]=call back
        leads[note][0][note][element_type]=2
        leads[note][0][note][element_id]=5001
        leads[note][0][note][created_by]=900",
    );
    let Event::Note(note) = event else {
        panic!("{event:?}");
    };
    assert_eq!((note.note_type, note.text.as_str()), (Some(4), "call back"));
    assert_eq!(note.entity, Some(Entity::Lead(LeadId(5001))));
}

#[test]
fn a_talk_is_read_with_what_is_sent() {
    let event = only("talk[update][0][talk_id]=77\ntalk[update][0][is_in_work]=0");
    let Event::Talk(Action::Update, talk) = event else {
        panic!("{event:?}");
    };
    assert_eq!((talk.is_in_work, talk.is_read), (Some(false), None));
}

#[test]
fn an_accepted_lead_comes_as_deleted() {
    let event = only(
        "unsorted[delete][0][action]=accept
        unsorted[delete][0][uid]=f575b754
        unsorted[delete][0][accept_result][leads][0]=5001
        unsorted[delete][0][category]=chats",
    );
    let Event::Unsorted(Action::Delete, unsorted) = event else {
        panic!("{event:?}");
    };
    assert_eq!(unsorted.decision.as_deref(), Some("accept"));
    assert_eq!(unsorted.lead_ids, [LeadId(5001)]);
}

#[test]
fn what_is_not_known_is_kept() {
    let delivery = Delivery::parse(&body("moons[add][0][id]=1\nleads[add][0][name]=x")).unwrap();
    assert!(
        delivery
            .events
            .iter()
            .all(|received| received.event == Event::Unknown)
    );
    assert_eq!(delivery.events[1].raw.integer("id"), Some(1));
    assert!(matches!(
        only("catalogs[add][0][id]=1"),
        Event::Catalog(Action::Add, _)
    ));
    assert!(matches!(
        only("customers[delete][0][id]=1"),
        Event::Customer(Action::Delete, _)
    ));
    let odd = only("leads[moved][0][id]=1");
    assert!(matches!(odd, Event::Lead(Action::Other(word), _) if word == "moved"));
}

#[test]
fn a_repeated_event_has_the_same_key_and_another_has_not() {
    let key = |lines: &str| {
        let delivery = Delivery::parse(&body(lines)).unwrap();
        delivery.events[0].dedupe_key(ACCOUNT)
    };
    let lead = "leads[update][0][id]=1\nleads[update][0][updated_at]=5";
    assert_eq!(
        key(lead),
        key("leads[update][3][updated_at]=5\nleads[update][3][id]=1\nx[y][0]=1")
    );
    for other in [
        "leads[status][0][id]=1\nleads[status][0][updated_at]=5",
        "contacts[update][0][id]=1\ncontacts[update][0][updated_at]=5",
        "leads[update][0][id]=1\nleads[update][0][updated_at]=6",
        "leads[update][0][id]=15\nleads[update][0][updated_at]=",
        "leads[update][0][id][updated_at]=5",
    ] {
        assert_ne!(key(lead), key(other), "{other}");
    }
    let delivery = Delivery::parse(&body(lead)).unwrap();
    let keys = [ACCOUNT, AccountId(2)].map(|account| delivery.events[0].dedupe_key(account));
    assert_ne!(keys[0], keys[1]);
}

proptest! {
    #[test]
    fn no_body_breaks_it(body in prop::collection::vec(any::<u8>(), 0..1_000)) {
        if let Ok(delivery) = Delivery::parse(&body) {
            for received in &delivery.events {
                prop_assert!(received.dedupe_key(ACCOUNT).len() > 4);
            }
        }
    }

    #[test]
    fn no_shape_breaks_it(
        entity in "(leads|contacts|message|outgoing_message|talk|task|unsorted|add|account|x)",
        parts in prop::collection::vec("(\\[(add|note|0|1|id|author|attachment|values|custom_fields)\\]){0,6}=[0-9a-z]{0,3}", 0..12),
    ) {
        let body: Vec<String> = parts.iter().map(|part| format!("{entity}{part}")).collect();
        let delivery = Delivery::parse(body.join("&").as_bytes()).unwrap();
        for received in &delivery.events {
            prop_assert!(!received.dedupe_key(ACCOUNT).is_empty());
        }
    }
}
