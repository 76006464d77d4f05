//! Settings for the CRM through their real routes.
//! On SQLite, and with `T11_TEST_DATABASE_URL` set on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_proto::agents::v1::crm_settings_service_client::CrmSettingsServiceClient;
use tonic::Status;

use crate::rpc_rig::{Rig, connection, refused};

async fn get(rig: &Rig, agent: &str) -> pb::CrmSettings {
    let request = pb::GetCrmSettingsRequest {
        name: format!("{agent}/crmSettings"),
    };
    let mut client = CrmSettingsServiceClient::new(rig.peer());
    rig.call(client.get_crm_settings(request))
        .await
        .unwrap()
        .into_inner()
}

async fn put(rig: &Rig, settings: pb::CrmSettings) -> Result<pb::CrmSettings, Status> {
    let request = pb::UpdateCrmSettingsRequest {
        crm_settings: Some(settings),
    };
    let mut client = CrmSettingsServiceClient::new(rig.peer());
    Ok(rig
        .call(client.update_crm_settings(request))
        .await?
        .into_inner())
}

/// The agent works on one stage of the account, on Telegram.
fn on_stage(agent: &str, stage_id: i64) -> pb::CrmSettings {
    pb::CrmSettings {
        name: format!("{agent}/crmSettings"),
        connection: connection(),
        pipelines: vec![pb::PipelineSettings {
            pipeline_id: 1,
            all_stages: false,
            stages: vec![pb::StageSettings {
                stage_id,
                goal: "Узнать бюджет".to_owned(),
                ..pb::StageSettings::default()
            }],
        }],
        channels: vec!["telegram".to_owned()],
        ..pb::CrmSettings::default()
    }
}

#[tokio::test]
async fn settings_are_replaced_whole_under_their_etag() {
    let rig = Rig::start().await;
    let agent = rig.agent("Анна").await.name;
    let empty = get(&rig, &agent).await;
    assert_eq!((empty.connection.as_str(), empty.pipelines.len()), ("", 0));

    let mut given = on_stage(&agent, 11);
    given.etag.clone_from(&empty.etag);
    given.read_fields = vec![pb::FieldRead {
        entity: "leads".to_owned(),
        field_id: 31,
    }];
    given.stage_moves = vec![pb::StageMove {
        pipeline_id: 1,
        from_stage_id: 11,
        to_stage_id: 12,
        mode: pb::StageMoveMode::Auto.into(),
        min_confidence: 0.8,
        needed_field_ids: vec![31],
        condition: "бюджет назван".to_owned(),
    }];
    let kept = put(&rig, given.clone()).await.unwrap();
    assert_eq!(kept.pipelines, given.pipelines);
    assert_eq!(kept.stage_moves, given.stage_moves);
    assert_eq!(kept, get(&rig, &agent).await);
    assert_eq!(refused(put(&rig, given).await), ["ETAG_STALE"]);

    let mut cleared = pb::CrmSettings {
        name: format!("{agent}/crmSettings"),
        etag: kept.etag,
        ..pb::CrmSettings::default()
    };
    cleared = put(&rig, cleared).await.unwrap();
    assert!(cleared.pipelines.is_empty() && cleared.connection.is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn what_the_account_has_not_is_refused() {
    let rig = Rig::start().await;
    let agent = rig.agent("Анна").await.name;
    let gone = put(&rig, on_stage(&agent, 13)).await;
    let stage = "crm_settings.pipelines[0].stages[0].stage_id NOT_FOUND";
    assert_eq!(refused(gone), [stage]);
    let mut unknown = on_stage(&agent, 11);
    unknown.write_fields = vec![pb::FieldWrite {
        entity: "contacts".to_owned(),
        field_id: 31,
        ..pb::FieldWrite::default()
    }];
    let field = "crm_settings.write_fields[0].field_id NOT_FOUND";
    assert_eq!(refused(put(&rig, unknown).await), [field]);
    let mut elsewhere = on_stage(&agent, 11);
    elsewhere.connection = "connections/00000000-0000-0000-0000-000000000001".to_owned();
    let connection = "crm_settings.connection NOT_FOUND";
    assert_eq!(refused(put(&rig, elsewhere).await), [connection]);
    rig.stop().await;
}

#[tokio::test]
async fn two_agents_do_not_answer_by_themselves_on_one_stage_and_channel() {
    let rig = Rig::start().await;
    let (anna, boris) = (rig.agent("Анна").await.name, rig.agent("Борис").await.name);
    put(&rig, on_stage(&anna, 11)).await.unwrap();
    put(&rig, on_stage(&boris, 11)).await.unwrap();
    rig.activate(&anna).await.unwrap();
    assert_eq!(refused(rig.activate(&boris).await), ["STAGE_TAKEN"]);
    assert_eq!(
        refused(put(&rig, on_stage(&boris, 11)).await),
        ["STAGE_TAKEN"]
    );

    let mut other_channel = on_stage(&boris, 11);
    other_channel.channels = vec!["waba".to_owned()];
    put(&rig, other_channel).await.unwrap();
    rig.activate(&boris).await.unwrap();
    assert_eq!(
        refused(put(&rig, on_stage(&boris, 11)).await),
        ["STAGE_TAKEN"]
    );

    // Who drafts may stay beside who answers, but not begin to answer.
    let mut drafts = on_stage(&boris, 11);
    drafts.pipelines[0].stages[0].answer_mode = pb::AnswerMode::Draft.into();
    put(&rig, drafts).await.unwrap();
    let mut inherits = on_stage(&boris, 12);
    inherits.pipelines[0].all_stages = true;
    assert_eq!(refused(put(&rig, inherits).await), ["STAGE_TAKEN"]);
    rig.stop().await;
}

#[tokio::test]
async fn an_agent_that_begins_to_answer_by_itself_is_checked_too() {
    let rig = Rig::start().await;
    let (anna, boris) = (rig.agent("Анна").await.name, rig.agent("Борис").await);
    put(&rig, on_stage(&anna, 11)).await.unwrap();
    rig.activate(&anna).await.unwrap();
    let change = |answer_mode: pb::AnswerMode| pb::UpdateAgentRequest {
        agent: Some(pb::Agent {
            name: boris.name.clone(),
            answer_mode: answer_mode.into(),
            ..pb::Agent::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["answer_mode".to_owned()],
        }),
    };
    let mut client = AgentServiceClient::new(rig.peer());
    rig.call(client.update_agent(change(pb::AnswerMode::Draft)))
        .await
        .unwrap();
    put(&rig, on_stage(&boris.name, 11)).await.unwrap();
    rig.activate(&boris.name).await.unwrap();
    let auto = rig
        .call(client.update_agent(change(pb::AnswerMode::Auto)))
        .await;
    assert_eq!(refused(auto), ["STAGE_TAKEN"]);
    rig.stop().await;
}
