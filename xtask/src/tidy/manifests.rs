//! Which crate may depend on which, and how a manifest says so.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use super::{Finding, Rule, Source};

/// The arrows: a crate, those of ours it may depend on, and libraries it must not know.
struct Arrows {
    manifest: &'static str,
    ours: &'static [&'static str],
    never: &'static [&'static str],
}

const SQL: [&str; 4] = ["sea-orm", "sea-orm-migration", "sqlx", "libsqlite3-sys"];
const SERVICE_MAY: &[&str] = &[
    "t11-core",
    "t11-grpc",
    "t11-migrations",
    "t11-proto",
    "t11-runtime",
    "t11-store",
];

const ARROWS: &[Arrows] = &[
    Arrows {
        manifest: "crates/core/Cargo.toml",
        ours: &[],
        never: &["tonic", "prost", "sea-orm", "sqlx"],
    },
    Arrows {
        manifest: "crates/proto/Cargo.toml",
        ours: &[],
        never: &SQL,
    },
    Arrows {
        manifest: "crates/grpc/Cargo.toml",
        ours: &["t11-core", "t11-proto"],
        never: &SQL,
    },
    Arrows {
        manifest: "crates/kommo/Cargo.toml",
        ours: &["t11-core"],
        never: &["tonic", "prost", "sea-orm", "sqlx"],
    },
    // For programs outside the mesh: it brings none of the product's inside with it.
    Arrows {
        manifest: "crates/client/Cargo.toml",
        ours: &["t11-core", "t11-grpc", "t11-proto"],
        never: &SQL,
    },
    Arrows {
        manifest: "crates/store/Cargo.toml",
        ours: &["t11-core"],
        never: &["tonic", "prost"],
    },
    // Stands outside the product: what it shares with it, it could not check.
    Arrows {
        manifest: "crates/fake-kommo/Cargo.toml",
        ours: &[],
        never: &["tonic", "prost", "sea-orm", "sqlx"],
    },
    Arrows {
        manifest: "migrations/Cargo.toml",
        ours: &["t11-store"],
        never: &["tonic", "prost"],
    },
    Arrows {
        manifest: "crates/runtime/Cargo.toml",
        ours: &[
            "t11-core",
            "t11-grpc",
            "t11-migrations",
            "t11-proto",
            "t11-store",
        ],
        never: &[],
    },
    Arrows {
        manifest: "services/accounts/Cargo.toml",
        ours: SERVICE_MAY,
        never: &[],
    },
    Arrows {
        manifest: "services/agents/Cargo.toml",
        ours: SERVICE_MAY,
        never: &[],
    },
    Arrows {
        manifest: "services/crm/Cargo.toml",
        ours: &[
            "t11-core",
            "t11-grpc",
            "t11-kommo",
            "t11-migrations",
            "t11-proto",
            "t11-runtime",
            "t11-store",
        ],
        never: &[],
    },
    Arrows {
        manifest: "services/jobs/Cargo.toml",
        ours: SERVICE_MAY,
        never: &[],
    },
    Arrows {
        manifest: "services/llm/Cargo.toml",
        ours: SERVICE_MAY,
        never: &[],
    },
    // Edge owns no tables.
    Arrows {
        manifest: "services/edge/Cargo.toml",
        ours: &["t11-core", "t11-grpc", "t11-proto", "t11-runtime"],
        never: &SQL,
    },
    Arrows {
        manifest: "web/Cargo.toml",
        ours: &["t11-core", "t11-proto"],
        never: &SQL,
    },
    Arrows {
        manifest: "xtask/Cargo.toml",
        ours: &[],
        never: &[],
    },
];

const ARROW: Rule = Rule {
    why: "services meet only in proto/, shared crates do not know what uses them (ARCHITECTURE.md)",
    mend: "move the code to the side that may know both, or call the other service by its RPC",
};

const INHERITED: Rule = Rule {
    why: "one version of each library, changed in one place",
    mend: "write `name.workspace = true`, with the version in the root Cargo.toml",
};

const LINTS: Rule = Rule {
    why: "the lints of the workspace hold for every crate",
    mend: "add `[lints]` with `workspace = true`",
};

pub(super) fn check(sources: &[Source]) -> Result<Vec<Finding>> {
    let root = sources.iter().find(|source| source.path == "Cargo.toml");
    let root = parse(root.context("there is a root Cargo.toml")?)?;
    let shared: BTreeSet<&str> = table(&root, &["workspace", "dependencies"])
        .into_iter()
        .flat_map(Table::keys)
        .map(String::as_str)
        .collect();
    let mut findings = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.path.ends_with("/Cargo.toml"))
    {
        let manifest = parse(source)?;
        findings.extend(check_one(source, &manifest, &shared));
    }
    Ok(findings)
}

fn parse(source: &Source) -> Result<Table> {
    source
        .text
        .parse()
        .with_context(|| format!("parsing {}", source.path))
}

fn check_one(source: &Source, manifest: &Table, shared: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if table(manifest, &["lints"])
        .and_then(|lints| lints.get("workspace"))
        .is_none()
    {
        findings.push(source.finding(1, "the lints of the workspace are not used", LINTS));
    }
    for (name, value) in dependencies(manifest) {
        let is_inherited = value.get("workspace").is_some();
        // A crate that names itself switches on its own features for its tests.
        let is_itself = value.get("path").and_then(Value::as_str) == Some(".");
        if !is_inherited && !is_itself && shared.contains(name) {
            let what = format!("`{name}` does not take the version of the workspace");
            findings.push(source.finding(line_of(source, name), what, INHERITED));
        }
    }
    let Some(arrows) = ARROWS.iter().find(|arrows| arrows.manifest == source.path) else {
        return findings;
    };
    for (name, _) in product_dependencies(manifest) {
        let is_foreign = name.starts_with("t11-") && !arrows.ours.contains(&name);
        if is_foreign || arrows.never.contains(&name) {
            let what = format!("depends on `{name}`");
            findings.push(source.finding(line_of(source, name), what, ARROW));
        }
    }
    findings
}

/// What the product links: not the dependencies of tests and build scripts.
fn product_dependencies(manifest: &Table) -> Vec<(&str, &Value)> {
    sections(manifest, &["dependencies"])
}

fn dependencies(manifest: &Table) -> Vec<(&str, &Value)> {
    sections(
        manifest,
        &["dependencies", "dev-dependencies", "build-dependencies"],
    )
}

/// The entries of these sections, those for one target included.
fn sections<'a>(manifest: &'a Table, names: &[&str]) -> Vec<(&'a str, &'a Value)> {
    let targets = table(manifest, &["target"])
        .into_iter()
        .flat_map(Table::values);
    let tables = targets.filter_map(Value::as_table).chain([manifest]);
    tables
        .flat_map(|table| names.iter().filter_map(|name| table.get(*name)?.as_table()))
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
        .collect()
}

fn table<'a>(mut table: &'a Table, path: &[&str]) -> Option<&'a Table> {
    for name in path {
        table = table.get(*name)?.as_table()?;
    }
    Some(table)
}

fn line_of(source: &Source, dependency: &str) -> usize {
    let is_entry = |line: &str| {
        line.trim_start()
            .strip_prefix(dependency)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    source
        .text
        .lines()
        .position(is_entry)
        .map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    const LINTED: &str = "[lints]\nworkspace = true\n";

    fn findings(path: &str, manifest: &str) -> Vec<String> {
        let root = source(
            "Cargo.toml",
            "[workspace.dependencies]\nt11-llm = {}\nbytes = \"1\"\n",
        );
        let crate_ = source(path, &format!("{LINTED}{manifest}"));
        let findings = check(&[root, crate_]).unwrap();
        findings
            .iter()
            .map(|finding| format!("{}: {}", finding.line, finding.what))
            .collect()
    }

    #[test]
    fn a_service_may_not_link_another() {
        let manifest = "[dependencies]\nt11-core.workspace = true\nt11-llm.workspace = true\n";
        assert_eq!(
            findings("services/agents/Cargo.toml", manifest),
            ["5: depends on `t11-llm`"]
        );
        assert!(findings("services/t11/Cargo.toml", manifest).is_empty());
    }

    #[test]
    fn tests_may_link_what_the_product_may_not() {
        let manifest = "[dev-dependencies]\nt11-llm.workspace = true\n";
        assert!(findings("services/agents/Cargo.toml", manifest).is_empty());
    }

    #[test]
    fn edge_knows_no_sql_on_any_target() {
        let manifest = "[target.'cfg(unix)'.dependencies]\nsqlx = \"1\"\n";
        assert_eq!(
            findings("services/edge/Cargo.toml", manifest),
            ["4: depends on `sqlx`"]
        );
    }

    #[test]
    fn shared_versions_and_lints_are_inherited() {
        let manifest = "[dependencies]\nbytes = \"1\"\nother = \"1\"\n";
        assert_eq!(
            findings("services/t11/Cargo.toml", manifest),
            ["4: `bytes` does not take the version of the workspace"]
        );
        let root = source("Cargo.toml", "[workspace.dependencies]\n");
        let bare = source("web/Cargo.toml", "[dependencies]\n");
        assert_eq!(check(&[root, bare]).unwrap()[0].rule, LINTS);
    }
}
