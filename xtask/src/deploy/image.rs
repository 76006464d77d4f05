//! Images: ours has nothing in it but ours, and every one is of one version everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::manifest::{Manifest, all_pods, text};
use super::tools::Tools;
use super::{Findings, read};

/// The version of the workspace, which is this crate's too.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The versions of each image, and where they were seen.
#[derive(Default)]
pub(super) struct Images(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Images {
    pub(super) fn add_manifests(&mut self, place: &str, manifests: &[Manifest]) {
        for pods in all_pods(manifests) {
            for container in pods.containers() {
                self.add(place, text(container, "/image"));
            }
        }
    }

    pub(super) fn add(&mut self, place: &str, image: &str) {
        let (name, version) = parse(image);
        let versions = self.0.entry(name.to_owned()).or_default();
        versions
            .entry(version.to_owned())
            .or_default()
            .insert(place.to_owned());
    }

    pub(super) fn check(&self) -> Findings {
        let mut findings = Findings::new();
        for (name, versions) in &self.0 {
            if versions.len() > 1 {
                findings.push(format!(
                    "the image {name} has several versions: {versions:?}"
                ));
            }
            for (version, places) in versions {
                if version.is_empty() || version == "latest" {
                    findings.push(format!("the image {name} has no version in {places:?}"));
                }
                if name == "t11" && version != VERSION {
                    findings.push(format!(
                        "the image t11 is {version:?} in {places:?}, this is {VERSION}"
                    ));
                }
            }
        }
        findings
    }
}

/// The name without a registry of ours, and the version.
fn parse(image: &str) -> (&str, &str) {
    let (name, version) = match image.split_once('@') {
        Some(both) => both,
        None => match image.rsplit_once(':') {
            // A colon before a slash belongs to a port.
            Some((name, version)) if !version.contains('/') => (name, version),
            _ => (image, ""),
        },
    };
    let ours = name.rsplit('/').next().filter(|it| *it == "t11");
    (ours.unwrap_or(name), version)
}

pub(super) fn check_dockerfile(tools: &Tools, deploy: &Path) -> Result<Findings> {
    let dockerfile = deploy.join("docker/Dockerfile");
    let mut findings = check_text(&read(&dockerfile)?);
    findings.extend(tools.hadolint(&dockerfile));
    Ok(findings)
}

fn check_text(dockerfile: &str) -> Findings {
    let last_stage = dockerfile
        .rfind("\nFROM ")
        .map_or("", |start| &dockerfile[start + 1..]);
    let lines = || last_stage.lines().map(str::trim);
    let has = |start: &str| lines().any(|it| it.starts_with(start));
    let rules = [
        (
            is_bare(last_stage),
            "the image has to be made of the C library alone, without a shell",
        ),
        (
            !has("RUN "),
            "nothing can be run in an image without a shell",
        ),
        (has("USER 65532"), "the image has to run as the user 65532"),
        (
            has("ENTRYPOINT [\""),
            "the image has to start `t11` without a shell",
        ),
    ];
    let broken = rules.into_iter().filter(|(holds, _)| !holds);
    broken
        .map(|(_, rule)| format!("Dockerfile: {rule}"))
        .collect()
}

/// The variants with `debug` in their name have a shell.
fn is_bare(stage: &str) -> bool {
    let base = stage.lines().next().unwrap_or_default();
    let tag = base
        .strip_prefix("FROM gcr.io/distroless/cc-")
        .and_then(|it| it.split_once(':'));
    tag.is_some_and(|(_, tag)| tag.split('@').next() == Some("nonroot"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_told_apart() {
        assert_eq!(parse("redis:8"), ("redis", "8"));
        assert_eq!(parse("a.example:5000/x/t11:0.1.0"), ("t11", "0.1.0"));
        assert_eq!(parse("a.example:5000/redis"), ("a.example:5000/redis", ""));
        assert_eq!(parse("redis@sha256:ab"), ("redis", "sha256:ab"));
    }

    #[test]
    fn an_image_has_one_version() {
        let found = |list: &[(&str, &str)]| {
            let mut images = Images::default();
            for (place, image) in list {
                images.add(place, image);
            }
            images.check().join("\n")
        };
        let ours = format!("a.example/t11:{VERSION}");
        assert_eq!(
            found(&[
                ("trial", "redis:8"),
                ("compose", "redis:8"),
                ("trial", &ours)
            ]),
            ""
        );
        assert!(
            found(&[("trial", "redis:8"), ("compose", "redis:7")]).contains("several versions")
        );
        assert!(found(&[("trial", "redis:latest")]).contains("no version"));
        assert!(found(&[("trial", "redis")]).contains("no version"));
        assert!(found(&[("trial", "t11:9.9.9")]).contains("this is"));
    }

    #[test]
    fn an_image_with_a_shell_is_refused() {
        let good = "FROM rust AS tools\nRUN make\n\nFROM gcr.io/distroless/cc-debian12:nonroot\nUSER 65532:65532\nENTRYPOINT [\"/usr/bin/t11\"]\n";
        assert_eq!(check_text(good), Findings::new());
        for (from, to) in [
            ("gcr.io/distroless/cc-debian12:nonroot", "debian:12"),
            ("cc-debian12:nonroot", "cc-debian12:debug-nonroot"),
            ("USER 65532:65532", "USER root"),
            ("ENTRYPOINT [\"/usr/bin/t11\"]", "ENTRYPOINT t11"),
            ("USER", "RUN make\nUSER"),
        ] {
            assert_eq!(check_text(&good.replace(from, to)).len(), 1, "{to}");
        }
    }
}
