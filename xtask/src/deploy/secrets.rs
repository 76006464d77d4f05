//! Secrets: both scripts that make them are run, and what pods mount is among what they made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fmt, fs};

use anyhow::Result;
use serde_json::Value;

use super::certificates::{self, FILES};
use super::manifest::{Manifest, all_pods, at, items, parse, text};
use super::tools::Tools;
use super::{Findings, ask};
use crate::provision;

/// Stands for `t11 keys generate`.
const KEYS: &str = "#!/bin/sh\necho ENCRYPTION_KEY=a\necho T11_SIGNING_KEY=b\necho T11_JWKS=c\n";

/// The keys of each Secret.
pub(super) struct Made(BTreeMap<String, BTreeSet<String>>);

/// What the scripts make, and the file of what the second one prints.
pub(super) fn make(tools: &Tools, deploy: &Path, scratch: &Path) -> Result<(Made, PathBuf)> {
    provision::program("openssl", "openssl")?;
    let folder = scratch.join("secrets");
    let keys = scratch.join("keys.sh");
    fs::write(&keys, KEYS)?;
    ask(Command::new("sh")
        .arg(deploy.join("secrets.sh"))
        .arg(&folder)
        .env("T11", format!("sh {}", keys.display())))?;
    for by_hand in ["assets-access-key-id", "assets-secret-access-key"] {
        fs::write(folder.join(by_hand), by_hand)?;
    }
    let printed = ask(Command::new("sh")
        .arg(deploy.join("k8s/secrets.sh"))
        .arg(&folder)
        .env("PATH", tools.path()?))?;
    let file = scratch.join("secrets.yaml");
    fs::write(&file, &printed)?;
    Ok((Made::of(&parse(&printed)?), file))
}

impl Made {
    fn of(secrets: &[Manifest]) -> Self {
        let keys = |secret: &Manifest| {
            let data = secret.at("/data").as_object().into_iter().flatten();
            data.map(|(key, _)| key.clone()).collect()
        };
        Self(
            secrets
                .iter()
                .map(|it| (it.name().to_owned(), keys(it)))
                .collect(),
        )
    }

    fn has(&self, secret: &Secret) -> bool {
        let keys = self.0.get(&secret.name);
        keys.is_some_and(|keys| secret.key.as_ref().is_none_or(|it| keys.contains(it)))
    }

    /// With what the cluster makes for these manifests.
    fn and_by_certificates(&self, manifests: &[Manifest]) -> Self {
        let files = || FILES.map(str::to_owned).into();
        let made = certificates::made(manifests).into_keys();
        let made = made.map(|secret| (secret.to_owned(), files()));
        Self(self.0.clone().into_iter().chain(made).collect())
    }

    /// That every secret and settings map that pods ask for is there.
    pub(super) fn check(&self, manifests: &[Manifest]) -> Findings {
        let maps: BTreeSet<_> = manifests
            .iter()
            .filter(|it| it.kind() == "ConfigMap")
            .map(Manifest::name)
            .collect();
        let made = self.and_by_certificates(manifests);
        let mut findings = Findings::new();
        for pods in all_pods(manifests) {
            let asked = Asked::by(pods.spec(), pods.containers());
            let title = pods.workload.title();
            let not_made = asked.secrets.iter().filter(|it| !made.has(it));
            findings.extend(not_made.map(|it| {
                format!(
                    "{title} asks for the secret {it}, which deploy/k8s/secrets.sh does not make"
                )
            }));
            let unknown = asked.maps.iter().filter(|it| !maps.contains(it.as_str()));
            findings.extend(
                unknown
                    .map(|it| format!("{title} asks for the ConfigMap {it}, which is not there")),
            );
        }
        findings
    }
}

/// A secret that is asked for: the whole, or one key of it.
struct Secret {
    name: String,
    key: Option<String>,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}/{key}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What a pod asks for: secrets, and maps of settings.
#[derive(Default)]
struct Asked {
    secrets: Vec<Secret>,
    maps: Vec<String>,
}

impl Asked {
    fn by<'a>(spec: &'a Value, containers: impl Iterator<Item = &'a Value>) -> Self {
        let mut asked = Self::default();
        for volume in items(at(spec, "/volumes")) {
            asked.secret(text(volume, "/secret/secretName"), None);
            asked.map(text(volume, "/configMap/name"));
            for source in items(at(volume, "/projected/sources")) {
                asked.secret(text(source, "/secret/name"), None);
                asked.map(text(source, "/configMap/name"));
            }
        }
        for container in containers {
            for from in items(at(container, "/envFrom")) {
                asked.secret(text(from, "/secretRef/name"), None);
                asked.map(text(from, "/configMapRef/name"));
            }
            for variable in items(at(container, "/env")) {
                let reference = at(variable, "/valueFrom/secretKeyRef");
                asked.secret(text(reference, "/name"), Some(text(reference, "/key")));
            }
        }
        asked
    }

    fn secret(&mut self, name: &str, key: Option<&str>) {
        if !name.is_empty() {
            self.secrets.push(Secret {
                name: name.to_owned(),
                key: key.map(str::to_owned),
            });
        }
    }

    fn map(&mut self, name: &str) {
        if !name.is_empty() {
            self.maps.push(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pod: &str) -> String {
        let made =
            Made::of(&parse("kind: Secret\nmetadata: {name: keys}\ndata: {a: YQ==}").unwrap());
        let manifests = format!(
            "kind: ConfigMap\nmetadata: {{name: settings}}\n---\nkind: Job\nmetadata: {{name: j}}\nspec: {{template: {{spec: {pod}}}}}"
        );
        made.check(&parse(&manifests).unwrap()).join("\n")
    }

    #[test]
    fn what_is_not_made_cannot_be_asked_for() {
        let variable = |secret: &str, key: &str| {
            format!(
                "{{containers: [{{env: [{{name: A, valueFrom: {{secretKeyRef: {{name: {secret}, key: {key}}}}}}}]}}]}}"
            )
        };
        assert_eq!(found(&variable("keys", "a")), "");
        assert!(found(&variable("keys", "b")).contains("secret keys/b"));
        assert!(found(&variable("other", "a")).contains("secret other/a"));
        assert_eq!(
            found("{volumes: [{secret: {secretName: keys}}, {configMap: {name: settings}}]}"),
            ""
        );
        assert!(found("{volumes: [{secret: {secretName: kes}}]}").contains("kes"));
        assert!(
            found("{volumes: [{projected: {sources: [{secret: {name: kes}}]}}]}").contains("kes")
        );
        assert!(
            found("{containers: [{envFrom: [{configMapRef: {name: other}}]}]}")
                .contains("ConfigMap other")
        );
    }
}
