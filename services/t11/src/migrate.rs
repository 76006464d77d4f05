//! `t11 migrate`.

use anyhow::{Context as _, Result};
use t11_core::World;
use t11_runtime::Settings;
use t11_store::Db;

/// Brings every service's database up to date. Safe to run from several places at once.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    for service in t11_migrations::SERVICES {
        let config = settings.database_config(service)?;
        let db = Db::connect(&config, World::system())
            .await
            .with_context(|| format!("database of `{service}` at {}", config.masked_url()))?;
        let applied = t11_migrations::migrate(service, &db)
            .await
            .with_context(|| service.to_owned())?;
        report(service, &applied);
        db.close().await;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn report(service: &str, applied: &[String]) {
    if applied.is_empty() {
        println!("{service}: up to date");
    }
    for name in applied {
        println!("{service}: applied {name}");
    }
}
