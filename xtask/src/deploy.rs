//! `cargo xtask test --only deploy`: the files of `deploy/` are what they say, as far as it can be
//! told without a cluster. The manifests of each overlay are made and read as Kubernetes would read
//! them; then come the rules of our own, on which the promises of docs/operations.md rest.

mod certificates;
mod compose;
mod image;
mod manifest;
mod network;
mod objects;
mod observability;
mod pods;
mod proxies;
mod secrets;
mod settings;
mod tools;
mod topology;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::shell::say;
use crate::workspace::Workspace;

use manifest::Manifest;
use settings::KnownSettings;
use tools::Tools;

/// The oldest and the newest Kubernetes that the manifests are read for.
const KUBERNETES: [&str; 2] = ["1.34", "1.37"];

const SCRIPTS: [&str; 3] = ["secrets.sh", "k8s/secrets.sh", "postgres/roles.sh"];

/// One way to run the platform on Kubernetes.
struct Overlay {
    name: &'static str,
    /// What its pods reach, or are reached from, that is not in the namespace.
    outside: &'static [&'static str],
}

/// What production has outside, however its parts speak to each other.
const OUTSIDE: &[&str] = &[
    "internet",
    "dns",
    "postgres",
    "redis",
    "traces",
    "monitoring",
];

const OVERLAYS: [Overlay; 3] = [
    Overlay {
        name: "trial",
        outside: &["internet", "dns"],
    },
    Overlay {
        name: "production",
        outside: OUTSIDE,
    },
    Overlay {
        name: "production-mtls",
        outside: OUTSIDE,
    },
];

/// What is wrong, in words for the one who wrote it: where, and what should be there.
type Findings = Vec<String>;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let lab = Lab {
        tools: Tools::provision(workspace)?,
        deploy: workspace.root.join("deploy"),
        known: KnownSettings::read(&workspace.root)?,
        scratch: tempfile::Builder::new().prefix("t11-deploy-").tempdir()?,
    };
    let mut images = image::Images::default();
    let mut findings = topology::compare_with_code(&workspace.root)?;
    findings.extend(lab.check_kubernetes(&mut images)?);
    findings.extend(compose::check(
        &lab.tools,
        &lab.deploy,
        &lab.known,
        &mut images,
    )?);
    findings.extend(images.check());
    findings.extend(image::check_dockerfile(&lab.tools, &lab.deploy)?);
    findings.extend(observability::check(
        &lab.tools,
        workspace,
        lab.scratch.path(),
    )?);
    findings.extend(lab.tools.shellcheck(&SCRIPTS, &lab.deploy));
    report(&findings)
}

/// What the checks share.
struct Lab {
    tools: Tools,
    deploy: PathBuf,
    known: KnownSettings,
    scratch: TempDir,
}

impl Lab {
    fn check_kubernetes(&self, images: &mut image::Images) -> Result<Findings> {
        let (made, file) = secrets::make(&self.tools, &self.deploy, self.scratch.path())?;
        let mut files = vec![file];
        let mut findings = Findings::new();
        for overlay in &OVERLAYS {
            let name = overlay.name;
            let text = self
                .tools
                .kustomize(&self.deploy.join("k8s/overlays").join(name))?;
            let file = self.scratch.path().join(format!("{name}.yaml"));
            fs::write(&file, &text).with_context(|| file.display().to_string())?;
            files.push(file);
            let manifests = manifest::parse(&text).with_context(|| name.to_owned())?;
            images.add_manifests(name, &manifests);
            let mut found = check_overlay(overlay, &manifests, &self.known, &made);
            found.extend(proxies::check(&manifests)?);
            findings.extend(found.into_iter().map(|it| format!("{name}: {it}")));
        }
        findings.extend(self.tools.read_as_kubernetes(&files, &KUBERNETES)?);
        Ok(findings)
    }
}

fn check_overlay(
    overlay: &Overlay,
    manifests: &[Manifest],
    known: &KnownSettings,
    made: &secrets::Made,
) -> Findings {
    let mut findings = pods::check(manifests);
    findings.extend(objects::check(manifests));
    findings.extend(network::check(manifests, overlay.outside));
    findings.extend(known.check_manifests(manifests));
    findings.extend(made.check(manifests));
    findings.extend(certificates::check(manifests));
    findings
}

fn report(findings: &[String]) -> Result<()> {
    for finding in findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in deploy/", findings.len());
    }
    say("deploy: every overlay can be read, and keeps the rules");
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// What a tool found; it says so by failing.
fn complaint(asked: Result<String>) -> Option<String> {
    asked.err().map(|error| format!("{error:#}"))
}

/// Runs a tool that checks or tells. It is heard only when it complains, which some do on standard
/// output.
fn ask(command: &mut Command) -> Result<String> {
    let program = Path::new(command.get_program());
    let name = program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let output = command
        .output()
        .with_context(|| format!("could not start {name}"))?;
    let said =
        String::from_utf8(output.stdout).with_context(|| format!("{name} printed no UTF-8"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("{name} complains: {}\n{said}{complaint}", output.status);
    }
    Ok(said)
}
