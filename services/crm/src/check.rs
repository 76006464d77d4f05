//! What `t11 check kommo` asks of this service.

use std::net::SocketAddr;
use std::sync::Arc;

use t11_core::World;
use t11_store::{Db, Keyring};

use crate::Config;
use crate::connection::State;
use crate::store::Store;

/// What is wrong with the settings, each with how to mend it.
#[must_use]
pub fn check_settings(config: &Config, edge: SocketAddr, is_production: bool) -> Vec<String> {
    let mut problems = Vec::new();
    let refusals = [
        config.validate(is_production).err(),
        config.oauth_url(is_production).err(),
    ];
    problems.extend(
        refusals
            .into_iter()
            .flatten()
            .map(|error| error.to_string()),
    );
    match config.base(edge) {
        Err(error) => problems.push(error.to_string()),
        Ok(base) if is_production && base.scheme() != "https" => problems.push(format!(
            "Kommo would send webhooks to `{base}`; set KOMMO_OAUTH_REDIRECT_BASE to the https \
             address at which it reaches edge"
        )),
        Ok(_) => {}
    }
    problems
}

/// Connected accounts that a person must see to.
///
/// # Errors
/// What the database answers.
pub async fn check_connections(db: Db) -> anyhow::Result<Vec<String>> {
    // Nothing is opened or sealed.
    let store = Store::new(db, World::system(), Arc::new(Keyring::new([0; 32])));
    let refused = store.refused_connections().await?;
    let problems = refused.into_iter().map(|(host, state)| match state {
        State::Disabled => format!(
            "`{host}` has switched the integration off; install it there and grant access again"
        ),
        _ => format!("`{host}` refuses the tokens; grant access again on the page of integrations"),
    });
    Ok(problems.collect())
}
