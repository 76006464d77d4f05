//! What Kommo itself tells of: that our widget was installed, and that the integration was switched
//! off. Anybody may call these doors: nothing is believed that was not checked.

use secrecy::SecretString;
use t11_core::{Caller, OrgId, OrgScope, Permission};
use t11_kommo::DisableHook;
use t11_kommo::id::AccountId;
use url::form_urlencoded;
use uuid::Uuid;

use super::{Authorizations, LIFETIME};
use crate::error::Error;

/// Longest code, in bytes: none is documented.
const MAX_CODE: usize = 4 * 1024;

/// The hook that an account has switched the integration off, not yet believed.
#[derive(Debug)]
pub(crate) struct Disabled {
    pub(crate) client_uuid: String,
    pub(crate) account_id: String,
    pub(crate) signature: String,
}

impl Authorizations {
    /// Notes an install, for people of the organization whose integration it is. What is of nobody's
    /// integration is forgotten.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn record_install(
        &self,
        code: String,
        referer: &str,
        client_id: &str,
    ) -> Result<(), Error> {
        let host = self.kommo.hosts().account(referer);
        let (Ok(host), Ok(client_id)) = (host, Uuid::try_parse(client_id)) else {
            return Ok(());
        };
        if code.is_empty() || code.len() > MAX_CODE {
            return Ok(());
        }
        let code = SecretString::from(code);
        let expires = self.kommo.world.now() + LIFETIME;
        self.store
            .put_pending_install(client_id, host.as_str().to_owned(), code, expires)
            .await
    }

    /// Checks the signature and has it confirmed by asking Kommo, which a repeated hook is not. A
    /// wrong one changes nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn record_disabled(&self, hook: Disabled) -> Result<(), Error> {
        let Ok(parsed) = DisableHook::parse(&query(&hook)) else {
            return Ok(());
        };
        let Ok(account) = hook.account_id.parse().map(AccountId) else {
            return Ok(());
        };
        let Some((org, connection)) = self.store.owner_of_account(account.0).await? else {
            return Ok(());
        };
        let scope = own_scope(org)?;
        let integration = match self.store.integration(&scope).await {
            Err(Error::CredentialMissing) => return Ok(()),
            found => found?,
        };
        match parsed.verify(&integration) {
            Ok(verified) if verified == account => {
                self.store.enqueue_confirmation(&scope, connection).await
            }
            _ => {
                tracing::warn!(connection.id = %connection, "a hook with a wrong signature");
                Ok(())
            }
        }
    }
}

/// The right to the rows of an organization that our own service has found out.
///
/// # Errors
/// Never: our own service may.
pub(crate) fn own_scope(org: OrgId) -> Result<OrgScope, Error> {
    let scope = Caller::service("crm", org).require(Permission::Internal);
    scope.map_err(|_denied| Error::NotFound {
        resource: "connection",
    })
}

/// As it came, in the form that it is checked in.
fn query(hook: &Disabled) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("client_uuid", &hook.client_uuid)
        .append_pair("account_id", &hook.account_id)
        .append_pair("signature", &hook.signature)
        .finish()
}
