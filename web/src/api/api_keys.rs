use js_sys::Date;
use prost_types::Timestamp;
pub(crate) use t11_proto::accounts::v1::{ApiKey, ApiKeyState};
use t11_proto::accounts::v1::{
    CreateApiKeyRequest, CreateApiKeyResponse, ListApiKeysRequest, ListApiKeysResponse,
    RevokeApiKeyRequest,
};

use super::Problem;
use super::transport::{rpc, unary};

/// Every key that was not revoked, newest first: about a hundred at most.
pub(crate) async fn all() -> Result<Vec<ApiKey>, Problem> {
    let mut request = ListApiKeysRequest {
        page_size: 200,
        ..ListApiKeysRequest::default()
    };
    let mut keys = Vec::new();
    loop {
        let path = rpc!("/t11.accounts.v1.ApiKeyService/ListApiKeys");
        let page: ListApiKeysResponse = unary(path, &request).await?;
        keys.extend(page.api_keys);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(keys);
        }
    }
}

/// Makes a key; the answer is the key itself. `days` = 0 lets it live for ever.
pub(crate) async fn create(
    display_name: String,
    scopes: Vec<String>,
    days: u32,
    request_id: String,
) -> Result<String, Problem> {
    let request = CreateApiKeyRequest {
        api_key: Some(ApiKey {
            display_name,
            scopes,
            expire_time: (days > 0).then(|| in_days(days)),
            ..ApiKey::default()
        }),
        request_id,
    };
    let answer: CreateApiKeyResponse = unary(
        rpc!("/t11.accounts.v1.ApiKeyService/CreateApiKey"),
        &request,
    )
    .await?;
    Ok(answer.key)
}

fn in_days(days: u32) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let now = (Date::now() / 1000.0) as i64;
    Timestamp {
        seconds: now + i64::from(days) * 86_400,
        nanos: 0,
    }
}

pub(crate) async fn revoke(name: String) -> Result<(), Problem> {
    unary::<ApiKey>(
        rpc!("/t11.accounts.v1.ApiKeyService/RevokeApiKey"),
        &RevokeApiKeyRequest { name },
    )
    .await?;
    Ok(())
}
