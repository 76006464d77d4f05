//! Where things are: the repository, cargo's target directory, the caches this tool fills.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result};

use crate::shell;

#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's target directory; may be outside the repository (`CARGO_TARGET_DIR`, cargo config).
    pub(crate) target: PathBuf,
    /// Tools that are installed once for every clone on this machine.
    pub(crate) cache: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self> {
        // As cargo says it when it runs this tool: compiled in, it would be the folder of whichever
        // clone compiled the tool into a target directory that clones share.
        let package = env::var_os("CARGO_MANIFEST_DIR").context("run this by `cargo xtask`")?;
        let root = Path::new(&package)
            .parent()
            .context("xtask lies in the workspace")?
            .to_owned();
        let metadata = shell::output(
            cargo()
                .args(["metadata", "--no-deps", "--format-version", "1"])
                .current_dir(&root),
        )?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
        let target = metadata["target_directory"]
            .as_str()
            .context("cargo names its target")?;
        let cache = user_cache()?.join("t11");
        fs::create_dir_all(&cache).with_context(|| format!("creating {}", cache.display()))?;
        Ok(Self {
            root,
            target: target.into(),
            cache,
        })
    }

    /// `cargo`, to be run in the repository.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }

    /// Where `cargo xtask web` leaves the browser client.
    pub(crate) fn web_bundle(&self) -> PathBuf {
        self.target.join("web")
    }
}

/// The cargo that runs this tool, so that its toolchain is the one of `rust-toolchain.toml`.
///
/// What cargo tells this tool of its own package is kept from it: build scripts that watch such
/// variables (ring's) would run again, and all above them be compiled again, whenever cargo is
/// called by this tool after a person called it, and the other way round.
fn cargo() -> Command {
    let program = env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let is_of_package = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if is_of_package {
            command.env_remove(name);
        }
    }
    command
}

fn user_cache() -> Result<PathBuf> {
    if let Some(cache) = env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        return Ok(cache.into());
    }
    let home = env::home_dir().context("there is no home directory; set XDG_CACHE_HOME")?;
    Ok(home.join(".cache"))
}
