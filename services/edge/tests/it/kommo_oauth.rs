//! People come back from Kommo, and Kommo itself calls.

use std::sync::{Arc, Mutex};

use axum::Router;
use t11_core::FaultKind;
use t11_proto::crm::v1 as crm;
use tonic::{Request, Response};

use crate::client::{Answer, call};
use crate::mesh::{SESSION, TestMesh, refuse, unary};

const CALLBACK: &str = "GET /api/kommo/oauth/callback";

/// What reached crm, as text.
type Seen = Arc<Mutex<Vec<String>>>;

/// A crm that connects with the code `good`, and declines otherwise.
fn mesh() -> (TestMesh, Seen) {
    let seen = Seen::default();
    let noted = seen.clone();
    let complete = move |request: Request<crm::CompleteAuthorizationRequest>| {
        let request = request.into_inner();
        let is_good = request.code == "good";
        noted.lock().unwrap().push(format!("{request:?}"));
        std::future::ready(if is_good {
            Ok(Response::new(crm::Connection {
                name: "connections/7".to_owned(),
                ..crm::Connection::default()
            }))
        } else {
            let kind = FaultKind::Precondition;
            Err(refuse("crm", kind, "AUTHORIZATION_DECLINED"))
        })
    };
    let noted = seen.clone();
    let install = move |request: Request<crm::RecordWidgetInstallRequest>| {
        noted
            .lock()
            .unwrap()
            .push(format!("{:?}", request.into_inner()));
        std::future::ready(Ok(Response::new(())))
    };
    let noted = seen.clone();
    let disabled = move |request: Request<crm::RecordDisabledRequest>| {
        noted
            .lock()
            .unwrap()
            .push(format!("{:?}", request.into_inner()));
        std::future::ready(Ok(Response::new(())))
    };
    let service = "/t11.crm.v1.ConnectionService";
    let routes = Router::new()
        .merge(unary(format!("{service}/CompleteAuthorization"), complete))
        .merge(unary(format!("{service}/RecordWidgetInstall"), install))
        .merge(unary(format!("{service}/RecordDisabled"), disabled));
    (TestMesh::with_crm(routes), seen)
}

async fn come_back(mesh: &TestMesh, query: &str) -> Answer {
    let request = call(&format!("{CALLBACK}?{query}"));
    let cookie = format!("t11_session={SESSION}");
    request.header("cookie", &cookie).send(mesh).await
}

#[tokio::test]
async fn a_person_comes_back_to_the_page_of_integrations() {
    let (mesh, seen) = mesh();
    let query = "code=good&state=s&referer=acme.kommo.com&client_id=c";
    let answer = come_back(&mesh, query).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/integrations?connected=7");
    assert_eq!(answer.header("cache-control"), "no-store");
    let seen = seen.lock().unwrap();
    for part in ["\"good\"", "\"s\"", "\"acme.kommo.com\"", "\"c\""] {
        assert!(seen[0].contains(part), "{part}: {}", seen[0]);
    }
}

#[tokio::test]
async fn a_refusal_is_told_by_its_reason() {
    let (mesh, _) = mesh();
    let answer = come_back(&mesh, "error=access_denied&state=s").await;
    assert_eq!(answer.status, 303);
    let place = "/integrations?error=AUTHORIZATION_DECLINED";
    assert_eq!(answer.header("location"), place);
    let away = TestMesh::new();
    let answer = come_back(&away, "code=good&state=s").await;
    let place = answer.header("location");
    assert!(place.starts_with("/integrations?error="), "{place}");
}

#[tokio::test]
async fn who_is_not_signed_in_meets_the_door_and_connects_nothing() {
    let (mesh, seen) = mesh();
    let stale = "t11_session=nobodys";
    for cookie in ["", stale] {
        let request = call(&format!("{CALLBACK}?code=good&state=s"));
        let answer = request.header("cookie", cookie).send(&mesh).await;
        assert_eq!(answer.status, 303);
        let place = "/sign-in?next=%2Fintegrations%3Ferror%3DUNAUTHENTICATED";
        assert_eq!(answer.header("location"), place);
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn kommos_own_calls_need_nobodys_session() {
    let (mesh, seen) = mesh();
    let installed = "code=c&referer=acme.kommo.com&client_id=i&from_widget=1";
    let answer = call(&format!("{CALLBACK}?{installed}")).send(&mesh).await;
    assert_eq!(answer.status, 200);
    let disabled = "client_uuid=u&account_id=30000001&signature=ab";
    let answer = call(&format!("GET /hooks/kommo/disabled?{disabled}"))
        .send(&mesh)
        .await;
    assert_eq!(answer.status, 200);
    let seen = seen.lock().unwrap();
    assert!(
        seen[0].starts_with("RecordWidgetInstallRequest"),
        "{}",
        seen[0]
    );
    assert!(
        seen[1].contains("30000001") && seen[1].contains("\"ab\""),
        "{}",
        seen[1]
    );
}
