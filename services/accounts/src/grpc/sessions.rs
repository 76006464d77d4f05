//! `t11.accounts.v1.SessionService`.

use chrono::TimeDelta;
use t11_core::{PageTokens, Violations, World};
use t11_grpc::{Signer, call_info, keys, scope};
use t11_proto::accounts::v1 as pb;
use t11_proto::accounts::v1::session_service_server::SessionService;
use t11_runtime::Endings;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::{Request, Response, Status, async_trait};

use super::Parts;
use super::convert::{self, timestamp};
use super::delivery::Delivery;
use crate::authenticator::{Authenticator, Registration};
use crate::email::Email;
use crate::error::Error;
use crate::password::{given_password, new_password};
use crate::session::Client;
use crate::store::Store;
use crate::user::{Person, UserPatch};

/// How long `Signer::sign` makes tokens good for.
pub(super) const CALLER_TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(5);

const PAGE_DEFAULT: u64 = 20;
const PAGE_MAX: u64 = 100;

pub(super) struct Sessions {
    store: Store,
    authenticator: Authenticator,
    world: World,
    signer: Signer,
    page_tokens: PageTokens,
    endings: Endings,
}

impl Sessions {
    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            store: parts.store.clone(),
            authenticator: parts.authenticator.clone(),
            world: parts.world.clone(),
            signer: parts.signer.clone(),
            page_tokens: parts.page_tokens.clone(),
            endings: parts.endings.clone(),
        }
    }
}

#[async_trait]
impl SessionService for Sessions {
    async fn register(
        &self,
        request: Request<pb::RegisterRequest>,
    ) -> Result<Response<pb::RegisterResponse>, Status> {
        let client = Client::from(call_info(&request));
        let request = request.into_inner();
        let delivery = Delivery::of(request.token_delivery());
        let signed_in = self
            .authenticator
            .register(Registration::try_from(request)?, client)
            .await?;
        let response = pb::RegisterResponse {
            me: Some(signed_in.me.into()),
            session_token: delivery.in_body(&signed_in.token),
            expire_time: Some(timestamp(signed_in.session.expire_time)),
        };
        Ok(delivery.respond(response, &signed_in.token, &signed_in.session))
    }

    async fn sign_in(
        &self,
        request: Request<pb::SignInRequest>,
    ) -> Result<Response<pb::SignInResponse>, Status> {
        let client = Client::from(call_info(&request));
        let request = request.into_inner();
        let delivery = Delivery::of(request.token_delivery());
        let mut violations = Violations::default();
        let email = Email::parse(&mut violations, "email", &request.email);
        let password = given_password(&mut violations, "password", &request.password);
        violations.check().map_err(Error::from)?;
        let signed_in = self
            .authenticator
            .sign_in(&email, &password, request.remember_me, client)
            .await?;
        let response = pb::SignInResponse {
            me: Some(signed_in.me.into()),
            session_token: delivery.in_body(&signed_in.token),
            expire_time: Some(timestamp(signed_in.session.expire_time)),
        };
        Ok(delivery.respond(response, &signed_in.token, &signed_in.session))
    }

    async fn refresh_session(
        &self,
        request: Request<pb::RefreshSessionRequest>,
    ) -> Result<Response<pb::RefreshSessionResponse>, Status> {
        let scope = scope(&request)?;
        let delivery = Delivery::of(request.into_inner().token_delivery());
        let (session, token) = self.store.refresh(&scope).await?;
        let response = pb::RefreshSessionResponse {
            session_token: delivery.in_body(&token),
            expire_time: Some(timestamp(session.expire_time)),
        };
        Ok(delivery.respond(response, &token, &session))
    }

    async fn sign_out(&self, request: Request<pb::SignOutRequest>) -> Result<Response<()>, Status> {
        let scope = scope(&request)?;
        let person = Person::of(&scope)?;
        match self.store.end_session(&scope, person.session).await {
            // Signed out twice with one caller token: the state is what was asked for.
            Ok(()) | Err(Error::NotFound { .. }) => self.endings.tell(scope.org()),
            Err(error) => return Err(error.into()),
        }
        let mut response = Response::new(());
        let clear = AsciiMetadataKey::from_static(keys::CLEAR_SESSION);
        response
            .metadata_mut()
            .insert(clear, AsciiMetadataValue::from_static("1"));
        Ok(response)
    }

    async fn get_me(&self, request: Request<pb::GetMeRequest>) -> Result<Response<pb::Me>, Status> {
        let me = self.store.me(&scope(&request)?).await?;
        Ok(Response::new(me.into()))
    }

    async fn update_me(
        &self,
        request: Request<pb::UpdateMeRequest>,
    ) -> Result<Response<pb::Me>, Status> {
        let scope = scope(&request)?;
        let patch = UserPatch::try_from(request.into_inner())?;
        let me = self.store.update_me(&scope, patch).await?;
        Ok(Response::new(me.into()))
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<()>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let old = given_password(&mut violations, "old_password", &request.old_password);
        let new = new_password(&mut violations, "new_password", &request.new_password);
        violations.check().map_err(Error::from)?;
        self.authenticator.change_password(&scope, old, new).await?;
        self.endings.tell(scope.org());
        Ok(Response::new(()))
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        let scope = scope(&request)?;
        let person = Person::of(&scope)?;
        let request = request.into_inner();
        let arguments = format!("ListSessions/{}/{}", scope.org(), person.user);
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
        let sessions = self.store.list_sessions(&scope, page).await?;
        let next_page_token = self
            .page_tokens
            .write(&arguments, sessions.next_cursor.as_deref());
        let session = |session| convert::session(session, person.session);
        let sessions = sessions.items.into_iter().map(session).collect();
        Ok(Response::new(pb::ListSessionsResponse {
            sessions,
            next_page_token,
        }))
    }

    async fn revoke_session(
        &self,
        request: Request<pb::RevokeSessionRequest>,
    ) -> Result<Response<()>, Status> {
        let scope = scope(&request)?;
        let id = convert::id("name", "sessions", &request.into_inner().name)?;
        self.store.end_session(&scope, id).await?;
        self.endings.tell(scope.org());
        Ok(Response::new(()))
    }

    async fn issue_caller_token(
        &self,
        request: Request<pb::IssueCallerTokenRequest>,
    ) -> Result<Response<pb::IssueCallerTokenResponse>, Status> {
        let client = Client::from(call_info(&request));
        let caller = self
            .store
            .caller(&request.into_inner().session_token, client)
            .await?;
        let now = self.world.now();
        Ok(Response::new(pb::IssueCallerTokenResponse {
            caller_token: self.signer.sign(&caller, now),
            expire_time: Some(timestamp(now + CALLER_TOKEN_LIFETIME)),
        }))
    }
}
