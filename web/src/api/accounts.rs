use t11_proto::accounts::v1::organization_service_client::OrganizationServiceClient;
use t11_proto::accounts::v1::session_service_client::SessionServiceClient;
pub(crate) use t11_proto::accounts::v1::{Me, Organization, Session, User};
use t11_proto::accounts::v1::{
    ChangePasswordRequest, GetMeRequest, ListSessionsRequest, RegisterRequest,
    RefreshSessionRequest, RevokeSessionRequest, SignInRequest, SignOutRequest, TokenDelivery, UpdateMeRequest,
    UpdateOrganizationRequest,
};

use super::transport::Transport;
use super::{Problem, mask, request_id};

fn sessions() -> SessionServiceClient<Transport> {
    SessionServiceClient::new(Transport::unary())
}

/// What a new organization is made of.
pub(crate) struct Registration {
    pub(crate) organization: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) display_name: String,
    pub(crate) locale: &'static str,
    pub(crate) time_zone: String,
}

pub(crate) async fn register(form: Registration) -> Result<Me, Problem> {
    let request = RegisterRequest {
        organization_display_name: form.organization,
        email: form.email,
        password: form.password,
        display_name: form.display_name,
        locale: form.locale.to_owned(),
        time_zone: form.time_zone,
        token_delivery: TokenDelivery::Cookie.into(),
        request_id: request_id(),
    };
    let answer = sessions().register(request).await?.into_inner();
    Ok(answer.me.unwrap_or_default())
}

pub(crate) async fn sign_in(
    email: String,
    password: String,
    remember_me: bool,
) -> Result<Me, Problem> {
    let request = SignInRequest {
        email,
        password,
        token_delivery: TokenDelivery::Cookie.into(),
        remember_me,
    };
    let answer = sessions().sign_in(request).await?.into_inner();
    Ok(answer.me.unwrap_or_default())
}

pub(crate) async fn sign_out() -> Result<(), Problem> {
    sessions().sign_out(SignOutRequest {}).await?;
    Ok(())
}

/// Renews the cookie of the session, so that a page left open stays signed in.
pub(crate) async fn refresh() -> Result<(), Problem> {
    let request = RefreshSessionRequest {
        token_delivery: TokenDelivery::Cookie.into(),
    };
    sessions().refresh_session(request).await?;
    Ok(())
}

pub(crate) async fn me() -> Result<Me, Problem> {
    Ok(sessions().get_me(GetMeRequest {}).await?.into_inner())
}

/// Changes the fields named by `paths`.
pub(crate) async fn update_me(user: User, paths: &[&str]) -> Result<Me, Problem> {
    let request = UpdateMeRequest {
        user: Some(user),
        update_mask: mask(paths),
    };
    Ok(sessions().update_me(request).await?.into_inner())
}

pub(crate) async fn change_password(
    old_password: String,
    new_password: String,
) -> Result<(), Problem> {
    let request = ChangePasswordRequest {
        old_password,
        new_password,
    };
    sessions().change_password(request).await?;
    Ok(())
}

pub(crate) async fn list_sessions(
    page_token: String,
) -> Result<(Vec<Session>, String), Problem> {
    let request = ListSessionsRequest {
        page_size: 50,
        page_token,
    };
    let page = sessions().list_sessions(request).await?.into_inner();
    Ok((page.sessions, page.next_page_token))
}

pub(crate) async fn revoke_session(name: String) -> Result<(), Problem> {
    sessions().revoke_session(RevokeSessionRequest { name }).await?;
    Ok(())
}

/// Changes name, language and time zone; the etag of `organization` guards against lost updates.
pub(crate) async fn update_organization(
    organization: Organization,
) -> Result<Organization, Problem> {
    let request = UpdateOrganizationRequest {
        organization: Some(organization),
        update_mask: mask(&["display_name", "locale", "time_zone"]),
    };
    let answer = OrganizationServiceClient::new(Transport::unary())
        .update_organization(request)
        .await?;
    Ok(answer.into_inner())
}
