//! Who a request comes from.

use crate::answer::Refusal;
use crate::call::{Actor, Call};
use crate::state::State;

impl State {
    /// The person an access token of this account stands for.
    pub(crate) fn actor(&self, index: usize, call: &Call) -> Result<Actor, Refusal> {
        let account = &self.accounts[index];
        let bearer = call
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        let mut accesses = self.oauth.accesses.iter();
        let access = accesses
            .find(|access| Some(access.token.as_str()) == bearer)
            .filter(|access| !access.is_revoked && access.expires_at > call.now)
            .filter(|access| access.grant.account_id == account.id)
            .ok_or_else(Refusal::unauthorized)?;
        let user = account.user(access.grant.user_id);
        let mut actor = Actor {
            user_id: access.grant.user_id,
            is_admin: access.is_long_lived || user.is_some_and(|user| user.is_admin),
            client_id: access.grant.client_id.clone(),
            scopes: access.grant.scopes.clone(),
        };
        if let Some(context) = call.header("x-context-user-id") {
            actor.require_admin()?;
            let user = context.parse().ok().and_then(|id| account.user(id));
            let user = user.ok_or_else(|| Refusal::forbidden("Unknown context user"))?;
            actor.user_id = user.id;
            actor.is_admin = user.is_admin;
        }
        Ok(actor)
    }
}
