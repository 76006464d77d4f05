//! `t11.accounts.v1.ApiKeyService`.

use t11_core::{PageTokens, World};
use t11_grpc::{Signer, caller, scope};
use t11_proto::accounts::v1 as pb;
use t11_proto::accounts::v1::api_key_service_server::ApiKeyService;
use t11_runtime::Endings;
use tonic::{Request, Response, Status, async_trait};

use super::Parts;
use super::convert::{self, timestamp};
use super::sessions::CALLER_TOKEN_LIFETIME;
use crate::error::Error;
use crate::key_text::{KeyEnvironment, KeyText};
use crate::store::{KeyCaller, Store};

const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 200;

pub(super) struct ApiKeys {
    store: Store,
    world: World,
    signer: Signer,
    page_tokens: PageTokens,
    endings: Endings,
    environment: KeyEnvironment,
}

impl ApiKeys {
    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            store: parts.store.clone(),
            world: parts.world.clone(),
            signer: parts.signer.clone(),
            page_tokens: parts.page_tokens.clone(),
            endings: parts.endings.clone(),
            environment: parts.key_environment,
        }
    }
}

#[async_trait]
impl ApiKeyService for ApiKeys {
    async fn create_api_key(
        &self,
        request: Request<pb::CreateApiKeyRequest>,
    ) -> Result<Response<pb::CreateApiKeyResponse>, Status> {
        let (scope, caller) = (scope(&request)?, caller(&request)?);
        let new = convert::new_api_key(request.into_inner(), self.world.now())?;
        let (created, text) = self
            .store
            .create_api_key(&scope, &caller, new, self.environment)
            .await?;
        Ok(Response::new(pb::CreateApiKeyResponse {
            api_key: Some(created.into()),
            key: text.expose().to_owned(),
        }))
    }

    async fn get_api_key(
        &self,
        request: Request<pb::GetApiKeyRequest>,
    ) -> Result<Response<pb::ApiKey>, Status> {
        let scope = scope(&request)?;
        let id = convert::id("name", "apiKeys", &request.into_inner().name)?;
        let key = self.store.api_key(&scope, id).await?;
        Ok(Response::new(key.into()))
    }

    async fn list_api_keys(
        &self,
        request: Request<pb::ListApiKeysRequest>,
    ) -> Result<Response<pb::ListApiKeysResponse>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let show_revoked = request.show_revoked;
        let arguments = format!("ListApiKeys/{}/{show_revoked}", scope.org());
        let page = self
            .page_tokens
            .read(
                &arguments,
                request.page_size,
                &request.page_token,
                PAGE_DEFAULT,
                PAGE_MAX,
            )
            .map_err(Error::from)?;
        let keys = self.store.list_api_keys(&scope, show_revoked, page).await?;
        let next_page_token = self
            .page_tokens
            .write(&arguments, keys.next_cursor.as_deref());
        let api_keys = keys.items.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListApiKeysResponse {
            api_keys,
            next_page_token,
        }))
    }

    async fn update_api_key(
        &self,
        request: Request<pb::UpdateApiKeyRequest>,
    ) -> Result<Response<pb::ApiKey>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let key = request.api_key.unwrap_or_default();
        let display_name = convert::api_key_patch(&key, request.update_mask)?;
        let id = convert::id("api_key.name", "apiKeys", &key.name)?;
        let key = self.store.rename_api_key(&scope, id, display_name).await?;
        Ok(Response::new(key.into()))
    }

    async fn revoke_api_key(
        &self,
        request: Request<pb::RevokeApiKeyRequest>,
    ) -> Result<Response<pb::ApiKey>, Status> {
        let scope = scope(&request)?;
        let id = convert::id("name", "apiKeys", &request.into_inner().name)?;
        let key = self.store.revoke_api_key(&scope, id).await?;
        self.endings.tell(scope.org());
        Ok(Response::new(key.into()))
    }

    async fn exchange_api_key(
        &self,
        request: Request<pb::ExchangeApiKeyRequest>,
    ) -> Result<Response<pb::ExchangeApiKeyResponse>, Status> {
        let text = KeyText::parse(&request.into_inner().key, self.environment);
        let text = text.ok_or(Error::ApiKeyInvalid)?;
        let KeyCaller {
            caller,
            expire_time,
        } = self.store.key_caller(text).await?;
        let now = self.world.now();
        let token_expiry = now + CALLER_TOKEN_LIFETIME;
        let expiry = expire_time.map_or(token_expiry, |expiry| expiry.min(token_expiry));
        Ok(Response::new(pb::ExchangeApiKeyResponse {
            caller_token: self.signer.sign(&caller, now),
            expire_time: Some(timestamp(expiry)),
        }))
    }
}
