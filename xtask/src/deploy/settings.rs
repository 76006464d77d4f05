//! Variables: each one that is given to a process of ours is one that it reads.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::manifest::{Manifest, all_pods, at, items, text};
use super::topology::SERVICES;
use super::{Findings, read};

/// Read by the client of the bucket itself.
const OF_LIBRARIES: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// What docs/config.md, made from the code, lists.
#[derive(Default)]
pub(super) struct KnownSettings {
    /// `T11_LOG`, `ENCRYPTION_KEY_FILE`, `T11_EDGE__TRUSTED_PROXIES`.
    variables: BTreeSet<String>,
}

impl KnownSettings {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let known = Self::parse(&read(&root.join("docs/config.md"))?);
        ensure!(
            known.variables.len() > 50,
            "docs/config.md is not the table it was"
        );
        Ok(known)
    }

    fn parse(document: &str) -> Self {
        let mut variables: BTreeSet<_> = OF_LIBRARIES.map(str::to_owned).into();
        let mut section = None;
        for line in document.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                section = title
                    .strip_prefix("Section `")
                    .map(|it| it.trim_end_matches('`').to_uppercase());
            }
            let Some(name) = line.strip_prefix("| `").and_then(|it| it.split('`').next()) else {
                continue;
            };
            match &section {
                Some(section) => {
                    let name = name.to_uppercase().replace('.', "__");
                    variables.insert(format!("T11_{section}__{name}"));
                }
                // Places in the tree have no other name: `tls.cert`.
                None if name.contains('.') => {
                    variables.insert(format!("T11_{}", name.to_uppercase().replace('.', "__")));
                }
                None => {
                    if line.ends_with("| secret |") {
                        variables.insert(format!("{name}_FILE"));
                    }
                    variables.insert(name.to_owned());
                }
            }
        }
        for service in &SERVICES {
            let name = service.name.to_uppercase();
            variables.insert(format!("T11_PEERS__{name}"));
            variables.insert(format!("T11_{name}__DATABASE_URL"));
        }
        Self { variables }
    }

    pub(super) fn check_manifests(&self, manifests: &[Manifest]) -> Findings {
        let mut findings = Findings::new();
        for pods in all_pods(manifests) {
            for container in pods.containers().filter(|it| text(it, "/name") == "t11") {
                let names = items(at(container, "/env")).map(|it| text(it, "/name"));
                let maps =
                    items(at(container, "/envFrom")).map(|it| text(it, "/configMapRef/name"));
                let names = names.chain(maps.flat_map(|map| keys(manifests, map)));
                findings.extend(names.filter_map(|name| self.check(&pods.workload.title(), name)));
            }
        }
        findings
    }

    /// A finding unless `name` is known.
    pub(super) fn check(&self, whose: &str, name: &str) -> Option<String> {
        let is_known = self.variables.contains(name);
        (!is_known).then(|| format!("{whose}: {name} sets nothing (docs/config.md)"))
    }
}

fn keys<'a>(manifests: &'a [Manifest], map: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let map = manifests
        .iter()
        .find(|it| it.kind() == "ConfigMap" && it.name() == map);
    let data = map.map_or(&Value::Null, |it| it.at("/data"));
    data.as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::manifest::parse;
    use super::*;

    const DOCUMENT: &str = "
## Well-known variables
| `T11_LOG` | `log` |  |
| `ENCRYPTION_KEY` | `encryption_key` | secret |
## Shared settings
| `tls.cert` | unset | The certificate. |
## Section `edge`
| `limits.read.burst` | unset | Calls. |
";

    #[test]
    fn only_settings_that_are_read_may_be_given() {
        let known = KnownSettings::parse(DOCUMENT);
        for name in [
            "T11_LOG",
            "ENCRYPTION_KEY_FILE",
            "T11_EDGE__LIMITS__READ__BURST",
            "T11_PEERS__CRM",
            "T11_TLS__CERT",
            "T11_AGENTS__DATABASE_URL",
        ] {
            assert_eq!(known.check("x", name), None);
        }
        for name in [
            "T11_LOGS",
            "T11_LOG_FILE",
            "T11_EDGE__LIMITS",
            "T11_PEERS__AGENT",
        ] {
            assert!(known.check("x", name).is_some(), "{name}");
        }
    }

    #[test]
    fn they_are_found_in_pods_and_maps() {
        let manifests = "
kind: ConfigMap
metadata: {name: settings}
data: {T11_LOG: info, T11_LGO: info}
---
kind: Job
metadata: {name: j}
spec: {template: {spec: {containers: [{name: t11, env: [{name: T11_L}], envFrom: [{configMapRef: {name: settings}}]}, {name: other, env: [{name: ANY}]}]}}}
";
        let known = KnownSettings::parse(DOCUMENT);
        let found = known.check_manifests(&parse(manifests).unwrap()).join("\n");
        assert!(
            found.contains("T11_LGO") && found.contains("T11_L ") && !found.contains("ANY"),
            "{found}"
        );
    }
}
