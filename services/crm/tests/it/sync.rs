//! Accounts are mirrored.

use std::time::Duration;

use serde_json::json;
use t11_core::OrgId;
use t11_fake_kommo::{FakeKommo, Fault, FaultKind, Integration, Newcomer};
use t11_proto::crm::v1 as pb;

use crate::authorization::{connect, get, kommo};
use crate::harness::{Crm, ORG, OTHER_ORG, reason};

const SYNC: &str = "crm.sync_connection";
const CALLBACK: &str = "http://127.0.0.1:8080/api/kommo/oauth/callback";

/// Whoever works at the account itself.
struct Admin {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Admin {
    fn of(kommo: &FakeKommo) -> Self {
        let account = kommo.account();
        let client_id = Integration::new(CALLBACK).client_id;
        Self {
            base: format!("{}/api/v4", account.base_url()),
            token: account.long_lived_token(&client_id, 10).unwrap(),
            http: reqwest::Client::new(),
        }
    }

    async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: serde_json::Value,
    ) -> serde_json::Value {
        let url = format!("{}{path}", self.base);
        let request = self.http.request(method, url).bearer_auth(&self.token);
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

async fn sync(crm: &Crm, name: &str) -> pb::SyncConnectionResponse {
    let request = pb::SyncConnectionRequest {
        name: name.to_owned(),
    };
    let call = async { crm.connections().sync_connection(request).await };
    crm.as_owner(ORG, call).await.unwrap().into_inner()
}

async fn pipelines(crm: &Crm, org: OrgId, name: &str) -> Result<Vec<pb::Pipeline>, tonic::Status> {
    let request = pb::ListPipelinesRequest {
        parent: name.to_owned(),
    };
    let call = async { crm.catalog().list_pipelines(request).await };
    let answer = crm.as_owner(org, call).await?;
    Ok(answer.into_inner().pipelines)
}

async fn users(crm: &Crm, name: &str) -> Vec<pb::CrmUser> {
    let request = pb::ListUsersRequest {
        parent: name.to_owned(),
    };
    let call = async { crm.catalog().list_users(request).await };
    crm.as_owner(ORG, call).await.unwrap().into_inner().users
}

async fn fields(crm: &Crm, name: &str) -> Vec<pb::CustomField> {
    let request = pb::ListCustomFieldsRequest {
        parent: name.to_owned(),
    };
    let call = async { crm.catalog().list_custom_fields(request).await };
    let answer = crm.as_owner(ORG, call).await.unwrap();
    answer.into_inner().custom_fields
}

async fn loss_reasons(crm: &Crm, name: &str) -> Vec<pb::LossReason> {
    let request = pb::ListLossReasonsRequest {
        parent: name.to_owned(),
    };
    let call = async { crm.catalog().list_loss_reasons(request).await };
    let answer = crm.as_owner(ORG, call).await.unwrap();
    answer.into_inner().loss_reasons
}

async fn task_types(crm: &Crm, name: &str) -> Vec<pb::TaskType> {
    let request = pb::ListTaskTypesRequest {
        parent: name.to_owned(),
    };
    let call = async { crm.catalog().list_task_types(request).await };
    let answer = crm.as_owner(ORG, call).await.unwrap();
    answer.into_inner().task_types
}

async fn channels(crm: &Crm, name: &str) -> Vec<pb::Channel> {
    let request = pb::ListChannelsRequest {
        parent: name.to_owned(),
    };
    let call = async { crm.catalog().list_channels(request).await };
    crm.as_owner(ORG, call).await.unwrap().into_inner().channels
}

/// What was told, oldest first: kind, entity, name now and before.
async fn changes(crm: &Crm, name: &str) -> Vec<(String, String, String, String)> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListSyncChangesRequest {
            parent: name.to_owned(),
            page_size: 2,
            page_token,
        };
        let call = async { crm.catalog().list_sync_changes(request).await };
        let page = crm.as_owner(ORG, call).await.unwrap().into_inner();
        all.extend(page.sync_changes.into_iter().map(|change| {
            let names = (change.display_name, change.previous_display_name);
            (change.kind, change.entity, names.0, names.1)
        }));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            all.sort();
            return all;
        }
    }
}

fn told(kind: &str, entity: &str, name: &str, previous: &str) -> (String, String, String, String) {
    let own = str::to_owned;
    (own(kind), own(entity), own(name), own(previous))
}

#[tokio::test]
async fn an_account_is_mirrored_when_it_is_connected() {
    let kommo = kommo().await;
    let account = kommo.account();
    let (pipeline_id, stages) = account.stages();
    let budget = account.field("Budget").unwrap();
    account.require_field(budget, pipeline_id, stages[1]);
    let arrived = account.newcomer(&Newcomer::default(), "Hi");
    let admin = Admin::of(&kommo);
    let source = json!([{"name": "Our chat", "external_id": "chat-1"}]);
    admin.send(reqwest::Method::POST, "/sources", source).await;

    let crm = Crm::with_kommo(&kommo).await;
    let made = connect(&crm, ORG).await;
    assert_eq!(crm.run_jobs(SYNC).await, [Ok(())]);

    let found = pipelines(&crm, ORG, &made.name).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].pipeline_id, found[0].main), (pipeline_id, true));
    let kinds: Vec<_> = found[0]
        .stages
        .iter()
        .map(|stage| stage.kind.as_str())
        .collect();
    assert_eq!(kinds, ["incoming", "open", "open", "won", "lost"]);
    assert_eq!(found[0].stages[3].stage_id, 142);
    assert_eq!(found[0].stages[1].color, "#99ccff");
    let names: Vec<_> = users(&crm, &made.name)
        .await
        .into_iter()
        .map(|user| (user.display_name, user.admin, user.gone))
        .collect();
    let expected = [("Admin", true, false), ("Ivan", false, false)];
    assert_eq!(
        names,
        expected.map(|(name, admin, gone)| (name.to_owned(), admin, gone))
    );
    let fields = fields(&crm, &made.name).await;
    let required = fields
        .iter()
        .find(|field| field.field_id == budget)
        .unwrap();
    assert_eq!(
        (required.entity.as_str(), required.r#type.as_str()),
        ("leads", "numeric")
    );
    assert_eq!(required.required_stages[0].stage_id, stages[1]);
    let phone = |entity: &str| {
        let mut all = fields.iter();
        all.any(|field| field.entity == entity && field.code == "PHONE")
    };
    assert!(phone("contacts") && phone("companies"));
    let mode = fields
        .iter()
        .find(|field| field.display_name == "AI mode")
        .unwrap();
    assert_eq!(mode.options[1].display_name, "Human");
    let reasons = loss_reasons(&crm, &made.name).await;
    assert_eq!(reasons[0].display_name, "Too expensive");
    assert!(!task_types(&crm, &made.name).await.is_empty());
    assert_eq!(channels(&crm, &made.name).await[0].display_name, "Our chat");
    assert_eq!(
        changes(&crm, &made.name).await,
        [],
        "the first time all of it is new"
    );

    let leads: Vec<i64> = crm.query("SELECT lead_id FROM leads").await;
    assert_eq!(leads, [arrived.lead_id.unwrap()]);
    let contact: Vec<i64> = crm.query("SELECT contact_id FROM leads").await;
    assert_eq!(contact, [arrived.contact_id]);
    let contacts: Vec<i64> = crm.query("SELECT contact_id FROM contacts").await;
    assert_eq!(contacts, [arrived.contact_id]);
    assert!(get(&crm, &made.name).await.last_sync_time.is_some());
    let foreign = pipelines(&crm, OTHER_ORG, &made.name).await;
    assert_eq!(reason(foreign), "NOT_FOUND");
}

#[tokio::test]
async fn what_changed_is_told_and_what_is_gone_stays_marked() {
    let kommo = kommo().await;
    let (pipeline_id, stages) = kommo.account().stages();
    let crm = Crm::with_kommo(&kommo).await;
    let name = connect(&crm, ORG).await.name;
    crm.run_jobs(SYNC).await;

    let admin = Admin::of(&kommo);
    let stage = format!("/leads/pipelines/{pipeline_id}/statuses/{}", stages[1]);
    let renamed = json!({"name": "First talk"});
    admin.send(reqwest::Method::PATCH, &stage, renamed).await;
    let added = json!([{"name": "Service", "sort": 20, "is_main": false, "is_unsorted_on": false}]);
    let added = admin
        .send(reqwest::Method::POST, "/leads/pipelines", added)
        .await;
    let service = added["_embedded"]["pipelines"][0]["id"].as_i64().unwrap();
    let first = sync(&crm, &name).await;
    assert_eq!(
        sync(&crm, &name).await,
        first,
        "the running one is answered"
    );
    assert_eq!(crm.run_jobs(SYNC).await, [Ok(())]);
    let news = changes(&crm, &name).await;
    assert!(
        news.contains(&told("added", "pipeline", "Service", "")),
        "{news:?}"
    );
    assert!(
        news.contains(&told("changed", "stage", "First talk", "First contact")),
        "{news:?}"
    );

    let path = format!("/leads/pipelines/{service}");
    admin
        .send(reqwest::Method::DELETE, &path, json!(null))
        .await;
    assert_ne!(sync(&crm, &name).await, first);
    assert_eq!(crm.run_jobs(SYNC).await, [Ok(())]);
    let news = changes(&crm, &name).await;
    assert!(
        news.contains(&told("gone", "pipeline", "Service", "")),
        "{news:?}"
    );
    let found = pipelines(&crm, ORG, &name).await.unwrap();
    let gone = found.iter().find(|one| one.pipeline_id == service).unwrap();
    assert!(gone.gone && gone.stages.iter().all(|stage| stage.gone));
}

#[tokio::test]
async fn leads_are_read_by_what_has_changed_and_deleted_ones_are_marked() {
    let kommo = kommo().await;
    let (account, user) = (kommo.account(), kommo.account().users()[0]);
    let old = account.add_lead("Old", user);
    let gone = account.add_lead("Gone", user);
    let crm = Crm::with_kommo(&kommo).await;
    let name = connect(&crm, ORG).await.name;
    crm.run_jobs(SYNC).await;
    let mut leads: Vec<i64> = crm.query("SELECT lead_id FROM leads").await;
    leads.sort_unstable();
    assert_eq!(leads, [old, gone]);

    kommo.advance(Duration::from_secs(3 * 3_600));
    let new = account.add_lead("New", user);
    account.delete_lead(gone, user);
    let seen = kommo.calls().len();
    sync(&crm, &name).await;
    assert_eq!(crm.run_jobs(SYNC).await, [Ok(())]);
    let calls = kommo.calls();
    let lists = calls[seen..]
        .iter()
        .filter(|call| call.route == "GET /api/v4/leads");
    let lists: Vec<_> = lists
        .filter(|call| !call.uri.contains("only_deleted"))
        .collect();
    assert!(
        lists
            .iter()
            .all(|call| call.uri.contains("updated_at%5D%5Bfrom%5D")),
        "{lists:?}"
    );
    let deleted: Vec<i64> = crm
        .query("SELECT lead_id FROM leads WHERE is_deleted")
        .await;
    assert_eq!(deleted, [gone]);
    let there: Vec<i64> = crm
        .query("SELECT lead_id FROM leads WHERE NOT is_deleted")
        .await;
    assert!(there.contains(&old) && there.contains(&new) && there.len() == 2);
}

#[tokio::test]
async fn many_leads_of_one_second_are_all_read() {
    let kommo = kommo().await;
    let (account, user) = (kommo.account(), kommo.account().users()[0]);
    for number in 0..600 {
        account.add_lead(&format!("Lead {number}"), user);
    }
    let later = kommo.now() + 60;
    kommo.set_clock(later);
    for number in 600..900 {
        account.add_lead(&format!("Lead {number}"), user);
    }
    let crm = Crm::with_kommo(&kommo).await;
    connect(&crm, ORG).await;
    assert_eq!(crm.run_jobs(SYNC).await, [Ok(())]);
    let count: Vec<i64> = crm.query("SELECT COUNT(*) FROM leads").await;
    assert_eq!(count, [900]);
}

#[tokio::test]
async fn what_a_token_may_not_read_is_left_as_it_was() {
    let kommo = kommo().await;
    let staff = kommo.account().users();
    kommo.set_granting_user(staff[1]);
    let crm = Crm::with_kommo(&kommo).await;
    let name = connect(&crm, ORG).await.name;
    assert_eq!(crm.run_jobs(SYNC).await, [Ok(())]);
    assert_eq!(users(&crm, &name).await, []);
    assert_eq!(pipelines(&crm, ORG, &name).await.unwrap().len(), 1);
    kommo.set_granting_user(staff[0]);
    connect(&crm, ORG).await;
    crm.run_jobs(SYNC).await;
    assert_eq!(users(&crm, &name).await.len(), 2);
    kommo.set_granting_user(staff[1]);
    connect(&crm, ORG).await;
    assert_eq!(crm.run_jobs(SYNC).await, [Ok(())]);
    assert_eq!(users(&crm, &name).await.len(), 2);
}

#[tokio::test]
async fn a_sync_that_was_cut_off_is_done_again() {
    let kommo = kommo().await;
    kommo.account().newcomer(&Newcomer::default(), "Hi");
    let crm = Crm::with_kommo(&kommo).await;
    let name = connect(&crm, ORG).await.name;
    kommo.fault(Fault::once("GET /api/v4/leads", FaultKind::Internal));
    assert_eq!(
        crm.run_jobs(SYNC).await,
        [Err("KOMMO_UNAVAILABLE".to_owned())]
    );
    assert!(get(&crm, &name).await.last_sync_time.is_none());
    crm.advance(chrono::TimeDelta::minutes(11));
    sync(&crm, &name).await;
    assert_eq!(crm.run_jobs(SYNC).await, [Ok(())]);
    let count: Vec<i64> = crm.query("SELECT COUNT(*) FROM leads").await;
    assert_eq!(count, [1]);
}
