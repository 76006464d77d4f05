//! `cargo deny` with `deny.toml`: licences, sources, banned crates. Advisories need a database that
//! is fetched, so `cargo deny check advisories` is run by hand.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell::{self, say};
use crate::workspace::Workspace;

const VERSION: &str = "0.20.2";

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let root = workspace.cache.join(format!("cargo-deny-{VERSION}"));
    let program = root.join("bin/cargo-deny");
    if program.is_file() {
        say("already there: cargo-deny");
    } else {
        say(format!(
            "installing cargo-deny {VERSION} into {}",
            root.display()
        ));
        shell::run(
            workspace
                .cargo()
                .args(["install", "cargo-deny", "--version", VERSION, "--root"])
                .arg(&root)
                .current_dir(root.parent().context("the cache has a parent")?),
        )?;
    }
    // It reads the crates of every platform, of which a build fetches only its own.
    shell::run(workspace.cargo().args(["fetch", "--locked"]))?;
    shell::run(
        Command::new(&program)
            .args(["--offline", "check", "bans", "licenses", "sources"])
            .current_dir(&workspace.root),
    )
}
