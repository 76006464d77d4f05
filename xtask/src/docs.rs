//! `cargo xtask docs`: the documents that are made from the code, so that they cannot differ from it.

mod errors;
mod rpc;

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::dev::{self, Profile};
use crate::faults;
use crate::shell::{self, say};
use crate::workspace::Workspace;

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Fail if a document would change, and write nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut stale = Vec::new();
    let mut update = |path: &'static str, text: String| -> Result<()> {
        let file = workspace.root.join(path);
        if fs::read_to_string(&file).is_ok_and(|written| written == text) {
            return Ok(());
        }
        if options.check {
            stale.push(path);
            return Ok(());
        }
        say(format!("writing {path}"));
        fs::write(&file, text).with_context(|| format!("writing {path}"))
    };
    update("docs/rpc.md", rpc::document(&workspace.root.join("proto"))?)?;
    update("docs/errors.md", errors::document(&workspace.root)?)?;
    update("docs/faults.md", faults::document(&workspace.root)?)?;
    update(
        "docs/config.md",
        printed_by_server(workspace, &["config", "docs"])?,
    )?;
    if !stale.is_empty() {
        bail!(
            "out of date: {}; run `cargo xtask docs` and commit the result",
            stale.join(", ")
        );
    }
    say("docs: generated documents are up to date");
    Ok(())
}

/// What only the server knows it prints itself.
pub(crate) fn printed_by_server(workspace: &Workspace, arguments: &[&str]) -> Result<String> {
    let server = dev::server(workspace, Profile::Dev)?;
    let printed = shell::output(Command::new(server).args(arguments))?;
    ensure!(
        !printed.is_empty(),
        "`t11 {}` printed nothing",
        arguments.join(" ")
    );
    Ok(printed)
}
