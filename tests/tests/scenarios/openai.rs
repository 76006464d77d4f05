//! OpenAI's own clients, unchanged, at the platform's door.

use std::process::Command;

use serde_json::{Value, json};
use t11_testkit::fake_model::{FakeModel, Script};
use t11_tests::TestMesh;

const FOLDER: &str = "clients";
/// The interpreter that has OpenAI's client, and the folder of Node's modules with it.
const PYTHON_VARIABLE: &str = "T11_TEST_PYTHON";
const MODULES_VARIABLE: &str = "T11_TEST_NODE_MODULES";

/// What the scripts of both clients meet, in their order.
fn prepare(model: &FakeModel) {
    model.script(Script::stream().text("Здравст").text("вуйте!").stop());
    model.script(Script::stream().text("Здравст").text("вуйте!").stop());
    let call = json!({"tool_calls": [{
        "index": 0, "id": "c1", "type": "function",
        "function": {"name": "price", "arguments": "{\"item\":\"sofa\"}"},
    }]});
    model.script(
        Script::stream()
            .delta(&call)
            .finish("tool_calls")
            .usage(31, 18, "0.000021")
            .done(),
    );
    // Too long a wait for the platform to ask again by itself.
    model.script(Script::refuse(429, "slow down").header("retry-after", "60"));
}

async fn mesh_and_key() -> (FakeModel, TestMesh, String) {
    let model = FakeModel::start().await;
    let variables = [
        ("OPENROUTER_BASE_URL", model.base_url()),
        ("OPENROUTER_API_KEY", "sk-or-v1-test".to_owned()),
        ("T11_LLM__SERVER", "openrouter".to_owned()),
        (
            "T11_LLM__EMBEDDING_MODEL",
            "openai/text-embedding-3-small".to_owned(),
        ),
    ];
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mesh = TestMesh::with(&variables).await;
    let owner = mesh.owner("Programs").await;
    let route = json!({"alias": "fast", "targets": [{"model": "openai/gpt-4o-mini"}]});
    owner.put("/api/llm/routes", route).await.ok();
    let asked = json!({"display_name": "Program", "scopes": ["llm.complete", "llm.read"]});
    let made = owner.post("/api/account/apiKeys", asked).await.ok();
    let key = made["key"].as_str().unwrap().to_owned();
    (model, mesh, key)
}

async fn what_it_saw(mut program: Command, mesh: &TestMesh, key: &str) -> Value {
    program
        .current_dir(FOLDER)
        .env("T11_URL", mesh.url(""))
        .env("T11_API_KEY", key)
        .env("PYTHONIOENCODING", "utf-8");
    let output = tokio::task::spawn_blocking(move || program.output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn a_client_works_unchanged(program: Command) {
    let (model, mesh, key) = mesh_and_key().await;
    prepare(&model);
    // After the refusal.
    model.script(Script::stream().text("Здрав").disconnect());
    let saw = what_it_saw(program, &mesh, &key).await;
    assert_eq!(saw["whole"], json!(["Здравствуйте!", "stop"]));
    assert_eq!(saw["stream"], saw["whole"]);
    assert_eq!(saw["whole_tokens"], 49);
    assert_eq!(saw["stream_tokens"], 49);
    assert_eq!(
        saw["tool"],
        json!(["price", "{\"item\":\"sofa\"}", "tool_calls"])
    );
    assert_eq!(saw["limited"], json!([429, "rate_limit_exceeded"]));
    assert_eq!(saw["cut"], "stream_cut");
    let models = saw["models"].as_array().unwrap();
    assert!(models.contains(&json!("openai/gpt-4o-mini")), "{models:?}");
    assert!(models.contains(&json!("fast")), "{models:?}");
    let lengths = saw["vectors"].as_array().unwrap();
    assert!(
        lengths.len() == 2 && lengths[0] == lengths[1],
        "{lengths:?}"
    );
    assert_eq!(saw["stranger"], "invalid_api_key");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_are_models_of_the_organization() {
    let (_model, mesh, key) = mesh_and_key().await;
    let program = mesh.stranger().with_token(&key);
    let listed = program.get("/v1/models").await.ok();
    assert_eq!(listed["object"], "list");
    let named = |id: &str| {
        let mut all = listed["data"].as_array().unwrap().iter();
        all.find(|one| one["id"] == id).cloned().unwrap()
    };
    let alias = named("fast");
    assert_eq!(alias["object"], "model");
    assert_eq!(alias["owned_by"], "organization");
    assert!(alias["created"].as_i64().is_some_and(|time| time > 0));
    assert_eq!(named("openai/gpt-4o-mini")["owned_by"], "openrouter");
    assert_eq!(program.get("/v1/models/fast").await.ok(), alias);
    let unknown = program.get("/v1/models/slow").await;
    assert_eq!(unknown.body["error"]["code"], "model_not_found");
    let others = mesh.owner("Others").await;
    let listed = others.get("/v1/models").await.ok().to_string();
    assert!(!listed.contains("fast"), "{listed}");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_for_python_works_unchanged() {
    let Some(python) = variable(PYTHON_VARIABLE) else {
        return;
    };
    let mut program = Command::new(python);
    program.arg("openai_check.py");
    a_client_works_unchanged(program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_for_node_works_unchanged() {
    let Some(modules) = variable(MODULES_VARIABLE) else {
        return;
    };
    let mut program = Command::new("node");
    program.arg("openai_check.cjs").env("NODE_PATH", modules);
    a_client_works_unchanged(program).await;
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests have no settings to read it from, and say why they did not run"
)]
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok();
    if value.is_none() {
        println!("not run: {name} is not set");
    }
    value
}
