//! `cargo xtask proto`: buf's lint, and that nothing breaks against the committed baseline.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::provision;
use crate::shell::{self, say};
use crate::workspace::Workspace;

const BUF: &str = "@bufbuild/buf@1.75.0";
/// The contract as of the last accepted change, a `FileDescriptorSet`.
const BASELINE: &str = "baseline.binpb";

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Make the protos as they are the new baseline. Review why an older client may break first.
    #[arg(long)]
    accept: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.accept {
        accept(workspace)
    } else {
        check(workspace)
    }
}

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let buf = Buf::provision(workspace)?;
    if !buf.folder.join(BASELINE).is_file() {
        bail!("proto/{BASELINE} is missing; `cargo xtask proto --accept` writes it");
    }
    buf.run(&["lint"])?;
    buf.run(&["breaking", "--against", BASELINE])?;
    say("proto: lint is clean, nothing breaks against the baseline");
    Ok(())
}

fn accept(workspace: &Workspace) -> Result<()> {
    let buf = Buf::provision(workspace)?;
    buf.run(&["lint"])?;
    // Without comments and positions, so that the baseline changes only with the contract.
    buf.run(&["build", "--exclude-source-info", "--output", BASELINE])?;
    say(format!(
        "proto/{BASELINE} now describes the protos as they are"
    ));
    Ok(())
}

struct Buf {
    program: PathBuf,
    /// `proto/`, where buf.yaml lies.
    folder: PathBuf,
}

impl Buf {
    fn provision(workspace: &Workspace) -> Result<Self> {
        let modules = provision::npm(&workspace.cache, "buf", &[BUF])?;
        Ok(Self {
            program: modules.join(".bin/buf"),
            folder: workspace.root.join("proto"),
        })
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        shell::run(
            Command::new(&self.program)
                .args(arguments)
                .current_dir(&self.folder),
        )
    }
}
