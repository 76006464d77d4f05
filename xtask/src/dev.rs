//! `cargo xtask dev`: builds what is missing and becomes `t11 dev`.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell::{self, say};
use crate::web;
use crate::workspace::Workspace;

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Unoptimised builds: quick to compile again, slow to run.
    #[arg(long)]
    debug: bool,
    /// Passed to `t11 dev`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// How the server is compiled, a cargo profile.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Profile {
    /// Shares its artefacts with `cargo test`.
    Dev,
    /// Near release's speed for a third of its build time.
    Quick,
    Release,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Quick => "quick",
            Self::Release => "release",
        }
    }

    /// Cargo keeps the `dev` profile's artefacts in `debug`.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Quick | Self::Release => self.name(),
        }
    }
}

/// Does not return while the server runs: this process becomes it, so that signals sent here, and
/// Ctrl-C, reach it directly.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let web = web::build(workspace, &web::Options { dev: options.debug })?;
    let profile = if options.debug {
        Profile::Dev
    } else {
        Profile::Quick
    };
    let binary = server(workspace, profile)?;
    say(format!("starting {} dev", binary.display()));
    let error = Command::new(&binary)
        .arg("dev")
        .args(&options.arguments)
        .env("T11_WEB_DIR", web.folder)
        .exec();
    Err(error).with_context(|| format!("starting {}", binary.display()))
}

/// Builds the `t11` binary: alone, or with a test and of the same selection of crates as the tests,
/// whose artefacts (their features are those of development) it then shares.
pub(crate) fn server(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    let selection: &[&str] = match profile {
        Profile::Dev => &[
            "--workspace",
            "--exclude",
            "t11-web",
            "--test",
            "check_redis",
        ],
        Profile::Quick | Profile::Release => &["--package", "t11"],
    };
    shell::run(
        workspace
            .cargo()
            .arg("build")
            .args(selection)
            .args(["--bin", "t11"])
            .args(["--profile", profile.name()]),
    )?;
    Ok(workspace.target.join(profile.folder()).join("t11"))
}
