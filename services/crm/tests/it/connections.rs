//! Connections.

use t11_core::Role;
use t11_proto::crm::v1 as pb;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::harness::{Crm, ORG, OTHER_ORG, reason, violations};

async fn create(crm: &Crm, host: &str, request_id: &str) -> Result<pb::Connection, Status> {
    let request = pb::CreateConnectionRequest {
        host: host.to_owned(),
        request_id: request_id.to_owned(),
    };
    let call = async { crm.connections().create_connection(request).await };
    crm.as_owner(ORG, call).await.map(Response::into_inner)
}

async fn get(crm: &Crm, org: t11_core::OrgId, name: &str) -> Result<pb::Connection, Status> {
    let request = pb::GetConnectionRequest {
        name: name.to_owned(),
    };
    let call = async { crm.connections().get_connection(request).await };
    crm.as_owner(org, call).await.map(Response::into_inner)
}

async fn delete(crm: &Crm, org: t11_core::OrgId, name: &str) -> Result<(), Status> {
    let request = pb::DeleteConnectionRequest {
        name: name.to_owned(),
    };
    let call = async { crm.connections().delete_connection(request).await };
    crm.as_owner(org, call).await.map(drop)
}

async fn list(crm: &Crm, org: t11_core::OrgId, page_size: i32) -> Vec<pb::Connection> {
    let (mut connections, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListConnectionsRequest {
            page_size,
            page_token,
        };
        let call = async { crm.connections().list_connections(request).await };
        let page = crm.as_owner(org, call).await.unwrap().into_inner();
        connections.extend(page.connections);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return connections;
        }
    }
}

#[tokio::test]
async fn a_new_connection_is_not_connected() {
    let crm = Crm::start().await;
    let made = create(&crm, " Example.Kommo.com ", "").await.unwrap();
    assert_eq!(made.host, "example.kommo.com");
    assert_eq!(made.state(), pb::ConnectionState::NotConnected);
    assert_eq!(get(&crm, ORG, &made.name).await.unwrap(), made);
}

#[tokio::test]
async fn only_hosts_of_kommo_and_the_test_host_are_allowed() {
    let crm = Crm::start().await;
    for good in [
        "a.kommo.com",
        "a.amocrm.ru",
        "a.amocrm.com",
        "127.0.0.1:9400",
    ] {
        create(&crm, good, "").await.unwrap();
    }
    for bad in [
        "evil.org",
        "kommo.com",
        "evil.org/.kommo.com",
        "127.0.0.1:9401",
        "localhost",
    ] {
        let refused = violations(create(&crm, bad, "").await);
        assert_eq!(
            refused,
            [("host".to_owned(), "HOST_NOT_ALLOWED".to_owned())],
            "{bad}"
        );
    }
    let mut fields = violations(create(&crm, "", "x").await);
    fields.sort();
    let expected = [("host", "REQUIRED"), ("request_id", "MALFORMED")];
    assert_eq!(
        fields,
        expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()))
    );
}

#[tokio::test]
async fn a_host_is_connected_once_and_a_repeated_request_is_not_an_error() {
    let crm = Crm::start().await;
    let request_id = Uuid::from_u128(3).to_string();
    let first = create(&crm, "a.kommo.com", &request_id).await.unwrap();
    assert_eq!(
        create(&crm, "a.kommo.com", &request_id).await.unwrap(),
        first
    );
    assert_eq!(
        reason(create(&crm, "A.kommo.com", "").await),
        "CONNECTION_EXISTS"
    );
    let reused = violations(create(&crm, "b.kommo.com", &request_id).await);
    assert_eq!(reused, [("request_id".to_owned(), "REUSED".to_owned())]);
    assert_eq!(list(&crm, ORG, 0).await, [first]);
}

#[tokio::test]
async fn connections_are_listed_newest_first_in_pages() {
    let crm = Crm::start().await;
    let mut made = Vec::new();
    for host in ["a.kommo.com", "b.kommo.com", "c.kommo.com"] {
        made.push(create(&crm, host, "").await.unwrap().host);
    }
    let mut listed: Vec<_> = list(&crm, ORG, 2)
        .await
        .into_iter()
        .map(|c| c.host)
        .collect();
    assert_eq!(listed.len(), 3);
    // Made within one millisecond of a clock that stands, they have no order among themselves.
    listed.sort();
    assert_eq!(listed, made);
}

#[tokio::test]
async fn another_organizations_connection_is_not_there() {
    let crm = Crm::start().await;
    let made = create(&crm, "a.kommo.com", "").await.unwrap();
    let nowhere = format!("connections/{}", Uuid::from_u128(404));
    for (foreign, nowhere) in [
        (
            get(&crm, OTHER_ORG, &made.name).await.map(drop),
            get(&crm, OTHER_ORG, &nowhere).await.map(drop),
        ),
        (
            delete(&crm, OTHER_ORG, &made.name).await,
            delete(&crm, OTHER_ORG, &nowhere).await,
        ),
    ] {
        let (foreign, nowhere) = (foreign.unwrap_err(), nowhere.unwrap_err());
        assert_eq!(foreign.code(), tonic::Code::NotFound);
        assert_eq!(
            (foreign.message(), foreign.details()),
            (nowhere.message(), nowhere.details())
        );
    }
    assert!(list(&crm, OTHER_ORG, 0).await.is_empty());
    delete(&crm, ORG, &made.name).await.unwrap();
    assert_eq!(reason(delete(&crm, ORG, &made.name).await), "NOT_FOUND");
}

#[tokio::test]
async fn another_organization_may_connect_the_same_account() {
    let crm = Crm::start().await;
    create(&crm, "a.kommo.com", "").await.unwrap();
    let request = pb::CreateConnectionRequest {
        host: "a.kommo.com".to_owned(),
        ..Default::default()
    };
    let call = async { crm.connections().create_connection(request).await };
    crm.as_owner(OTHER_ORG, call).await.unwrap();
}

#[tokio::test]
async fn admins_connect_and_others_look() {
    let crm = Crm::start().await;
    for role in Role::ALL {
        let request = pb::CreateConnectionRequest {
            host: format!("{role}.kommo.com"),
            ..Default::default()
        };
        let call = async { crm.connections().create_connection(request).await };
        let made = crm.with(ORG, *role, call).await;
        if *role <= Role::Admin {
            made.unwrap();
        } else {
            assert_eq!(reason(made), "PERMISSION_DENIED", "{role}");
        }
        let look = async {
            crm.connections()
                .list_connections(pb::ListConnectionsRequest::default())
                .await
        };
        crm.with(ORG, *role, look).await.unwrap();
    }
}

#[tokio::test]
async fn a_change_sends_its_audit_record_with_it_and_a_refused_one_sends_none() {
    let crm = Crm::start().await;
    let made = create(&crm, "a.kommo.com", "").await.unwrap();
    create(&crm, "a.kommo.com", "").await.unwrap_err();
    create(&crm, "evil.org", "").await.unwrap_err();
    let payloads = crm.query::<Vec<u8>>("SELECT payload FROM outbox").await;
    assert_eq!(payloads.len(), 1);
    let record: t11_store::AuditRecord = serde_json::from_slice(&payloads[0]).unwrap();
    assert_eq!(
        record.action,
        "t11.crm.v1.ConnectionService/CreateConnection"
    );
    assert_eq!(record.target.as_deref(), Some(made.name.as_str()));
    assert_eq!(record.org, ORG.0);
}
