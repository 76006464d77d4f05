//! Accounts are connected, and switched off at Kommo.

use chrono::TimeDelta;
use t11_core::OrgId;
use t11_fake_kommo::{
    Decision, FakeKommo, FakeKommoOptions, Fault, FaultKind, Integration, Template,
};
use t11_proto::crm::v1 as pb;
use tonic::{Response, Status};

use crate::harness::{Crm, ORG, OTHER_ORG, reason, violations};

const CALLBACK: &str = "http://127.0.0.1:8080/api/kommo/oauth/callback";
const TOKENS: &str = "POST /oauth2/access_token";
/// The person of [`Crm::as_owner`], and another one.
const ANNA: u128 = 5;
const BORIS: u128 = 7;

/// A Kommo without a limit of requests, with our integration.
pub(crate) async fn kommo() -> FakeKommo {
    kommo_with(&[Template::Acme]).await
}

async fn kommo_with(accounts: &[Template]) -> FakeKommo {
    let options = FakeKommoOptions {
        accounts: accounts.to_vec(),
        ..FakeKommoOptions::with(Integration::new(CALLBACK)).unlimited()
    };
    FakeKommo::start(options).await.unwrap()
}

pub(crate) async fn set_credential(crm: &Crm, org: OrgId, client_secret: &str) {
    let app = Integration::new(CALLBACK);
    let request = pb::SetCredentialRequest {
        client_id: app.client_id,
        client_secret: client_secret.to_owned(),
        redirect_uri: app.redirect_uri,
    };
    let call = async { crm.credentials().set_credential(request).await };
    crm.as_owner(org, call).await.unwrap();
}

async fn start(crm: &Crm, org: OrgId, connection: &str) -> pb::StartAuthorizationResponse {
    let request = pb::StartAuthorizationRequest {
        connection: connection.to_owned(),
    };
    let call = async { crm.connections().start_authorization(request).await };
    crm.as_person(org, ANNA, call).await.unwrap().into_inner()
}

/// A person goes to Kommo and is sent back, with this.
async fn consent(uri: &str, account: Option<i64>) -> pb::CompleteAuthorizationRequest {
    let redirect = reqwest::redirect::Policy::none();
    let browser = reqwest::Client::builder()
        .redirect(redirect)
        .build()
        .unwrap();
    let mut uri: url::Url = uri.parse().unwrap();
    if let Some(account) = account {
        uri.query_pairs_mut()
            .append_pair("account_id", &account.to_string());
    }
    let answer = browser.get(uri).send().await.unwrap();
    let place: url::Url = answer.headers()["location"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(place.as_str().starts_with(CALLBACK));
    let value = |name: &str| {
        let found = place.query_pairs().find(|(key, _)| key == name);
        found.map_or_else(String::new, |(_, value)| value.into_owned())
    };
    pb::CompleteAuthorizationRequest {
        code: value("code"),
        state: value("state"),
        referer: value("referer"),
        client_id: value("client_id"),
        error: value("error"),
    }
}

async fn complete(
    crm: &Crm,
    org: OrgId,
    user: u128,
    request: pb::CompleteAuthorizationRequest,
) -> Result<pb::Connection, Status> {
    let call = async { crm.connections().complete_authorization(request).await };
    crm.as_person(org, user, call)
        .await
        .map(Response::into_inner)
}

/// Connects the first account for `org`.
pub(crate) async fn connect(crm: &Crm, org: OrgId) -> pb::Connection {
    set_credential(crm, org, &"k".repeat(64)).await;
    let answer = consent(&start(crm, org, "").await.authorization_uri, None).await;
    complete(crm, org, ANNA, answer).await.unwrap()
}

pub(crate) async fn get(crm: &Crm, name: &str) -> pb::Connection {
    let request = pb::GetConnectionRequest {
        name: name.to_owned(),
    };
    let call = async { crm.connections().get_connection(request).await };
    crm.as_owner(ORG, call).await.unwrap().into_inner()
}

pub(crate) fn problems(connection: &pb::Connection) -> Vec<&str> {
    let problems = connection.problems.iter();
    problems.map(|problem| problem.reason.as_str()).collect()
}

#[tokio::test]
async fn a_person_connects_an_account() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    let made = connect(&crm, ORG).await;
    assert_eq!(made.state(), pb::ConnectionState::Connected);
    assert_eq!(made.kind(), pb::ConnectionKind::Oauth);
    assert_eq!(made.host, kommo.account().host());
    assert_eq!(made.account_id, kommo.account().id());
    assert_eq!(made.currency, "USD");
    assert!(made.scopes.contains(&"send_external_messages".to_owned()));
    assert_eq!(made.effective_reply_transport(), pb::ReplyTransport::Talk);
    assert!(made.token_expire_time.is_some());
    assert_eq!(get(&crm, &made.name).await, made);
    let mut kinds: Vec<String> = crm
        .query("SELECT kind FROM outbox WHERE kind LIKE 'crm.%'")
        .await;
    kinds.sort();
    assert_eq!(kinds, ["crm.subscribe", "crm.sync_connection"]);
    assert!(made.sync_job.starts_with("jobs/"));
}

#[tokio::test]
async fn tokens_are_stored_sealed() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    connect(&crm, ORG).await;
    for column in [
        "SELECT access_token FROM tokens",
        "SELECT refresh_token FROM tokens",
    ] {
        let stored: Vec<Vec<u8>> = crm.query(column).await;
        assert_eq!(stored.len(), 1);
        let holds = |needle: &[u8]| stored[0].windows(needle.len()).any(|part| part == needle);
        assert!(!holds(b"eyJ") && !holds(b"def50200"), "{column}");
    }
}

#[tokio::test]
async fn a_repeated_answer_gives_the_connection_it_made() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    set_credential(&crm, ORG, &"k".repeat(64)).await;
    let answer = consent(&start(&crm, ORG, "").await.authorization_uri, None).await;
    let (first, twin) = tokio::join!(
        complete(&crm, ORG, ANNA, answer.clone()),
        complete(&crm, ORG, ANNA, answer.clone()),
    );
    let (first, twin) = (first.unwrap(), twin.unwrap());
    let again = complete(&crm, ORG, ANNA, answer).await.unwrap();
    assert_eq!((&first.name, &first.name), (&twin.name, &again.name));
    assert_eq!(kommo.count(TOKENS), 1);
}

#[tokio::test]
async fn only_who_began_it_may_complete_it_and_only_in_time() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    set_credential(&crm, ORG, &"k".repeat(64)).await;
    set_credential(&crm, OTHER_ORG, &"k".repeat(64)).await;
    let answer = consent(&start(&crm, ORG, "").await.authorization_uri, None).await;
    for (org, user) in [(ORG, BORIS), (OTHER_ORG, ANNA)] {
        let refused = complete(&crm, org, user, answer.clone()).await;
        assert_eq!(reason(refused), "AUTHORIZATION_STATE");
    }
    let made_up = pb::CompleteAuthorizationRequest {
        state: "made up".to_owned(),
        ..answer.clone()
    };
    let refused = complete(&crm, ORG, ANNA, made_up).await;
    assert_eq!(reason(refused), "AUTHORIZATION_STATE");
    crm.advance(TimeDelta::minutes(21));
    let late = complete(&crm, ORG, ANNA, answer).await;
    assert_eq!(reason(late), "AUTHORIZATION_STATE");
    assert_eq!(kommo.count(TOKENS), 0);
}

#[tokio::test]
async fn who_declines_connects_nothing() {
    let kommo = kommo().await;
    kommo.set_decision(Decision::Decline);
    let crm = Crm::with_kommo(&kommo).await;
    set_credential(&crm, ORG, &"k".repeat(64)).await;
    let answer = consent(&start(&crm, ORG, "").await.authorization_uri, None).await;
    assert_eq!(answer.error, "access_denied");
    let declined = complete(&crm, ORG, ANNA, answer.clone()).await;
    assert_eq!(reason(declined), "AUTHORIZATION_DECLINED");
    let again = complete(&crm, ORG, ANNA, answer).await;
    assert_eq!(reason(again), "AUTHORIZATION_STATE");
}

#[tokio::test]
async fn the_secret_is_sent_to_accounts_of_kommo_only() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    set_credential(&crm, ORG, &"k".repeat(64)).await;
    for referer in ["evil.org", "127.0.0.1:1", "", "acme.kommo.com@evil.org"] {
        let answer = consent(&start(&crm, ORG, "").await.authorization_uri, None).await;
        let answer = pb::CompleteAuthorizationRequest {
            referer: referer.to_owned(),
            ..answer
        };
        let refused = complete(&crm, ORG, ANNA, answer).await;
        assert_eq!(reason(refused), "HOST_NOT_ALLOWED", "{referer}");
    }
    assert_eq!(kommo.count(TOKENS), 0);
}

#[tokio::test]
async fn a_refused_code_is_told_from_a_refused_integration() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    set_credential(&crm, ORG, &"k".repeat(64)).await;
    let answer = consent(&start(&crm, ORG, "").await.authorization_uri, None).await;
    let answer = pb::CompleteAuthorizationRequest {
        code: "def50200".to_owned(),
        ..answer
    };
    let refused = complete(&crm, ORG, ANNA, answer).await;
    assert_eq!(reason(refused), "AUTHORIZATION_CODE");
    set_credential(&crm, ORG, &"x".repeat(64)).await;
    let answer = consent(&start(&crm, ORG, "").await.authorization_uri, None).await;
    let refused = complete(&crm, ORG, ANNA, answer).await;
    assert_eq!(reason(refused), "CREDENTIAL_REFUSED");
}

#[tokio::test]
async fn a_code_that_was_not_asked_for_is_still_good() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    set_credential(&crm, ORG, &"k".repeat(64)).await;
    let answer = consent(&start(&crm, ORG, "").await.authorization_uri, None).await;
    kommo.fault(Fault::once(TOKENS, FaultKind::TooManyRequests));
    let busy = complete(&crm, ORG, ANNA, answer.clone()).await;
    assert_eq!(reason(busy), "KOMMO_RATE_LIMITED");
    // The account rests in this process as long as Kommo has said.
    let other = crm.replica(&kommo);
    complete(&other, ORG, ANNA, answer).await.unwrap();
}

#[tokio::test]
async fn an_account_is_connected_by_one_organization() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    connect(&crm, ORG).await;
    set_credential(&crm, OTHER_ORG, &"k".repeat(64)).await;
    let answer = consent(&start(&crm, OTHER_ORG, "").await.authorization_uri, None).await;
    let taken = complete(&crm, OTHER_ORG, ANNA, answer).await;
    assert_eq!(reason(taken), "CONNECTION_TAKEN");
}

#[tokio::test]
async fn a_noted_host_becomes_the_connection_and_another_account_does_not() {
    let kommo = kommo_with(&[Template::Acme, Template::Acme]).await;
    let crm = Crm::with_kommo(&kommo).await;
    set_credential(&crm, ORG, &"k".repeat(64)).await;
    let request = pb::CreateConnectionRequest {
        host: kommo.account().host(),
        ..Default::default()
    };
    let call = async { crm.connections().create_connection(request).await };
    let noted = crm.as_owner(ORG, call).await.unwrap().into_inner();
    let answer = consent(&start(&crm, ORG, &noted.name).await.authorization_uri, None).await;
    let made = complete(&crm, ORG, ANNA, answer).await.unwrap();
    assert_eq!(made.name, noted.name);

    let other = kommo.accounts()[1].id();
    let uri = start(&crm, ORG, &noted.name).await.authorization_uri;
    let answer = consent(&uri, Some(other)).await;
    let refused = complete(&crm, ORG, ANNA, answer).await;
    assert_eq!(reason(refused), "ACCOUNT_MISMATCH");
    let uri = start(&crm, ORG, "").await.authorization_uri;
    let second = complete(&crm, ORG, ANNA, consent(&uri, Some(other)).await).await;
    assert_ne!(
        second.unwrap().name,
        made.name,
        "an organization may have several"
    );
}

#[tokio::test]
async fn an_integration_that_connections_were_made_with_is_kept() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    let made = connect(&crm, ORG).await;
    let delete = || async {
        let request = pb::DeleteCredentialRequest {};
        crm.credentials().delete_credential(request).await
    };
    assert_eq!(
        reason(crm.as_owner(ORG, delete()).await),
        "CREDENTIAL_IN_USE"
    );
    let request = pb::DeleteConnectionRequest { name: made.name };
    let call = async { crm.connections().delete_connection(request).await };
    crm.as_owner(ORG, call).await.unwrap();
    let left: Vec<i64> = crm.query("SELECT COUNT(*) FROM tokens").await;
    assert_eq!(left, [0], "secrets go with the connection");
    crm.as_owner(ORG, delete()).await.unwrap();
}

async fn connect_with_token(crm: &Crm, host: &str, token: &str) -> Result<pb::Connection, Status> {
    let request = pb::ConnectWithTokenRequest {
        host: host.to_owned(),
        token: token.to_owned(),
        connection: String::new(),
    };
    let call = async { crm.connections().connect_with_token(request).await };
    crm.as_owner(ORG, call).await.map(Response::into_inner)
}

#[tokio::test]
async fn a_token_that_lives_long_connects_too() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    let (account, client_id) = (kommo.account(), Integration::new(CALLBACK).client_id);
    let token = account.long_lived_token(&client_id, 10).unwrap();
    let made = connect_with_token(&crm, &account.host(), &token)
        .await
        .unwrap();
    assert_eq!(made.kind(), pb::ConnectionKind::LongLived);
    assert_eq!(made.state(), pb::ConnectionState::Connected);
    assert_eq!(problems(&made), ["TOKEN_EXPIRING"]);
    let longer = account.long_lived_token(&client_id, 700).unwrap();
    let renewed = connect_with_token(&crm, &account.host(), &longer)
        .await
        .unwrap();
    assert_eq!(renewed.name, made.name);
    assert_eq!(problems(&renewed), [""; 0]);

    let bad = violations(connect_with_token(&crm, "evil.org", "").await);
    let expected = [("host", "HOST_NOT_ALLOWED"), ("token", "REQUIRED")];
    assert_eq!(
        bad,
        expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()))
    );
    let refused = connect_with_token(&crm, &account.host(), "not.a.token").await;
    assert_eq!(reason(refused), "TOKEN_REFUSED");
    let short = account.long_lived_token(&client_id, 1).unwrap();
    crm.advance(TimeDelta::days(2));
    let bad = violations(connect_with_token(&crm, &account.host(), &short).await);
    assert_eq!(bad, [("token".to_owned(), "TOKEN_EXPIRED".to_owned())]);
}

async fn record_install(crm: &Crm, client_id: &str, referer: &str) {
    let request = pb::RecordWidgetInstallRequest {
        code: "def50200".to_owned(),
        referer: referer.to_owned(),
        client_id: client_id.to_owned(),
    };
    let call = async { crm.connections().record_widget_install(request).await };
    crm.as_edge(call).await.unwrap();
}

async fn pending(crm: &Crm, org: OrgId) -> Vec<String> {
    let request = pb::ListPendingInstallsRequest {};
    let call = async { crm.connections().list_pending_installs(request).await };
    let answer = crm.as_owner(org, call).await.unwrap().into_inner();
    answer
        .pending_installs
        .into_iter()
        .map(|install| install.host)
        .collect()
}

#[tokio::test]
async fn an_install_waits_for_a_person_of_the_integration() {
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    let (host, client_id) = (kommo.account().host(), Integration::new(CALLBACK).client_id);
    record_install(&crm, &client_id, &host).await;
    set_credential(&crm, ORG, &"k".repeat(64)).await;
    assert_eq!(
        pending(&crm, ORG).await,
        [""; 0],
        "nobody's integration is forgotten"
    );
    record_install(&crm, &client_id, &host).await;
    record_install(&crm, &client_id, &host).await;
    record_install(&crm, &client_id, "evil.org").await;
    assert_eq!(pending(&crm, ORG).await, std::slice::from_ref(&host));
    assert_eq!(pending(&crm, OTHER_ORG).await, [""; 0]);
    let codes: Vec<Vec<u8>> = crm.query("SELECT code FROM pending_installs").await;
    assert!(
        !codes[0].windows(8).any(|part| part == b"def50200"),
        "sealed"
    );
    let connections: Vec<i64> = crm.query("SELECT COUNT(*) FROM connections").await;
    assert_eq!(connections, [0], "it connects nothing by itself");
    connect(&crm, ORG).await;
    assert_eq!(pending(&crm, ORG).await, [""; 0]);
    record_install(&crm, &client_id, &host).await;
    crm.advance(TimeDelta::minutes(21));
    assert_eq!(pending(&crm, ORG).await, [""; 0]);
}

async fn record_disabled(crm: &Crm, account: i64, secret: &str) {
    let app = Integration::new(CALLBACK);
    let request = pb::RecordDisabledRequest {
        signature: signature(secret, &format!("{}|{account}", app.client_id)),
        client_uuid: app.client_id,
        account_id: account.to_string(),
    };
    let call = async { crm.connections().record_disabled(request).await };
    crm.as_edge(call).await.unwrap();
}

fn signature(secret: &str, message: &str) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_account_switches_us_off_and_nobody_else_does() {
    const CONFIRM: &str = "crm.confirm_disabled";
    let kommo = kommo().await;
    let crm = Crm::with_kommo(&kommo).await;
    let made = connect(&crm, ORG).await;
    let (secret, account) = ("k".repeat(64), kommo.account());
    for (account, secret) in [
        (account.id(), "somebody else's secret"),
        (account.id() + 1, &secret),
    ] {
        record_disabled(&crm, account, secret).await;
        assert_eq!(crm.run_jobs(CONFIRM).await, []);
    }
    // Signed well, but overheard and repeated: Kommo says that it is not so.
    record_disabled(&crm, account.id(), &secret).await;
    assert_eq!(crm.run_jobs(CONFIRM).await, [Ok(())]);
    assert_eq!(
        get(&crm, &made.name).await.state(),
        pb::ConnectionState::Connected
    );

    account.disable(&Integration::new(CALLBACK).client_id, true);
    record_disabled(&crm, account.id(), &secret).await;
    kommo.fault(Fault::once("GET /api/v4/account", FaultKind::Internal));
    assert_eq!(
        crm.run_jobs(CONFIRM).await,
        [Err("KOMMO_UNAVAILABLE".to_owned())],
        "not known while Kommo does not answer"
    );
    record_disabled(&crm, account.id(), &secret).await;
    assert_eq!(crm.run_jobs(CONFIRM).await, [Ok(())]);
    let off = get(&crm, &made.name).await;
    assert_eq!(off.state(), pb::ConnectionState::Disabled);
    assert_eq!(problems(&off), ["DISABLED"]);
    let request = pb::SyncConnectionRequest { name: off.name };
    let call = async { crm.connections().sync_connection(request).await };
    assert_eq!(reason(crm.as_owner(ORG, call).await), "CONNECTION_STATE");
}
