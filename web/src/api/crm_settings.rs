//! Where an agent works in the CRM, and what it may read and change there.

pub(crate) use t11_proto::agents::v1::{
    CrmSettings, FieldRead, FieldWrite, PipelineSettings, StageMove, StageMoveMode, StageSettings,
};
use t11_proto::agents::v1::{GetCrmSettingsRequest, UpdateCrmSettingsRequest};

use super::Problem;
use super::transport::{rpc, unary};

/// Of an agent, `agents/{agent}`.
pub(crate) async fn get(agent: String) -> Result<CrmSettings, Problem> {
    let request = GetCrmSettingsRequest {
        name: format!("{agent}/crmSettings"),
    };
    let path = rpc!("/t11.agents.v1.CrmSettingsService/GetCrmSettings");
    unary(path, &request).await
}

/// Replaces all of them.
pub(crate) async fn replace(settings: CrmSettings) -> Result<CrmSettings, Problem> {
    let request = UpdateCrmSettingsRequest {
        crm_settings: Some(settings),
    };
    let path = rpc!("/t11.agents.v1.CrmSettingsService/UpdateCrmSettings");
    unary(path, &request).await
}
