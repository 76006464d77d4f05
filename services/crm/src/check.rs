//! What `t11 check kommo` asks of this service.

use std::net::SocketAddr;
use std::sync::Arc;

use t11_core::World;
use t11_store::{Db, Keyring};

use crate::Config;
use crate::connection::State;
use crate::intake::secret::SecretHasher;
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
    match &config.webhook_secret {
        Some(secret) => problems.extend(
            SecretHasher::new(secret.expose())
                .err()
                .map(|error| error.to_string()),
        ),
        None if is_production => problems.push(
            "nothing keys the secrets in the addresses of webhooks; set KOMMO_WEBHOOK_SECRET, made \
             with `openssl rand -base64 32`"
                .to_owned(),
        ),
        // In development it is made at the first start.
        None => {}
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

#[cfg(test)]
mod tests {
    use t11_runtime::Secret;

    use super::*;

    fn problems(base: &str, secret: Option<&str>, is_production: bool) -> Vec<String> {
        let config = Config {
            redirect_base: Some(base.to_owned()),
            webhook_secret: secret.map(|secret| Secret::from(secret.to_owned())),
            ..Config::default()
        };
        check_settings(&config, "127.0.0.1:8080".parse().unwrap(), is_production)
    }

    #[test]
    fn production_needs_a_door_and_a_key_to_it() {
        let key = "k".repeat(32);
        let whole = problems("https://agents.example.com", Some(&key), true);
        assert_eq!(whole, [""; 0]);
        assert_eq!(problems("http://127.0.0.1:8080", None, false), [""; 0]);
        let bare = problems("http://agents.example.com", None, true);
        assert!(bare[0].contains("KOMMO_OAUTH_REDIRECT_BASE"), "{bare:?}");
        assert!(bare[1].contains("KOMMO_WEBHOOK_SECRET"), "{bare:?}");
        let short = problems("https://agents.example.com", Some("short"), true);
        assert!(short[0].contains("KOMMO_WEBHOOK_SECRET"), "{short:?}");
    }
}
