//! What an account tells an app without being asked: that it was installed, or disabled; and the
//! token a widget hands to its back end.

use form_urlencoded::Serializer;
use serde::Serialize;

use crate::delivery::{Parcel, Purpose};
use crate::signature::{self, JwtAlgorithm};
use crate::state::State;

/// Seconds a widget's token lives.
const ONE_TIME_LIFE: i64 = 30 * 60;

/// Claims of a widget's one-time token.
#[derive(Serialize)]
struct OneTimeClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    account_id: i64,
    user_id: i64,
    subdomain: &'a str,
    client_uuid: &'a str,
    is_admin: bool,
}

impl State {
    /// A person disables an app in their account: its tokens die and its hook is called, signed
    /// wrongly when asked to. Whether there is such an app.
    pub(crate) fn disable(&mut self, index: usize, client_id: &str, is_signed_well: bool) -> bool {
        let Some(integration) = self.oauth.integration(client_id).cloned() else {
            return false;
        };
        let account_id = self.accounts[index].id;
        self.oauth.revoke(account_id, client_id);
        let Some(hook_url) = &integration.hook_url else {
            return true;
        };
        let secret = match is_signed_well {
            true => integration.client_secret.as_str(),
            false => "somebody else's secret",
        };
        let query = Serializer::new(String::new())
            .append_pair("client_uuid", client_id)
            .append_pair("account_id", &account_id.to_string())
            .append_pair(
                "signature",
                &signature::disable_hook(client_id, secret, account_id),
            )
            .finish();
        self.send_hook(index, &format!("{hook_url}?{query}"), Purpose::DisableHook);
        true
    }

    /// A person installs an app's widget: Kommo itself calls the redirect address, without a
    /// state. Whether there is such an app.
    pub(crate) fn install_widget(&mut self, index: usize, client_id: &str) -> bool {
        let Some(integration) = self.oauth.integration(client_id).cloned() else {
            return false;
        };
        let code = self.grant_code(index, &integration);
        let query = Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("referer", self.accounts[index].host())
            .append_pair("client_id", client_id)
            .append_pair("from_widget", "1")
            .finish();
        let url = format!("{}?{query}", integration.redirect_uri);
        self.send_hook(index, &url, Purpose::InstallHook);
        true
    }

    fn send_hook(&mut self, index: usize, url: &str, purpose: Purpose) {
        let due = self.clock.millis();
        self.accounts[index]
            .parcels
            .push(Parcel::get(url, purpose, due));
    }

    /// The token that a widget in the browser of this person sends to its back end.
    pub(crate) fn one_time_token(
        &mut self,
        index: usize,
        client_id: &str,
        user_id: i64,
    ) -> Option<String> {
        let now = self.clock.seconds();
        let integration = self.oauth.integration(client_id)?.clone();
        let account = &mut self.accounts[index];
        let jti = account.ids.next_uuid();
        let user = account.user(user_id)?;
        let claims = OneTimeClaims {
            iss: &account.base,
            aud: &integration.origin(),
            jti,
            iat: now,
            nbf: now,
            exp: now + ONE_TIME_LIFE,
            account_id: account.id,
            user_id,
            subdomain: &account.subdomain,
            client_uuid: client_id,
            is_admin: user.is_admin,
        };
        let secret = &integration.client_secret;
        Some(signature::jwt(JwtAlgorithm::Hs256, secret, &claims))
    }
}
