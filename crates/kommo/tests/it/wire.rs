//! Answers that are not what they should be.

use std::io::Write as _;
use std::time::{Duration, Instant};

use t11_kommo::client::{Entity, NewNote};
use t11_kommo::id::{ContactId, LeadId};
use t11_kommo::{Error, OAuth, Repeat};

use crate::raw::{Answer, RawServer};
use crate::support::{app, client, client_with, failed, http, pace};

const LEAD: Entity = Entity::Lead(LeadId(5001));

/// What a GET and what a POST make of the same answer.
async fn both(answer: Answer) -> (Error, Error) {
    let server = RawServer::start(vec![answer]).await;
    let read = failed(client(&server.host()).account().await);
    let note = NewNote::common("x");
    let written = failed(client(&server.host()).create_note(LEAD, &note).await);
    assert_eq!(server.received().len(), 2, "nothing is asked twice");
    (read, written)
}

#[tokio::test]
async fn a_request_carries_its_token() {
    let server = RawServer::start(vec![Answer::json(r#"{"id":1}"#)]).await;
    client(&server.host()).account().await.unwrap();
    let request = &server.received()[0];
    assert_eq!(request.line, "GET /api/v4/account");
    assert!(
        request.query.starts_with("with=amojo_id"),
        "{}",
        request.query
    );
    assert_eq!(request.header("authorization"), Some("Bearer access-token"));
    assert!(request.header("user-agent").unwrap().starts_with("T11/"));
}

#[tokio::test]
async fn nothing_where_one_thing_was_asked_for_is_not_found() {
    let server = RawServer::start(vec![Answer::new("204 No Content", "", "")]).await;
    let error = failed(client(&server.host()).lead(LeadId(1), &[]).await);
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn a_contact_that_only_the_list_has_is_found() {
    let server = RawServer::start(vec![
        Answer::new("204 No Content", "", ""),
        Answer::json(r#"{"_embedded":{"contacts":[{"id":6001,"name":"Ana"}]}}"#),
    ])
    .await;
    let contact = client(&server.host())
        .contact(ContactId(6001), &[])
        .await
        .unwrap();
    assert_eq!(contact.name, "Ana");
    let asked = &server.received()[1];
    assert_eq!(asked.line, "GET /api/v4/contacts");
    assert!(
        asked.query.contains("filter%5Bid%5D%5B0%5D=6001"),
        "{}",
        asked.query
    );
}

#[tokio::test]
async fn a_broken_connection_leaves_a_write_unknown() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":";
    for answer in [Answer::Cut, Answer::Bytes(head.into())] {
        let (read, written) = both(answer).await;
        assert!(matches!(read, Error::Unavailable(_)), "{read:?}");
        assert_eq!(read.repeat(), Repeat::Safe(None));
        assert!(matches!(written, Error::OutcomeUnknown), "{written:?}");
        assert_eq!(written.repeat(), Repeat::ReadFirst);
    }
}

#[tokio::test]
async fn json_that_is_none_leaves_a_write_unknown() {
    for body in ["{\"id\":", "<html>", "[]", "{\"id\":{}}", "\u{fffd}"] {
        let (read, written) = both(Answer::json(body)).await;
        assert!(matches!(read, Error::Malformed { .. }), "{body}: {read:?}");
        assert!(
            matches!(written, Error::OutcomeUnknown),
            "{body}: {written:?}"
        );
    }
    let (read, _) = both(Answer::with_body("200 OK", "", b"{\"id\":\"\xff\"}")).await;
    assert!(matches!(read, Error::Malformed { .. }), "{read:?}");
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_done() {
    let host = RawServer::hearing().await.host();
    let error = failed(client(&host).create_note(LEAD, &NewNote::common("x")).await);
    assert!(matches!(error, Error::Unreachable), "{error:?}");
    assert_eq!(error.repeat(), Repeat::Safe(None));
}

#[tokio::test]
async fn an_answer_that_drips_ends_in_time() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{";
    let began = Instant::now();
    let drip = Answer::Drip(head.into(), Duration::from_millis(50));
    let (read, written) = both(drip).await;
    assert!(matches!(read, Error::Timeout), "{read:?}");
    assert!(matches!(written, Error::OutcomeUnknown), "{written:?}");
    // Twice a second and a half.
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    // Headers that drip, too.
    let drip = Answer::Drip("HTTP/1.1 200 OK\r\nx: ".into(), Duration::from_millis(50));
    assert!(matches!(both(drip).await.0, Error::Timeout));
}

#[tokio::test]
async fn an_answer_has_its_largest_size() {
    let large = vec![b' '; 17 * 1024 * 1024];
    let (read, written) = both(Answer::with_body("200 OK", "", &large)).await;
    assert!(matches!(read, Error::TooLarge { .. }), "{read:?}");
    assert!(matches!(written, Error::OutcomeUnknown), "{written:?}");
}

#[tokio::test]
async fn an_answer_is_measured_as_it_is_unpacked() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let megabyte = vec![b' '; 1024 * 1024];
    for _ in 0..64 {
        packer.write_all(&megabyte).unwrap();
    }
    let packed = packer.finish().unwrap();
    assert!(packed.len() < 1024 * 1024);
    let answer = Answer::with_body("200 OK", "content-encoding: gzip\r\n", &packed);
    let server = RawServer::start(vec![answer]).await;
    let error = failed(client(&server.host()).account().await);
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn no_redirect_is_followed_with_secrets() {
    let elsewhere = RawServer::hearing().await;
    for status in [
        "301 Moved",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location = format!("location: {}\r\n", elsewhere.url("/stolen"));
        let answer = Answer::new(status, &location, "");
        let server = RawServer::start(vec![answer]).await;
        // Even to a host that may be talked to.
        let http = http(&[server.host(), elsewhere.host()]);
        let client = client_with(&http, &pace(), &server.host());
        let error = failed(client.account().await);
        assert!(matches!(error, Error::Redirected), "{error:?}");
        let oauth = OAuth::new(&http, &pace(), app());
        let error = failed(oauth.refresh(client.host(), &"refresh".into()).await);
        assert!(matches!(error, Error::Redirected), "{error:?}");
    }
    assert_eq!(elsewhere.received().len(), 0);
}

#[tokio::test]
async fn a_token_request_is_what_kommo_reads() {
    let pair =
        r#"{"token_type":"Bearer","expires_in":86400,"access_token":"a","refresh_token":"r2"}"#;
    let server = RawServer::start(vec![Answer::json(pair)]).await;
    let http = http(&[server.host()]);
    let host = http.hosts().account(&server.host()).unwrap();
    let oauth = OAuth::new(&http, &pace(), app());
    let tokens = oauth.refresh(&host, &"r1".into()).await.unwrap();
    assert_eq!(tokens.expires_in, Duration::from_secs(86_400));
    let request = &server.received()[0];
    assert_eq!(request.line, "POST /oauth2/access_token");
    assert_eq!(request.header("authorization"), None);
    let body = String::from_utf8(request.body.clone()).unwrap();
    assert!(
        body.contains(r#""grant_type":"refresh_token","refresh_token":"r1""#),
        "{body}"
    );
    assert!(
        body.contains(r#""redirect_uri":"http://127.0.0.1:8080/api/kommo/callback""#),
        "{body}"
    );
}

#[tokio::test]
async fn an_account_that_moved_to_a_strange_host_is_not_followed() {
    let answer = Answer::json(r#"{"id":1,"subdomain":"x","domain":"evil.org"}"#);
    let server = RawServer::start(vec![answer]).await;
    let http = http(&[server.host()]);
    let host = http.hosts().account(&server.host()).unwrap();
    let oauth = OAuth::new(&http, &pace(), app());
    let error = failed(oauth.current_host(&host, &"r1".into()).await);
    assert!(matches!(error, Error::Host(_)), "{error:?}");
    assert_eq!(server.received()[0].header("x-refresh-token"), Some("r1"));
}
