//! Our gateway: edge, accounts, llm and jobs in one process, with an API key, a budget for every
//! call and the usage ledger, on SQLite in its data folder or on PostgreSQL.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use t11_tests::Client;
use t11_tests::processes::{OwnDatabase, free_address};
use tempfile::TempDir;

use super::Bench;
use super::gateway::Gateway;
use super::process::{Core, Server, on};

const PATIENCE: Duration = Duration::from_secs(60);
/// Seals and signs.
const KEY: &str = "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b";

/// On PostgreSQL when a `database` there is given, else on SQLite.
pub(crate) async fn start(upstream: SocketAddr, database: Option<OwnDatabase>) -> Bench<Gateway> {
    let folder = TempDir::new()?;
    let address = free_address();
    let mut variables = variables(upstream, address, &folder);
    let url = match &database {
        Some(database) => database.url.clone(),
        None => format!("sqlite://{}", folder.path().join("t11.sqlite").display()),
    };
    variables.push(("DATABASE_URL", url));
    let binary = binary()?;
    let migrated = on(Core::Gateway, &binary)
        .arg("migrate")
        .envs(variables.iter().cloned())
        .output()?;
    if !migrated.status.success() {
        return Err(String::from_utf8_lossy(&migrated.stderr)
            .into_owned()
            .into());
    }
    let mut command = on(Core::Gateway, &binary);
    command.args(["serve", "jobs", "accounts", "llm", "edge"]);
    command.envs(variables).stdout(std::process::Stdio::null());
    let server = Server::at(&mut command, address, PATIENCE).await?;
    let key = prepare(address).await?;
    let name = match database {
        Some(_) => "ours on postgresql",
        None => "ours",
    };
    let mut gateway = Gateway::of(name, server).with_key(&key);
    gateway.typed_key = Some(key);
    gateway._kept.push(Box::new(folder));
    gateway
        ._kept
        .extend(database.map(|database| Box::new(database) as Box<_>));
    Ok(gateway)
}

fn variables(
    upstream: SocketAddr,
    address: SocketAddr,
    folder: &TempDir,
) -> Vec<(&'static str, String)> {
    let folder = folder.path().display();
    // Not in this process, and not called.
    let nobody = "http://127.0.0.1:9".to_owned();
    vec![
        ("T11_DATA_DIR", folder.to_string()),
        ("T11_HTTP_ADDR", address.to_string()),
        ("T11_ADMIN_ADDR", "127.0.0.1:0".to_owned()),
        ("T11_LISTEN__JOBS", "127.0.0.1:0".to_owned()),
        ("T11_LISTEN__ACCOUNTS", "127.0.0.1:0".to_owned()),
        ("T11_LISTEN__LLM", "127.0.0.1:0".to_owned()),
        ("T11_PEERS__AGENTS", nobody.clone()),
        ("T11_PEERS__CRM", nobody),
        ("T11_LOG", "error".to_owned()),
        ("ENCRYPTION_KEY", KEY.to_owned()),
        ("T11_SIGNING_KEY", KEY.to_owned()),
        ("OPENROUTER_API_KEY", "sk-or-v1-bench".to_owned()),
        ("OPENROUTER_BASE_URL", format!("http://{upstream}/v1")),
        ("T11_LLM__SERVER", "openrouter".to_owned()),
        // No other gateway limits calls here.
        ("T11_EDGE__LIMITS__ENABLED", "false".to_owned()),
    ]
}

/// An organization with a budget and a key; the key.
async fn prepare(address: SocketAddr) -> Bench<String> {
    let stranger = Client::new(format!("http://{address}"));
    let owner = stranger.register("Bench").await;
    let budget = json!({
        "resource": "organization", "period": "BUDGET_PERIOD_MONTH", "cap_micro_usd": "1000000000000",
    });
    owner.put("/api/llm/budgets", budget).await.ok();
    let asked = json!({"display_name": "Bench", "scopes": ["llm.complete", "llm.read"]});
    let made = owner.post("/api/account/apiKeys", asked).await.ok();
    // Prices are known once the models were listed.
    owner.get("/api/llm/models").await.ok();
    Ok(made["key"]
        .as_str()
        .map(ToOwned::to_owned)
        .ok_or_else(|| no_key(&made))?)
}

fn no_key(made: &Value) -> String {
    format!("no key in {made}")
}

/// The `t11` of the same build.
fn binary() -> Bench<PathBuf> {
    let bench = std::env::current_exe()?;
    let binary = bench
        .ancestors()
        .nth(2)
        .ok_or("no folder above")?
        .join("t11");
    match binary.exists() {
        true => Ok(binary),
        false => Err(format!("{} is not built", binary.display()).into()),
    }
}
