//! Cards and what hangs on them, written and read back through the stand-in, with and without PHP's
//! manners.

use chrono::{DateTime, TimeDelta};
use t11_fake_kommo::{Fault, FaultKind, Quirks};
use t11_kommo::client::{
    Client, CompanyUpdate, ComplexLead, ContactQuery, ContactUpdate, ContactWith, Entity,
    EntityKind, EventQuery, LeadQuery, LeadUpdate, LeadWith, LinkTarget, NewLead, NewNote, NewTask,
    TagRef, TaskQuery, TaskUpdate, TimeRange,
};
use t11_kommo::field::{FieldKey, FieldType, FieldUpdate, FieldValue};
use t11_kommo::id::{CompanyId, ContactId, LeadId, PipelineId, StatusId};
use t11_kommo::{Error, Lack};

use crate::support::{connect, failed, kommo};

/// Every way the back end may write the same.
fn manners() -> [Quirks; 3] {
    let plain = Quirks {
        empty_list_is_no_content: false,
        empty_object_is_list: false,
        ..Quirks::default()
    };
    let all = Quirks {
        empty_list_is_no_content: true,
        empty_object_is_list: true,
        empty_list_is_null: true,
        numbers_as_strings: true,
        digits_as_numbers: true,
        one_contact_is_no_content: true,
    };
    [plain, Quirks::default(), all]
}

async fn contact(client: &Client, name: &str) -> ContactId {
    let contact = ContactUpdate {
        name: Some(name.to_owned()),
        fields: vec![FieldUpdate {
            key: FieldKey::Code("PHONE".to_owned()),
            values: vec![FieldValue::Contact {
                text: "+15550100".to_owned(),
                kind: Some("WORK".to_owned()),
            }],
        }],
        ..ContactUpdate::default()
    };
    let written = client.create_contacts(&[contact]).await.unwrap();
    ContactId(written[0].id)
}

async fn lead(client: &Client, name: &str, contacts: &[ContactId]) -> LeadId {
    let lead = LeadUpdate {
        name: Some(name.to_owned()),
        price: Some(1_500),
        tags_to_add: vec![TagRef::name("ai")],
        ..LeadUpdate::default()
    };
    let written = client
        .create_leads(&[NewLead::new(lead, contacts, None)])
        .await
        .unwrap();
    LeadId(written[0].id)
}

#[tokio::test]
async fn a_lead_is_written_and_read_in_any_manners() {
    for quirks in manners() {
        let kommo = kommo().await;
        kommo.account().set_quirks(quirks);
        let client = connect(&kommo).await.client;
        let ana = contact(&client, "Ana").await;
        let id = lead(&client, "Website", &[ana]).await;
        let read = client.lead(id, &[LeadWith::Contacts]).await.unwrap();
        assert_eq!(read.name, "Website");
        assert_eq!(read.price.as_ref().unwrap().whole(), Some(1_500));
        assert_eq!(read.tags()[0].name, "ai");
        assert_eq!(read.contacts()[0].id, ana);
        let person = client.contact(ana, &[ContactWith::Leads]).await.unwrap();
        assert_eq!(person.name, "Ana");
        assert_eq!(person.lead_ids().collect::<Vec<_>>(), [id]);
        let phone = person
            .fields
            .iter()
            .find(|field| field.code.as_deref() == Some("PHONE"));
        assert_eq!(phone.unwrap().kind, FieldType::Multitext);
        let query = ContactQuery {
            text: Some("+15550100".to_owned()),
            ..ContactQuery::default()
        };
        let found = client.contacts(&query).unwrap().collect(10).await.unwrap();
        assert_eq!(found.len(), 1);
        let nobody = LeadQuery {
            ids: vec![LeadId(999)],
            ..LeadQuery::default()
        };
        assert_eq!(
            client.leads(&nobody).unwrap().collect(10).await.unwrap(),
            []
        );
    }
}

#[tokio::test]
async fn a_lead_moves_but_not_among_the_incoming() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let pipelines = client.pipelines().await.unwrap();
    let pipeline = &pipelines[0];
    let id = lead(&client, "x", &[]).await;
    let incoming = pipeline
        .stages()
        .iter()
        .find(|stage| !stage.takes_leads())
        .unwrap();
    let to = |status: StatusId| LeadUpdate {
        status_id: Some(status),
        pipeline_id: Some(pipeline.id),
        ..LeadUpdate::default()
    };
    let error = failed(client.update_lead(id, &to(incoming.id)).await);
    let problem = error.problem().unwrap();
    assert_eq!(problem.fields[0].code, "NotSupportedChoice", "{error:?}");
    client.update_lead(id, &to(StatusId::WON)).await.unwrap();
    assert_eq!(client.lead(id, &[]).await.unwrap().status_id, StatusId::WON);
    let query = LeadQuery {
        stages: vec![(pipeline.id, StatusId::WON)],
        ..LeadQuery::default()
    };
    let won = client.leads(&query).unwrap().collect(10).await.unwrap();
    assert!(won.iter().any(|lead| lead.id == id));
    assert_eq!(
        client.pipeline(pipeline.id).await.unwrap().name,
        pipeline.name
    );
    let unknown = client.pipeline(PipelineId(1)).await;
    assert!(matches!(failed(unknown), Error::NotFound(_)));
}

/// Contract: pages of a real list.
#[tokio::test]
async fn a_list_is_read_over_several_pages() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let new = |index| {
        let lead = LeadUpdate {
            name: Some(format!("lead {index}")),
            ..LeadUpdate::default()
        };
        NewLead::new(lead, &[], None)
    };
    let leads: Vec<_> = (0..7).map(new).collect();
    assert_eq!(client.create_leads(&leads).await.unwrap().len(), 7);
    let query = LeadQuery {
        limit: Some(3),
        ..LeadQuery::default()
    };
    let all = client.leads(&query).unwrap().collect(100).await.unwrap();
    assert_eq!(all.len(), 7);
    assert_eq!(kommo.count("GET /api/v4/leads"), 3);
    kommo.fault(Fault::once("GET /api/v4/leads", FaultKind::ForeignNext));
    let outcome = client.leads(&query).unwrap().collect(100).await;
    assert!(matches!(failed(outcome), Error::Host(_)));
    let many: Vec<_> = (0..251).map(new).collect();
    assert!(matches!(
        failed(client.create_leads(&many).await),
        Error::Invalid(_)
    ));
}

#[tokio::test]
async fn a_lead_is_made_with_its_contact_and_company() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let complex = ComplexLead {
        lead: LeadUpdate {
            name: Some("Whole".to_owned()),
            ..LeadUpdate::default()
        },
        contact: Some(ContactUpdate {
            name: Some("Ana".to_owned()),
            ..ContactUpdate::default()
        }),
        company: Some(CompanyUpdate {
            name: Some("Acme".to_owned()),
            ..CompanyUpdate::default()
        }),
    };
    let made = client.create_complex_leads(&[complex]).await.unwrap();
    let lead = client
        .lead(made[0].id, &[LeadWith::Contacts])
        .await
        .unwrap();
    assert_eq!(lead.contacts()[0].id, made[0].contact_id.unwrap());
    let company = client.company(made[0].company_id.unwrap()).await.unwrap();
    assert_eq!(company.name, "Acme");
    let update = CompanyUpdate {
        name: Some("Acme Two".to_owned()),
        ..CompanyUpdate::default()
    };
    client.update_company(company.id, &update).await.unwrap();
    assert_eq!(client.company(company.id).await.unwrap().name, "Acme Two");
    assert!(matches!(
        failed(client.company(CompanyId(1)).await),
        Error::NotFound(_)
    ));
}

#[tokio::test]
async fn tasks_notes_and_links_hang_on_a_lead() {
    for quirks in manners() {
        let kommo = kommo().await;
        kommo.account().set_quirks(quirks);
        let client = connect(&kommo).await.client;
        let id = lead(&client, "x", &[]).await;
        let entity = Entity::Lead(id);
        let until = DateTime::from_timestamp_secs(kommo.now() + 3_600).unwrap();
        let task = NewTask {
            text: "Call Ana".to_owned(),
            complete_till: until,
            entity: Some(entity),
            task_type_id: None,
            responsible_user_id: None,
        };
        let task = client.create_task(&task).await.unwrap();
        let read = client.task(task).await.unwrap();
        assert_eq!(
            (read.complete_till, read.entity()),
            (Some(until), Some(entity))
        );
        assert_eq!((read.is_completed, read.result()), (false, None));
        let update = TaskUpdate {
            complete_till: Some(until + TimeDelta::hours(1)),
            ..TaskUpdate::default()
        };
        client.update_task(task, &update).await.unwrap();
        client.complete_task(task, "agreed").await.unwrap();
        let query = TaskQuery {
            entity: Some(entity),
            is_completed: Some(true),
            ..TaskQuery::default()
        };
        let done = client.tasks(&query).unwrap().collect(10).await.unwrap();
        assert_eq!(done[0].result(), Some("agreed"));
        let note = NewNote::service("T11", "asked for the price");
        client.create_note(entity, &note).await.unwrap();
        let notes = client.notes(entity, &TimeRange::default()).unwrap();
        let notes = notes.collect(10).await.unwrap();
        assert!(
            notes
                .iter()
                .any(|note| note.text() == Some("asked for the price")),
            "{notes:?}"
        );
        let ana = contact(&client, "Ana").await;
        assert_eq!(client.links(entity).await.unwrap(), []);
        let target = LinkTarget::Entity(Entity::Contact(ana), true);
        client.link(entity, &[target]).await.unwrap();
        let links = client.links(entity).await.unwrap();
        assert_eq!(links[0].entity(), Some(Entity::Contact(ana)));
        client.unlink(entity, &[target]).await.unwrap();
        assert_eq!(client.links(entity).await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_an_account_is_made_of_is_read() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let users = client.users().unwrap().collect(100).await.unwrap();
    assert!(users[0].is_admin() && users[0].is_active());
    assert_eq!(client.user(users[0].id).await.unwrap().name, users[0].name);
    let fields = client.custom_fields(EntityKind::Contacts).unwrap();
    let fields = fields.collect(100).await.unwrap();
    let phone = fields
        .iter()
        .find(|field| field.code.as_deref() == Some("PHONE"))
        .unwrap();
    assert!(
        phone.choices.iter().any(|choice| choice.value == "WORK"),
        "{phone:?}"
    );
    let read = client
        .custom_field(EntityKind::Contacts, phone.id)
        .await
        .unwrap();
    assert_eq!(read.kind, FieldType::Multitext);
    client.loss_reasons().await.unwrap();
    client.sources().await.unwrap();
    let made = client
        .create_tags(EntityKind::Leads, &["vip".to_owned()])
        .await
        .unwrap();
    let tags = client
        .tags(EntityKind::Leads)
        .unwrap()
        .collect(100)
        .await
        .unwrap();
    assert!(
        tags.iter()
            .any(|tag| tag.id.0 == made[0].id && tag.name == "vip")
    );
    let types = client.event_types("en").await.unwrap();
    assert!(types.iter().any(|kind| kind.key == "lead_added"));
    let id = lead(&client, "x", &[]).await;
    let query = EventQuery {
        kinds: vec!["lead_added".to_owned()],
        entity: Some(Entity::Lead(id)),
        ..EventQuery::default()
    };
    let events = client.events(&query).unwrap().collect(10).await.unwrap();
    assert_eq!(events[0].entity(), Some(Entity::Lead(id)));
    assert_eq!(
        client.event(&events[0].id).await.unwrap().kind,
        "lead_added"
    );
}

#[tokio::test]
async fn refusals_of_the_stand_in_are_what_they_say() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let route = "GET /api/v4/account";
    let cases = [
        (FaultKind::Unauthorized, "KOMMO_UNAUTHORIZED"),
        (
            FaultKind::PaymentRequired("Over chat API limit".into()),
            "KOMMO_QUOTA_USED_UP",
        ),
        (
            FaultKind::PaymentRequired("Payment required".into()),
            "KOMMO_ACCOUNT_UNPAID",
        ),
        (
            FaultKind::Unprocessable("Limit 250 per page".into()),
            "KOMMO_REFUSED",
        ),
        (FaultKind::Internal, "KOMMO_UNAVAILABLE"),
        (FaultKind::GatewayTimeout, "KOMMO_UNAVAILABLE"),
        (FaultKind::CutBeforeEffect, "KOMMO_UNAVAILABLE"),
        (FaultKind::CutAfterEffect, "KOMMO_UNAVAILABLE"),
        (FaultKind::SlowBody(5_000), "KOMMO_TIMEOUT"),
        (FaultKind::TruncatedJson, "KOMMO_ANSWER_MALFORMED"),
        (FaultKind::ForeignRedirect, "KOMMO_REDIRECTED"),
    ];
    for (fault, reason) in cases {
        kommo.fault(Fault::once(route, fault.clone()));
        let error = failed(client.account().await);
        assert_eq!(
            t11_core::Fault::reason(&error),
            reason,
            "{fault:?}: {error:?}"
        );
    }
    kommo.fault(Fault::once(route, FaultKind::Internal));
    let error = failed(client.account().await);
    assert!(error.problem().unwrap().request_id.is_some(), "{error:?}");
    kommo.fault(Fault::once(
        route,
        FaultKind::PaymentRequired("tariff".into()),
    ));
    let error = failed(client.account().await);
    assert!(
        matches!(error, Error::PaymentRequired(Lack::Plan, _)),
        "{error:?}"
    );
}
