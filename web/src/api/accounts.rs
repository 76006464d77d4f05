use t11_proto::accounts::v1::{
    ChangePasswordRequest, GetMeRequest, ListSessionsRequest, ListSessionsResponse,
    RefreshSessionRequest, RefreshSessionResponse, RegisterRequest, RegisterResponse,
    RevokeSessionRequest, SignInRequest, SignInResponse, SignOutRequest, TokenDelivery,
    UpdateMeRequest, UpdateOrganizationRequest,
};
pub(crate) use t11_proto::accounts::v1::{Me, Organization, Session, User};

use super::transport::{rpc, unary};
use super::{Problem, mask, request_id};

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
    let answer: RegisterResponse =
        unary(rpc!("/t11.accounts.v1.SessionService/Register"), &request).await?;
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
    let answer: SignInResponse =
        unary(rpc!("/t11.accounts.v1.SessionService/SignIn"), &request).await?;
    Ok(answer.me.unwrap_or_default())
}

pub(crate) async fn sign_out() -> Result<(), Problem> {
    unary::<()>(
        rpc!("/t11.accounts.v1.SessionService/SignOut"),
        &SignOutRequest {},
    )
    .await?;
    Ok(())
}

/// Renews the cookie of the session, so that a page left open stays signed in.
pub(crate) async fn refresh() -> Result<(), Problem> {
    let request = RefreshSessionRequest {
        token_delivery: TokenDelivery::Cookie.into(),
    };
    unary::<RefreshSessionResponse>(
        rpc!("/t11.accounts.v1.SessionService/RefreshSession"),
        &request,
    )
    .await?;
    Ok(())
}

pub(crate) async fn me() -> Result<Me, Problem> {
    unary(
        rpc!("/t11.accounts.v1.SessionService/GetMe"),
        &GetMeRequest {},
    )
    .await
}

/// Changes the fields named by `paths`.
pub(crate) async fn update_me(user: User, paths: &[&str]) -> Result<Me, Problem> {
    let request = UpdateMeRequest {
        user: Some(user),
        update_mask: mask(paths),
    };
    unary(rpc!("/t11.accounts.v1.SessionService/UpdateMe"), &request).await
}

pub(crate) async fn change_password(
    old_password: String,
    new_password: String,
) -> Result<(), Problem> {
    let request = ChangePasswordRequest {
        old_password,
        new_password,
    };
    unary::<()>(
        rpc!("/t11.accounts.v1.SessionService/ChangePassword"),
        &request,
    )
    .await?;
    Ok(())
}

pub(crate) async fn list_sessions(page_token: String) -> Result<(Vec<Session>, String), Problem> {
    let request = ListSessionsRequest {
        page_size: 50,
        page_token,
    };
    let page: ListSessionsResponse = unary(
        rpc!("/t11.accounts.v1.SessionService/ListSessions"),
        &request,
    )
    .await?;
    Ok((page.sessions, page.next_page_token))
}

pub(crate) async fn revoke_session(name: String) -> Result<(), Problem> {
    unary::<()>(
        rpc!("/t11.accounts.v1.SessionService/RevokeSession"),
        &RevokeSessionRequest { name },
    )
    .await?;
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
    unary(
        rpc!("/t11.accounts.v1.OrganizationService/UpdateOrganization"),
        &request,
    )
    .await
}
