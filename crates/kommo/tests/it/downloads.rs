//! Attachments: fetched without a token, and from Kommo's hosts only.

use t11_kommo::{Error, HostError};

use crate::raw::{Answer, RawServer};
use crate::support::{client, client_with, failed, http, pace};

#[tokio::test]
async fn an_attachment_is_fetched_without_the_token() {
    let server = RawServer::start(vec![
        Answer::new("302 Found", "location: /b\r\n", ""),
        Answer::new("200 OK", "content-type: audio/ogg\r\n", "OggS"),
    ])
    .await;
    let file = client(&server.host())
        .download(&server.url("/a?sig=1"), 4)
        .await
        .unwrap();
    assert_eq!(file.bytes, b"OggS");
    assert_eq!(file.content_type.as_deref(), Some("audio/ogg"));
    let requests = server.received();
    assert_eq!(requests[1].line, "GET /b");
    assert!(
        requests
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
}

#[tokio::test]
async fn an_attachment_has_its_largest_size() {
    let server = RawServer::start(vec![Answer::new("200 OK", "", "OggS!")]).await;
    let error = failed(client(&server.host()).download(&server.url("/a"), 4).await);
    assert!(matches!(error, Error::TooLarge { limit: 4 }), "{error:?}");
}

#[tokio::test]
async fn an_attachment_elsewhere_is_not_fetched() {
    let elsewhere = RawServer::hearing().await;
    let location = format!("location: {}\r\n", elsewhere.url("/"));
    let server = RawServer::start(vec![Answer::new("302 Found", &location, "")]).await;
    let client = client(&server.host());
    for link in [elsewhere.url("/"), server.url("/redirected")] {
        let error = failed(client.download(&link, 10).await);
        assert!(
            matches!(error, Error::Host(HostError::Malformed)),
            "{link}: {error:?}"
        );
    }
    let error = failed(client.download("https://evil.org/voice.ogg", 10).await);
    assert!(
        matches!(error, Error::Host(HostError::Foreign)),
        "{error:?}"
    );
    assert_eq!(elsewhere.received().len(), 0);
}

#[tokio::test]
async fn a_link_that_is_too_old_does_not_stop_the_account() {
    let server = RawServer::start(vec![
        Answer::page("403 Forbidden"),
        Answer::json(r#"{"id":1}"#),
    ])
    .await;
    let client = client(&server.host());
    let error = failed(client.download(&server.url("/a"), 10).await);
    assert!(matches!(error, Error::Forbidden(_)), "{error:?}");
    client.account().await.unwrap();
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let answer = Answer::new("302 Found", "location: /a\r\n", "");
    let server = RawServer::start(vec![answer]).await;
    let error = failed(client(&server.host()).download(&server.url("/a"), 10).await);
    assert!(matches!(error, Error::Redirected), "{error:?}");
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn a_drive_that_sends_us_elsewhere_gets_no_file() {
    let elsewhere = RawServer::hearing().await;
    let session = format!(r#"{{"upload_url":"{}"}}"#, elsewhere.url("/upload"));
    let server = RawServer::start(vec![Answer::json(&session)]).await;
    let http = http(&[server.host()]);
    let client = client_with(&http, &pace(), &server.host());
    let drive = http.hosts().url(&server.url("/")).unwrap();
    let error = failed(client.upload(&drive, "a.txt", "text/plain", b"abc").await);
    assert!(
        matches!(error, Error::Host(HostError::Malformed)),
        "{error:?}"
    );
    assert_eq!(elsewhere.received().len(), 0);
}
