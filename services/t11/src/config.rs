//! `t11 config`: the settings as they are, and as they are documented.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use schemars::Schema;
use serde_json::Value;
use t11_runtime::{Common, ENV, Settings, Sources};

use crate::entries;

#[derive(Subcommand, Clone, Copy)]
pub(crate) enum Action {
    /// Say whether every section can be read.
    Check,
    /// Print the shared settings in force, secrets masked.
    Dump,
    /// Print docs/config.md.
    Docs,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(crate) fn run(action: Action) -> Result<()> {
    match action {
        Action::Check => {
            let settings = Settings::load(&Sources::process())?;
            for entry in entries() {
                (entry.check)(&settings).with_context(|| format!("section `{}`", entry.name))?;
            }
            println!("settings can be read");
        }
        Action::Dump => {
            let settings = Settings::load(&Sources::process())?;
            println!("{}", serde_json::to_string_pretty(&settings.common)?);
        }
        Action::Docs => print!("{}", docs()),
    }
    Ok(())
}

fn docs() -> String {
    let mut text = String::from(
        "# Settings\n\nMade by `cargo xtask docs` from the code; do not edit.\n\nA setting is read \
         from, the later winning: its default, `t11.toml` (or the file named by `T11_CONFIG`), the \
         environment. Every setting of a section `s` is `T11_S__NAME` in the environment. A variable \
         marked *secret* may be given as `NAME_FILE` instead, the path of a file with its value.\n",
    );
    text.push_str("\n## Well-known variables\n\n| variable | setting | |\n| --- | --- | --- |\n");
    for known in ENV {
        let secret = if known.secret { "secret" } else { "" };
        let _ = writeln!(text, "| `{}` | `{}` | {secret} |", known.name, known.path);
    }
    section(&mut text, "Shared settings", &schemars::schema_for!(Common));
    let mut entries = entries();
    entries.sort_by_key(|entry| entry.name);
    for entry in entries {
        section(
            &mut text,
            &format!("Section `{}`", entry.name),
            &(entry.schema)(),
        );
    }
    text
}

fn section(text: &mut String, title: &str, schema: &Schema) {
    let _ = write!(
        text,
        "\n## {title}\n\n| setting | default | meaning |\n| --- | --- | --- |\n"
    );
    let root = schema.as_value();
    rows(text, root, root, "");
}

fn rows(text: &mut String, root: &Value, schema: &Value, prefix: &str) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        let path = format!("{prefix}{name}");
        let target = resolved(root, property);
        if target.get("properties").is_some() {
            rows(text, root, target, &format!("{path}."));
            continue;
        }
        let meaning = described(property)
            .or_else(|| described(target))
            .unwrap_or_default();
        let default = match property.get("default") {
            None | Some(Value::Null) => "unset".to_owned(),
            Some(value) => format!("`{value}`"),
        };
        let _ = writeln!(text, "| `{path}` | {default} | {meaning} |");
    }
}

/// The schema a property refers to, through `$ref` and the optional forms.
fn resolved<'a>(root: &'a Value, property: &'a Value) -> &'a Value {
    if let Some(name) = property.get("$ref").and_then(Value::as_str) {
        return root
            .pointer(name.trim_start_matches('#'))
            .unwrap_or(property);
    }
    property
}

fn described(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    Some(
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace('|', "\\|"),
    )
}
