//! `kill -9` at any moment: what was acknowledged is done, once.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};
use t11_core::World;
use t11_store::{DatabaseConfig, Db, StoreError, System};

/// Kills of the short form; `T11_KILLS` asks for more.
const KILLS: u32 = 20;

struct Process {
    child: Child,
    base: String,
}

impl Process {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_t11"))
            .arg("dev")
            .env("T11_DATA_DIR", data)
            .env("T11_HTTP_ADDR", "127.0.0.1:0")
            .env("T11_LOG", "error")
            .env("T11_EDGE__LIMITS__ENABLED", "false")
            .env_remove("OPENROUTER_API_KEY")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let base = line
            .trim()
            .strip_prefix("T11 is ready at ")
            .unwrap()
            .to_owned();
        Self { child, base }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn post(client: &Client, token: &str, url: String, body: Value) -> Option<Value> {
    let request = client.post(url).bearer_auth(token).json(&body);
    let response = request.send().await.ok()?.error_for_status().ok()?;
    response.json().await.ok()
}

async fn get(client: &Client, token: &str, url: String) -> Value {
    client
        .get(url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

fn article(number: u32) -> Value {
    let text: String = (0..400)
        .map(|line| format!("Строка {line} статьи {number} о доставке диванов.\n\n"))
        .collect();
    json!({"display_name": format!("article-{number}"), "content": format!("# Статья\n\n{text}")})
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_work_is_done_once_after_kills() {
    t11_runtime::init_process();
    let kills = std::env::var("T11_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(KILLS);
    let data = tempfile::tempdir().unwrap();
    let client = Client::builder()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let mut process = Process::start(data.path());
    let register = json!({
        "organization_display_name": "Kill", "email": "kill@example.com",
        "password": "correct horse battery 42",
    });
    let url = format!("{}/api/auth/register", process.base);
    let answer = post(&client, "", url, register).await.unwrap();
    let token = answer["session_token"].as_str().unwrap().to_owned();
    let url = format!("{}/api/agents", process.base);
    let agent = post(&client, &token, url, json!({"display_name": "A"}))
        .await
        .unwrap();
    let mut acknowledged = HashSet::new();
    for number in 0..kills {
        let url = format!("{}/api/knowledge/sources:createArticle", process.base);
        if let Some(source) = post(&client, &token, url, article(number)).await {
            acknowledged.insert(source["name"].as_str().unwrap().to_owned());
        }
        chat(&client, &token, &process.base, &agent).await;
        // Another moment each time: 0 to 380 ms into the work.
        tokio::time::sleep(Duration::from_millis(u64::from(number) * 20 % 400)).await;
        process.kill();
        process = Process::start(data.path());
    }
    assert_eq!(
        acknowledged.len(),
        kills as usize,
        "every upload was acknowledged"
    );
    let chunks = finished(&client, &token, &process.base, &acknowledged).await;
    for (source, indexes) in chunks {
        let unique: HashSet<_> = indexes.iter().collect();
        assert!(!indexes.is_empty(), "{source} has chunks");
        assert_eq!(unique.len(), indexes.len(), "{source} has no chunk twice");
    }
    process.kill();
    intact(data.path()).await;
    let counted = json!({
        "rows": "F45", "kills": kills, "acknowledged": acknowledged.len(), "lost": 0, "doubled": 0,
    });
    println!("{counted}");
}

/// Begins an answer and does not wait for it.
async fn chat(client: &Client, token: &str, base: &str, agent: &Value) {
    let url = format!("{base}/api/conversations");
    let Some(made) = post(client, token, url, json!({"agent": agent["name"]})).await else {
        return;
    };
    let url = format!("{base}/api/{}:chat", made["name"].as_str().unwrap());
    let request = client
        .post(url)
        .bearer_auth(token)
        .json(&json!({"text": "Какая доставка?"}));
    // Dropped with the process or before: either way the turn must not stay running.
    drop(request.send().await);
}

async fn finished(
    client: &Client,
    token: &str,
    base: &str,
    sources: &HashSet<String>,
) -> HashMap<String, Vec<i64>> {
    let mut chunks = HashMap::new();
    for _ in 0..1_200 {
        for source in sources {
            if chunks.contains_key(source) {
                continue;
            }
            let now = get(client, token, format!("{base}/api/knowledge/{source}")).await;
            if now["state"] == "SOURCE_STATE_READY" {
                let url = format!("{base}/api/knowledge/{source}/chunks?page_size=200");
                let listed = get(client, token, url).await;
                let listed = listed["chunks"].as_array().unwrap();
                let indexes = listed
                    .iter()
                    .map(|chunk| chunk["index"].as_i64().unwrap())
                    .collect();
                chunks.insert(source.clone(), indexes);
            }
        }
        if chunks.len() == sources.len() {
            return chunks;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        chunks.len(),
        sources.len(),
        "every acknowledged upload is finished"
    );
    chunks
}

async fn intact(data: &Path) {
    for service in ["accounts", "agents", "crm", "jobs", "llm"] {
        let url = format!("sqlite://{}", data.join("t11.db").display());
        let config = DatabaseConfig::new(url).for_service(service);
        let db = Db::connect(&config, World::system()).await.unwrap();
        let answer: String = db
            .read(System("integrity check"), |tx| async move {
                let check = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check");
                let row = tx.query_one_raw(check).await?.unwrap();
                Ok::<_, StoreError>(row.try_get_by_index(0)?)
            })
            .await
            .unwrap();
        assert_eq!(answer, "ok", "{service}");
        db.close().await;
    }
}
