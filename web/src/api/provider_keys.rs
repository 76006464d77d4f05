//! The organization's own keys at the provider of models.

use t11_proto::llm::v1::{
    CheckProviderKeyRequest, CreateProviderKeyRequest, DeleteProviderKeyRequest,
    GetProviderKeyPolicyRequest, ListProviderKeysRequest, UpdateProviderKeyPolicyRequest,
    UpdateProviderKeyRequest,
};
pub(crate) use t11_proto::llm::v1::{
    CheckProviderKeyResponse, KeyBench, KeyBenchReason, KeyVerdict, ListProviderKeysResponse,
    ProviderKey, ProviderKeyPolicy, ProviderKeyState,
};

use super::transport::{rpc, unary};
use super::{Problem, mask};

/// In the order in which they would serve.
pub(crate) async fn all() -> Result<ListProviderKeysResponse, Problem> {
    let path = rpc!("/t11.llm.v1.ProviderKeyService/ListProviderKeys");
    unary(path, &ListProviderKeysRequest {}).await
}

pub(crate) async fn create(
    provider_key: ProviderKey,
    request_id: String,
) -> Result<ProviderKey, Problem> {
    let request = CreateProviderKeyRequest {
        provider_key: Some(provider_key),
        request_id,
    };
    let path = rpc!("/t11.llm.v1.ProviderKeyService/CreateProviderKey");
    unary(path, &request).await
}

/// Changes the fields that `paths` name.
pub(crate) async fn update(
    provider_key: ProviderKey,
    paths: &[&str],
) -> Result<ProviderKey, Problem> {
    let request = UpdateProviderKeyRequest {
        provider_key: Some(provider_key),
        update_mask: mask(paths),
    };
    let path = rpc!("/t11.llm.v1.ProviderKeyService/UpdateProviderKey");
    unary(path, &request).await
}

pub(crate) async fn delete(name: String) -> Result<(), Problem> {
    let path = rpc!("/t11.llm.v1.ProviderKeyService/DeleteProviderKey");
    unary::<()>(path, &DeleteProviderKeyRequest { name }).await
}

/// Asks the provider about the key.
pub(crate) async fn check(name: String) -> Result<CheckProviderKeyResponse, Problem> {
    let path = rpc!("/t11.llm.v1.ProviderKeyService/CheckProviderKey");
    unary(path, &CheckProviderKeyRequest { name }).await
}

pub(crate) async fn policy() -> Result<ProviderKeyPolicy, Problem> {
    let path = rpc!("/t11.llm.v1.ProviderKeyService/GetProviderKeyPolicy");
    unary(path, &GetProviderKeyPolicyRequest {}).await
}

/// Replaces all of it.
pub(crate) async fn replace_policy(
    policy: ProviderKeyPolicy,
) -> Result<ProviderKeyPolicy, Problem> {
    let request = UpdateProviderKeyPolicyRequest {
        provider_key_policy: Some(policy),
    };
    let path = rpc!("/t11.llm.v1.ProviderKeyService/UpdateProviderKeyPolicy");
    unary(path, &request).await
}
