//! Scripts and responses through their real routes.
//! On SQLite, and with `T11_TEST_DATABASE_URL` set on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use t11_core::OrgId;
use t11_grpc::Peer;
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::playbook_service_client::PlaybookServiceClient;
use tonic::Status;
use uuid::Uuid;

use crate::rpc_rig::{Rig, refused};

fn client(rig: &Rig) -> PlaybookServiceClient<Peer> {
    PlaybookServiceClient::new(rig.peer())
}

fn script(display_name: &str, content: &str) -> pb::Script {
    pb::Script {
        display_name: display_name.to_owned(),
        r#type: "greeting".to_owned(),
        content: content.to_owned(),
        state: pb::PlayState::Published.into(),
        ..pb::Script::default()
    }
}

fn objection(kind: &str, response: &str) -> pb::ObjectionResponse {
    pb::ObjectionResponse {
        r#type: kind.to_owned(),
        response: response.to_owned(),
        phrases: vec!["слишком дорого".to_owned()],
        ..pb::ObjectionResponse::default()
    }
}

async fn create(rig: &Rig, script: pb::Script, request_id: &str) -> Result<pb::Script, Status> {
    let request = pb::CreateScriptRequest {
        script: Some(script),
        request_id: request_id.to_owned(),
    };
    Ok(rig
        .call(client(rig).create_script(request))
        .await?
        .into_inner())
}

async fn respond(
    rig: &Rig,
    response: pb::ObjectionResponse,
) -> Result<pb::ObjectionResponse, Status> {
    let request = pb::CreateObjectionResponseRequest {
        objection_response: Some(response),
        ..pb::CreateObjectionResponseRequest::default()
    };
    let made = rig
        .call(client(rig).create_objection_response(request))
        .await?;
    Ok(made.into_inner())
}

async fn names(rig: &Rig, request: pb::ListScriptsRequest) -> Vec<String> {
    let listed = rig
        .call(client(rig).list_scripts(request))
        .await
        .unwrap()
        .into_inner();
    listed
        .scripts
        .into_iter()
        .map(|script| script.display_name)
        .collect()
}

#[tokio::test]
async fn a_script_is_made_once_a_request_changed_and_deleted() {
    let rig = Rig::start().await;
    let request_id = Uuid::from_u128(77).to_string();
    let made = create(&rig, script("Привет", "Здравствуйте!"), &request_id)
        .await
        .unwrap();
    let again = create(&rig, script("Другое", "Здравствуйте!"), &request_id)
        .await
        .unwrap();
    assert_eq!(made, again);
    let taken = create(&rig, script("ПРИВЕТ", "Добрый день!"), "").await;
    assert_eq!(refused(taken), ["SCRIPT_NAME_TAKEN"]);

    let change = |etag: &str| pb::UpdateScriptRequest {
        script: Some(pb::Script {
            name: made.name.clone(),
            etag: etag.to_owned(),
            ..script("Привет", "Добрый день!")
        }),
    };
    let changed = rig
        .call(client(&rig).update_script(change(&made.etag)))
        .await
        .unwrap();
    assert_eq!(changed.get_ref().content, "Добрый день!");
    let stale = rig
        .call(client(&rig).update_script(change(&made.etag)))
        .await;
    assert_eq!(refused(stale), ["ETAG_STALE"]);

    let name = made.name.clone();
    let foreign = client(&rig)
        .get_script(pb::GetScriptRequest { name: name.clone() })
        .await;
    assert!(foreign.is_err(), "nobody is no caller");
    let other = OrgId(Uuid::from_u128(99));
    let mut reader = client(&rig);
    let foreign = reader.get_script(pb::GetScriptRequest { name: name.clone() });
    assert_eq!(refused(rig.call_in(other, foreign).await), ["NOT_FOUND"]);
    let deletion = pb::DeleteScriptRequest {
        name: name.clone(),
        etag: String::new(),
    };
    rig.call(client(&rig).delete_script(deletion))
        .await
        .unwrap();
    let gone = rig
        .call(client(&rig).get_script(pb::GetScriptRequest { name }))
        .await;
    assert_eq!(refused(gone), ["NOT_FOUND"]);
    rig.stop().await;
}

#[tokio::test]
async fn scripts_are_listed_by_name_and_filtered() {
    let rig = Rig::start().await;
    let agent = rig.agent("Анна").await.name;
    let other = rig.agent("Борис").await.name;
    let mut own = script("б Анны", "Скажи про берёзу 100%");
    own.agent.clone_from(&agent);
    let mut closing = script("а для всех", "Прощание");
    closing.r#type = "closing".to_owned();
    create(&rig, own, "").await.unwrap();
    create(&rig, closing, "").await.unwrap();
    create(&rig, script("в для всех", "Привет"), "")
        .await
        .unwrap();
    let all = pb::ListScriptsRequest::default();
    assert_eq!(
        names(&rig, all.clone()).await,
        ["а для всех", "б Анны", "в для всех"]
    );
    let greetings = pb::ListScriptsRequest {
        r#type: "greeting".to_owned(),
        agent: other,
        ..all.clone()
    };
    assert_eq!(names(&rig, greetings).await, ["в для всех"]);
    let query = pb::ListScriptsRequest {
        query: "БЕРЁЗУ 100%".to_owned(),
        agent,
        ..all.clone()
    };
    assert_eq!(names(&rig, query).await, ["б Анны"]);

    let first = pb::ListScriptsRequest {
        page_size: 2,
        ..all.clone()
    };
    let page = rig
        .call(client(&rig).list_scripts(first))
        .await
        .unwrap()
        .into_inner();
    let rest = pb::ListScriptsRequest {
        page_size: 2,
        page_token: page.next_page_token,
        ..all.clone()
    };
    assert_eq!(names(&rig, rest).await, ["в для всех"]);
    let unknown = pb::ListScriptsRequest {
        r#type: "song".to_owned(),
        ..all
    };
    let unknown = rig.call(client(&rig).list_scripts(unknown)).await;
    assert_eq!(refused(unknown), ["type UNKNOWN_VALUE"]);
    rig.stop().await;
}

#[tokio::test]
async fn placeholders_discounts_and_agents_are_checked() {
    let rig = Rig::start().await;
    let unknown = create(&rig, script("Привет", "Здравствуйте, {{name}}!"), "").await;
    assert_eq!(refused(unknown), ["script.content VARIABLE_UNKNOWN"]);
    let mut nobodys = script("Привет", "Здравствуйте!");
    nobodys.agent = t11_core::format_name("agents", Uuid::from_u128(1));
    assert_eq!(
        refused(create(&rig, nobodys, "").await),
        ["script.agent NOT_FOUND"]
    );
    let mut generous = objection("price", "Скидка 20 % сегодня.");
    generous.max_discount_percent = Some(10);
    let above = ["objection_response.response DISCOUNT_ABOVE_MAX"];
    assert_eq!(refused(respond(&rig, generous).await), above);
    let odd = respond(&rig, objection("weather", "{{secret}}")).await;
    assert_eq!(
        refused(odd),
        [
            "objection_response.type UNKNOWN_VALUE",
            "objection_response.response VARIABLE_UNKNOWN",
        ]
    );
    rig.stop().await;
}

#[tokio::test]
async fn responses_are_kept_listed_by_type_and_deleted() {
    let rig = Rig::start().await;
    let trust = respond(&rig, objection("trust", "Мы работаем давно."))
        .await
        .unwrap();
    let price = respond(&rig, objection("price", "Каркас из берёзы."))
        .await
        .unwrap();
    let listed = rig
        .call(client(&rig).list_objection_responses(pb::ListObjectionResponsesRequest::default()))
        .await
        .unwrap()
        .into_inner();
    let types: Vec<_> = listed
        .objection_responses
        .iter()
        .map(|r| r.r#type.as_str())
        .collect();
    assert_eq!(types, ["price", "trust"]);
    assert_eq!((price.usage_count, price.effectiveness), (0, 0.0));
    assert_eq!(price.phrases, ["слишком дорого"]);
    let deletion = pb::DeleteObjectionResponseRequest {
        name: trust.name.clone(),
        etag: "\"9\"".to_owned(),
    };
    let stale = rig
        .call(client(&rig).delete_objection_response(deletion.clone()))
        .await;
    assert_eq!(refused(stale), ["ETAG_STALE"]);
    let deletion = pb::DeleteObjectionResponseRequest {
        etag: trust.etag,
        ..deletion
    };
    rig.call(client(&rig).delete_objection_response(deletion))
        .await
        .unwrap();
    rig.stop().await;
}
