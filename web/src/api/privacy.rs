pub(crate) use t11_proto::llm::v1::PrivacyPolicy;
use t11_proto::llm::v1::{GetPrivacyPolicyRequest, UpdatePrivacyPolicyRequest};

use super::Problem;
use super::transport::{rpc, unary};

pub(crate) async fn get() -> Result<PrivacyPolicy, Problem> {
    let path = rpc!("/t11.llm.v1.PrivacyService/GetPrivacyPolicy");
    unary(path, &GetPrivacyPolicyRequest {}).await
}

/// Replaces all of it.
pub(crate) async fn replace(policy: PrivacyPolicy) -> Result<PrivacyPolicy, Problem> {
    let request = UpdatePrivacyPolicyRequest {
        privacy_policy: Some(policy),
    };
    let path = rpc!("/t11.llm.v1.PrivacyService/UpdatePrivacyPolicy");
    unary(path, &request).await
}
