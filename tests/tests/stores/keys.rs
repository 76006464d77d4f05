//! F41 and F46: a process that would do harm does not start.

use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::mesh::KEY;
use crate::program::{Program, command, ended};

const SECRET: &str = "the-secret-of-the-integration-0123456789";

/// What a `t11 dev` with this variable says when it refuses to start.
fn refusal(data: &Path, variables: &[(&str, &str)]) -> String {
    let mut dev = command(data);
    dev.arg("dev").envs(variables.iter().copied());
    let output = ended(&mut dev);
    assert!(!output.status.success(), "{output:?}");
    assert!(
        output.stdout.is_empty(),
        "it did not open its door: {output:?}"
    );
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn f41_without_its_key_no_process_starts_in_production() {
    let data = tempfile::tempdir().unwrap();
    let production = ("T11_ENVIRONMENT", "production");
    for (variables, named) in [
        (vec![production], "ENCRYPTION_KEY"),
        (vec![production, ("T11_SIGNING_KEY", KEY)], "ENCRYPTION_KEY"),
        (vec![production, ("ENCRYPTION_KEY", KEY)], "T11_SIGNING_KEY"),
        (vec![("ENCRYPTION_KEY", "short")], "ENCRYPTION_KEY"),
        (
            vec![("ENCRYPTION_KEY_FILE", "/nowhere")],
            "ENCRYPTION_KEY_FILE",
        ),
    ] {
        let said = refusal(data.path(), &variables);
        assert!(said.contains(named), "{variables:?}: {said}");
    }
}

#[tokio::test]
async fn f41_with_another_key_crm_does_not_start_and_nothing_is_in_the_clear() {
    let credential = json!({
        "client_id": "0190a5f0-0000-7000-8000-000000000001",
        "client_secret": SECRET,
        "redirect_uri": "http://127.0.0.1:8080/api/kommo/callback",
    });
    with_another_key_nothing_starts(Method::PUT, "/api/crm/credential", &credential).await;
}

#[tokio::test]
async fn f41_with_another_key_llm_does_not_start_and_nothing_is_in_the_clear() {
    let key = json!({"provider_key": {"display_name": "Own", "secret": SECRET}});
    with_another_key_nothing_starts(Method::POST, "/api/llm/providerKeys", &key).await;
}

/// Has `SECRET` sealed by what is asked.
async fn with_another_key_nothing_starts(method: Method, path: &str, asked: &Value) {
    let data = tempfile::tempdir().unwrap();
    let program = Program::dev(data.path());
    let owner = program.stranger().register("F41").await;
    let sealing = owner.request(method, path).json(asked);
    let sealed = sealing.send().await.unwrap();
    let status = sealed.status();
    assert!(status.is_success(), "{status}: {:?}", sealed.text().await);
    drop(program);
    assert!(!holds(data.path(), SECRET), "the secret is in the clear");

    let own = fs::read_to_string(data.path().join("keys/ENCRYPTION_KEY")).unwrap();
    let said = refusal(data.path(), &[("ENCRYPTION_KEY", KEY)]);
    assert!(said.contains("ENCRYPTION_KEY"), "{said}");
    assert!(!said.contains(KEY) && !said.contains(&own), "{said}");
    // The kept key is still the right one.
    drop(Program::dev(data.path()));
}

/// Whether a file below `folder` holds the text.
fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().flatten().any(|entry| {
        if entry.path().is_dir() {
            return holds(&entry.path(), text);
        }
        let bytes = fs::read(entry.path()).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[test]
fn f46_a_second_process_on_the_same_data_refuses_to_start() {
    let data = tempfile::tempdir().unwrap();
    let first = Program::dev(data.path());
    let said = refusal(data.path(), &[]);
    assert!(said.contains("another `t11 dev` uses"), "{said}");
    // Killed, it leaves no lock behind.
    drop(first);
    drop(Program::dev(data.path()));
}
