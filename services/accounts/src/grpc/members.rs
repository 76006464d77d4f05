//! `t11.accounts.v1.MemberService`.

use secrecy::ExposeSecret as _;
use t11_core::{PageTokens, Violations};
use t11_grpc::{call_info, caller, scope};
use t11_proto::accounts::v1 as pb;
use t11_proto::accounts::v1::member_service_server::MemberService;
use t11_runtime::Endings;
use tonic::{Request, Response, Status, async_trait};

use super::Parts;
use super::convert::{self, timestamp};
use super::delivery::Delivery;
use crate::authenticator::{Acceptance, Authenticator};
use crate::error::Error;
use crate::member::NewInvite;
use crate::session::Client;
use crate::store::Store;

const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 200;

pub(super) struct Members {
    store: Store,
    authenticator: Authenticator,
    page_tokens: PageTokens,
    endings: Endings,
}

impl Members {
    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            store: parts.store.clone(),
            authenticator: parts.authenticator.clone(),
            page_tokens: parts.page_tokens.clone(),
            endings: parts.endings.clone(),
        }
    }
}

#[async_trait]
impl MemberService for Members {
    async fn list_members(
        &self,
        request: Request<pb::ListMembersRequest>,
    ) -> Result<Response<pb::ListMembersResponse>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let arguments = format!("ListMembers/{}", scope.org());
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
        let members = self.store.list_members(&scope, page).await?;
        let next_page_token = self
            .page_tokens
            .write(&arguments, members.next_cursor.as_deref());
        let members = members.items.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListMembersResponse {
            members,
            next_page_token,
        }))
    }

    async fn update_member_role(
        &self,
        request: Request<pb::UpdateMemberRoleRequest>,
    ) -> Result<Response<pb::Member>, Status> {
        let (scope, caller) = (scope(&request)?, caller(&request)?);
        let request = request.into_inner();
        let mut violations = Violations::default();
        let role = convert::role(&mut violations, &request.role);
        violations.check().map_err(Error::from)?;
        let user = convert::id("name", "members", &request.name)?;
        let member = self.store.change_role(&scope, &caller, user, role).await?;
        self.endings.tell(scope.org());
        Ok(Response::new(member.into()))
    }

    async fn delete_member(
        &self,
        request: Request<pb::DeleteMemberRequest>,
    ) -> Result<Response<()>, Status> {
        let (scope, caller) = (scope(&request)?, caller(&request)?);
        let user = convert::id("name", "members", &request.into_inner().name)?;
        self.store.remove_member(&scope, &caller, user).await?;
        self.endings.tell(scope.org());
        Ok(Response::new(()))
    }

    async fn create_invite(
        &self,
        request: Request<pb::CreateInviteRequest>,
    ) -> Result<Response<pb::CreateInviteResponse>, Status> {
        let (scope, caller) = (scope(&request)?, caller(&request)?);
        let new = NewInvite::try_from(request.into_inner())?;
        let (invite, secret) = self.store.create_invite(&scope, &caller, new).await?;
        Ok(Response::new(pb::CreateInviteResponse {
            invite: Some(invite.into()),
            secret: secret.expose_secret().to_owned(),
        }))
    }

    async fn list_invites(
        &self,
        request: Request<pb::ListInvitesRequest>,
    ) -> Result<Response<pb::ListInvitesResponse>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let arguments = format!("ListInvites/{}", scope.org());
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
        let invites = self.store.list_invites(&scope, page).await?;
        let next_page_token = self
            .page_tokens
            .write(&arguments, invites.next_cursor.as_deref());
        let invites = invites.items.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListInvitesResponse {
            invites,
            next_page_token,
        }))
    }

    async fn delete_invite(
        &self,
        request: Request<pb::DeleteInviteRequest>,
    ) -> Result<Response<()>, Status> {
        let scope = scope(&request)?;
        let id = convert::id("name", "invites", &request.into_inner().name)?;
        self.store.delete_invite(&scope, id).await?;
        Ok(Response::new(()))
    }

    async fn accept_invite(
        &self,
        request: Request<pb::AcceptInviteRequest>,
    ) -> Result<Response<pb::AcceptInviteResponse>, Status> {
        let client = Client::from(call_info(&request));
        let request = request.into_inner();
        let delivery = Delivery::of(request.token_delivery());
        let joined = self
            .authenticator
            .accept_invite(Acceptance::try_from(request)?, client)
            .await?;
        let response = pb::AcceptInviteResponse {
            me: Some(joined.me.into()),
            session_token: delivery.in_body(&joined.token),
            expire_time: Some(timestamp(joined.session.expire_time)),
        };
        Ok(delivery.respond(response, &joined.token, &joined.session))
    }
}
