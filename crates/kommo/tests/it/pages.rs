//! Lists in pages.

use futures::TryStreamExt as _;
use t11_kommo::Error;
use t11_kommo::client::{Lead, LeadQuery};
use t11_kommo::id::LeadId;

use crate::raw::{Answer, RawServer};
use crate::support::{client, failed};

/// A page of one lead with this link to the next.
fn page(id: i64, next: &str) -> Answer {
    Answer::json(&format!(
        r#"{{"_page":1,"_links":{{"next":{{"href":"{next}"}}}},"_embedded":{{"leads":[
            {{"id":{id},"status_id":1,"pipeline_id":1}}]}}}}"#
    ))
}

/// The ids of everything behind these answers, and the queries that were asked.
async fn ids(
    answers: impl FnOnce(&str) -> Vec<Answer>,
) -> (Result<Vec<LeadId>, Error>, Vec<String>) {
    let server = RawServer::start_with(answers).await;
    let pages = client(&server.host()).leads(&LeadQuery::default()).unwrap();
    let leads: Result<Vec<Lead>, Error> = pages.into_stream().try_collect().await;
    let asked = server.received().into_iter().map(|request| request.query);
    (
        leads.map(|leads| leads.iter().map(|lead| lead.id).collect()),
        asked.collect(),
    )
}

fn leads(ids: &[i64]) -> Vec<LeadId> {
    ids.iter().copied().map(LeadId).collect()
}

#[tokio::test]
async fn pages_follow_each_other_until_there_is_no_next() {
    let (found, asked) = ids(|host| {
        let next = |page| format!("http://{host}/api/v4/leads?page={page}&limit=250");
        vec![page(1, &next(2)), page(2, &next(3)), page(3, "")]
    })
    .await;
    assert_eq!(found.unwrap(), leads(&[1, 2, 3]));
    assert_eq!(asked, ["limit=250", "page=2&limit=250", "page=3&limit=250"]);
}

#[tokio::test]
async fn a_list_ends_with_nothing_and_with_an_empty_page() {
    let ends = [
        Answer::new("204 No Content", "", ""),
        Answer::json(r#"{"_embedded":{"leads":[]}}"#),
        Answer::json(r#"{"_embedded":{"leads":null},"_links":[]}"#),
        Answer::json(r#"{"_embedded":[]}"#),
        Answer::json("{}"),
    ];
    for end in ends {
        let (found, _) = ids(|host| {
            let next = format!("http://{host}/api/v4/leads?page=2");
            vec![page(1, &next), end.clone()]
        })
        .await;
        assert_eq!(found.unwrap(), leads(&[1]));
        let (found, _) = ids(|_| vec![end.clone()]).await;
        assert_eq!(found.unwrap(), []);
    }
}

#[tokio::test]
async fn a_next_page_elsewhere_is_refused() {
    let elsewhere = RawServer::hearing().await;
    for (next, is_host) in [
        (elsewhere.url("/api/v4/leads?page=2"), true),
        ("https://evil.org/api/v4/leads?page=2".to_owned(), true),
        ("https://{host}/api/v4/leads?page=2".to_owned(), true),
        ("http://u:p@{host}/api/v4/leads?page=2".to_owned(), true),
        ("http://{host}/api/v4/users?page=2".to_owned(), false),
    ] {
        let (found, asked) = ids(|host| vec![page(1, &next.replace("{host}", host))]).await;
        let error = failed(found);
        assert_eq!(
            matches!(error, Error::Host(_)),
            is_host,
            "{next}: {error:?}"
        );
        assert_eq!(asked.len(), 1);
    }
    assert_eq!(elsewhere.received().len(), 0);
}

#[tokio::test]
async fn pages_in_a_circle_are_refused() {
    let (found, asked) = ids(|host| {
        let next = |page| format!("http://{host}/api/v4/leads?page={page}");
        vec![page(1, &next(2)), page(2, &next(3)), page(3, &next(2))]
    })
    .await;
    assert!(matches!(failed(found), Error::Malformed { .. }));
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn a_list_of_another_name_is_not_an_empty_one() {
    let (found, _) = ids(|_| vec![Answer::json(r#"{"_embedded":{"deals":[{"id":1}]}}"#)]).await;
    assert!(matches!(failed(found), Error::Malformed { .. }));
}

#[tokio::test]
async fn after_a_failure_the_same_page_is_asked_for_again() {
    let server = RawServer::start(vec![
        Answer::page("502 Bad Gateway"),
        Answer::json(r#"{"_embedded":{"leads":[{"id":1,"status_id":1,"pipeline_id":1}]}}"#),
    ])
    .await;
    let mut pages = client(&server.host()).leads(&LeadQuery::default()).unwrap();
    assert!(matches!(
        failed(pages.next_page().await),
        Error::Unavailable(_)
    ));
    assert_eq!(pages.next_page().await.unwrap().unwrap().len(), 1);
    assert!(pages.next_page().await.unwrap().is_none());
    assert_eq!(server.received()[0].query, server.received()[1].query);
}
