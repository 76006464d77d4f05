//! Other gateways, where they are installed: a key of their own where they have one, and nothing
//! else that would slow them. One that does not start is left out, with a word.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use t11_tests::processes::free_address;
use tempfile::TempDir;

use super::gateway::Gateway;
use super::mock::MODELS;
use super::process::{Core, Server, on};
use super::{Bench, variable};

/// Python's start takes its time.
const PATIENCE: Duration = Duration::from_secs(120);
const KEY: &str = "sk-bench-0123456789abcdef0123456789abcdef";

pub(crate) async fn start(upstream: SocketAddr) -> Bench<Vec<Gateway>> {
    let mut started = Vec::new();
    for (name, gateway) in [
        ("litellm", litellm(upstream).await),
        ("portkey", portkey(upstream).await),
        ("tensorzero", tensorzero(upstream)),
    ] {
        match answering(gateway).await {
            Ok(gateway) => started.push(gateway),
            Err(error) => writeln!(std::io::stdout(), "{name} is left out: {error}")?,
        }
    }
    Ok(started)
}

/// The gateway, once it has answered.
async fn answering(started: Bench<Option<Gateway>>) -> Bench<Gateway> {
    let mut gateway = started?.ok_or("it is not installed")?;
    super::measure::warm_up(&gateway).await?;
    gateway.is_peer = true;
    Ok(gateway)
}

/// One worker, a master key; budgets would need a PostgreSQL and a generated client.
async fn litellm(upstream: SocketAddr) -> Bench<Option<Gateway>> {
    let Some(bin) = variable("T11_BENCH_LITELLM").map(PathBuf::from) else {
        return Ok(None);
    };
    let folder = TempDir::new()?;
    let models = MODELS.map(|model| {
        serde_json::json!({
            "model_name": model,
            "litellm_params": {
                "model": format!("openai/{model}"), "api_base": format!("http://{upstream}/v1"),
                "api_key": "sk-none",
            },
        })
    });
    // JSON is YAML.
    let config = serde_json::json!({"model_list": models, "general_settings": {"master_key": KEY}});
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, config.to_string())?;
    let address = free_address();
    let mut command = on(Core::Gateway, bin.join("litellm"));
    command.arg("--config").arg(&path);
    command.args(["--host", "127.0.0.1", "--num_workers", "1"]);
    command.args(["--port", &address.port().to_string()]);
    command
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_LOG", "ERROR");
    quiet(&mut command);
    let server = Server::at(&mut command, address, PATIENCE).await?;
    let mut gateway = Gateway::of("litellm", server).with_key(KEY);
    gateway._kept.push(Box::new(folder));
    Ok(Some(gateway))
}

/// Has neither keys nor budgets of its own in its open part.
async fn portkey(upstream: SocketAddr) -> Bench<Option<Gateway>> {
    let Some(modules) = variable("T11_BENCH_PORTKEY").map(PathBuf::from) else {
        return Ok(None);
    };
    let address = free_address();
    let mut command = on(Core::Gateway, "node");
    command.arg(modules.join("@portkey-ai/gateway/build/start-server.js"));
    command
        .arg(format!("--port={}", address.port()))
        .arg("--headless");
    command.env("NODE_ENV", "production");
    quiet(&mut command);
    let server = Server::at(&mut command, address, PATIENCE).await?;
    let gateway = Gateway::of("portkey", server)
        .with_key("sk-none")
        .with_header("x-portkey-provider: openai\r\n")
        .with_header(&format!("x-portkey-custom-host: http://{upstream}/v1\r\n"));
    Ok(Some(gateway))
}

/// Its gateway within a Python process, as its wheel brings it, without its observability.
fn tensorzero(upstream: SocketAddr) -> Bench<Option<Gateway>> {
    const START: &str = include_str!("tensorzero.py");
    let Some(bin) = variable("T11_BENCH_TENSORZERO").map(PathBuf::from) else {
        return Ok(None);
    };
    let folder = TempDir::new()?;
    let mut config = "[gateway]\nobservability.enabled = false\n".to_owned();
    for model in MODELS {
        config.push_str(&format!(
            "[models.{model}]\nrouting = [\"mock\"]\n[models.{model}.providers.mock]\ntype = \"openai\"\n\
             model_name = \"{model}\"\napi_base = \"http://{upstream}/v1/\"\napi_key_location = \"none\"\n",
        ));
    }
    let path = folder.path().join("tensorzero.toml");
    std::fs::write(&path, config)?;
    let mut command = on(Core::Gateway, bin.join("python"));
    command.args(["-c", START]).arg(&path).stderr(Stdio::null());
    let server = Server::that_says(&mut command)?;
    let mut gateway = Gateway::of("tensorzero", server);
    gateway.path = "/openai/v1/chat/completions";
    gateway.model_prefix = "tensorzero::model_name::";
    gateway._kept.push(Box::new(folder));
    Ok(Some(gateway))
}

fn quiet(command: &mut Command) {
    command.stdout(Stdio::null()).stderr(Stdio::null());
}
