//! `POST /oauth2/access_token`, and where an account lives now.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::{ACCESS_LIFE, Access, Grant, REFRESH_LIFE, Refresh, RefreshState, Rotation};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::signature;
use crate::state::State;

/// Claims of an access token.
#[derive(Serialize)]
struct AccessClaims<'a> {
    aud: &'a str,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    sub: String,
    grant_type: &'static str,
    account_id: i64,
    base_domain: &'static str,
    version: i64,
    scopes: &'a [String],
    api_domain: &'a str,
}

pub(super) fn token(state: &mut State, call: &Call) -> Answered {
    let Some(index) = state.at(&call.base) else {
        return Err(Refusal::cannot(&call.method, &call.url()));
    };
    let body = call.json()?;
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let integration = state.oauth.integration(text("client_id"));
    let is_known = integration.is_some_and(|one| one.client_secret == text("client_secret"));
    if !is_known {
        return Err(unauthorized("Client authentication failed"));
    }
    if integration.is_some_and(|one| one.redirect_uri != text("redirect_uri")) {
        return Err(bad_request("Redirect URI does not match the integration"));
    }
    let account_id = state.accounts[index].id;
    let grant = match text("grant_type") {
        "authorization_code" => state.use_code(text("code"), account_id)?,
        "refresh_token" => state.use_refresh(text("refresh_token"), account_id)?,
        _ => return Err(bad_request("Check the grant_type parameter")),
    };
    if grant.client_id != text("client_id") {
        return Err(unauthorized("Token is not linked to client"));
    }
    Ok(Answer::ok(state.issue(&grant, text("refresh_token"))))
}

fn unauthorized(hint: &str) -> Refusal {
    Refusal::oauth(StatusCode::UNAUTHORIZED, hint)
}

fn bad_request(hint: &str) -> Refusal {
    Refusal::oauth(StatusCode::BAD_REQUEST, hint)
}

impl State {
    fn use_code(&mut self, code: &str, account_id: i64) -> Result<Grant, Refusal> {
        let now = self.clock.seconds();
        let mut codes = self.oauth.codes.iter_mut();
        let code = codes.find(|one| one.code == code && one.grant.account_id == account_id);
        let code = code.ok_or_else(|| bad_request("Cannot decrypt the authorization code"))?;
        if code.expires_at < now {
            return Err(bad_request("Authorization code has expired"));
        }
        if code.is_used {
            return Err(bad_request("Authorization code has been revoked"));
        }
        code.is_used = true;
        Ok(code.grant.clone())
    }

    fn use_refresh(&mut self, token: &str, account_id: i64) -> Result<Grant, Refusal> {
        let now = self.clock.seconds();
        let mut refreshes = self.oauth.refreshes.iter();
        let refresh =
            refreshes.find(|one| one.token == token && one.grant.account_id == account_id);
        let refresh = refresh.ok_or_else(|| unauthorized("Cannot decrypt the refresh token"))?;
        if refresh.state == RefreshState::Revoked {
            return Err(unauthorized("Token has been revoked"));
        }
        if refresh.expires_at < now {
            return Err(unauthorized("Token has expired"));
        }
        Ok(refresh.grant.clone())
    }

    /// A new pair. The refresh token it was made with, if any, is dealt with as the rotation says.
    fn issue(&mut self, grant: &Grant, used: &str) -> Value {
        let expires_at = self.clock.seconds() + REFRESH_LIFE;
        let refresh_token = format!("def50200{}", self.oauth.next_opaque("refresh"));
        self.oauth.retire(used, &refresh_token);
        self.oauth.refreshes.push(Refresh {
            token: refresh_token.clone(),
            grant: grant.clone(),
            expires_at,
            state: RefreshState::Current,
        });
        let access_token = self.issue_access(grant, ACCESS_LIFE, false);
        json!({
            "token_type": "Bearer",
            "expires_in": ACCESS_LIFE,
            "access_token": access_token,
            "refresh_token": refresh_token,
        })
    }

    fn issue_access(&mut self, grant: &Grant, life: i64, is_long_lived: bool) -> String {
        let now = self.clock.seconds();
        let jti = self.oauth.next_opaque("access");
        let claims = AccessClaims {
            aud: &grant.client_id,
            jti,
            iat: now,
            nbf: now,
            exp: now + life,
            sub: grant.user_id.to_string(),
            grant_type: "",
            account_id: grant.account_id,
            base_domain: "kommo.com",
            version: 2,
            scopes: &grant.scopes,
            api_domain: &self.api_domain,
        };
        let token = signature::access_jwt(&claims);
        self.oauth.accesses.push(Access {
            token: token.clone(),
            grant: grant.clone(),
            expires_at: now + life,
            is_revoked: false,
            is_long_lived,
        });
        token
    }

    /// A token that a person copies from the account's settings.
    pub(crate) fn long_lived_token(
        &mut self,
        index: usize,
        client_id: &str,
        days: i64,
    ) -> Option<String> {
        let integration = self.oauth.integration(client_id)?.clone();
        let account = &self.accounts[index];
        let admin = account.users.iter().find(|user| user.is_admin)?;
        let grant = Grant {
            account_id: account.id,
            user_id: admin.id,
            client_id: integration.client_id,
            scopes: integration.scopes.into(),
        };
        Some(self.issue_access(&grant, days * 86_400, true))
    }
}

impl super::OAuth {
    /// Deals with a refresh token that was used, and, in the lenient way, with the one before it:
    /// a token dies when its successor is used.
    fn retire(&mut self, used: &str, successor: &str) {
        let rotation = self.rotation;
        for refresh in &mut self.refreshes {
            if refresh.state == RefreshState::ReplacedBy(used.to_owned()) {
                refresh.state = RefreshState::Revoked;
            }
            if refresh.token == used {
                refresh.state = match rotation {
                    Rotation::Strict => RefreshState::Revoked,
                    Rotation::Lenient => RefreshState::ReplacedBy(successor.to_owned()),
                };
            }
        }
    }
}

/// Asked with a refresh token, at a host that does not move.
pub(super) fn current_subdomain(state: &mut State, call: &Call) -> Answered {
    let token = call.header("x-refresh-token").unwrap_or_default();
    let mut refreshes = state.oauth.refreshes.iter();
    let refresh = refreshes.find(|one| one.token == token && one.state != RefreshState::Revoked);
    let refresh = refresh.ok_or_else(Refusal::unauthorized)?;
    let account_id = refresh.grant.account_id;
    let index = state.index_of(account_id).ok_or_else(Refusal::not_found)?;
    let account = &state.accounts[index];
    Ok(Answer::ok(json!({
        "id": account.id,
        "subdomain": account.subdomain,
        "domain": account.host(),
        "top_level_domain": "com",
    })))
}
