//! A compiler for `wasm32-unknown-unknown`: rustup's when it can be had, else Debian's `rustc-web`,
//! whose sources of `std` are compiled along.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::provision;
use crate::shell::{self, say};

const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's compiler and the sources of its standard library.
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

pub(crate) enum Toolchain {
    /// `std` for wasm is installed beside the compiler.
    Installed,
    /// Debian's compiler builds `std` itself; `linkers` holds the `rust-lld` of the rustup toolchain.
    BuildStd { linkers: PathBuf },
}

impl Toolchain {
    pub(crate) fn provision() -> Result<Self> {
        let sysroot = sysroot(Path::new("rustc"))?;
        if has_std(&sysroot) {
            return Ok(Self::Installed);
        }
        if shell::which("rustup").is_some() {
            say(format!("installing the {TARGET} target with rustup"));
            let added = shell::run(Command::new("rustup").args(["target", "add", TARGET]));
            if has_std(&sysroot) {
                return Ok(Self::Installed);
            }
            let why = added
                .err()
                .map_or_else(String::new, |error| format!(" ({error})"));
            say(format!(
                "rustup could not add it{why}; falling back to Debian's rustc-web"
            ));
        }
        Self::debian(&sysroot)
    }

    fn debian(sysroot: &Path) -> Result<Self> {
        provision::apt(&DEBIAN_PACKAGES)?;
        let source = self::sysroot(Path::new(DEBIAN_RUSTC))?.join("lib/rustlib/src/rust/library");
        if !source.is_dir() {
            bail!(
                "no way to compile for {TARGET}: `rustup target add {TARGET}` failed and {} is \
                 missing; install one of the two by hand",
                source.display()
            );
        }
        let host = host_triple()?;
        Ok(Self::BuildStd {
            linkers: sysroot.join("lib/rustlib").join(host).join("bin"),
        })
    }

    /// Adds to `cargo build` what this compiler needs.
    pub(crate) fn apply(&self, command: &mut Command) -> Result<()> {
        command.args(["--target", TARGET]);
        if let Self::BuildStd { linkers } = self {
            let path = env::var_os("PATH").unwrap_or_default();
            let folders = env::split_paths(&path).chain([linkers.clone()]);
            command
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("PATH", env::join_paths(folders)?)
                .args(["-Z", "build-std=std,panic_abort"]);
        }
        Ok(())
    }

    /// Artefacts of two compilers do not mix, so each has its own target directory.
    pub(crate) fn target_dir(&self, target: &Path) -> PathBuf {
        match self {
            Self::Installed => target.join("wasm"),
            Self::BuildStd { .. } => target.join("wasm-build-std"),
        }
    }

    pub(crate) fn artifact(&self, target: &Path, profile: &str, file: &str) -> PathBuf {
        self.target_dir(target)
            .join(TARGET)
            .join(profile)
            .join(file)
    }
}

fn sysroot(rustc: &Path) -> Result<PathBuf> {
    let printed = shell::output(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(printed.trim().into())
}

/// Whether `std` for wasm lies in `sysroot`; an empty folder is left by an interrupted install.
fn has_std(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::read_dir(libraries).is_ok_and(|mut entries| entries.next().is_some())
}

fn host_triple() -> Result<String> {
    let printed = shell::output(Command::new("rustc").arg("-vV"))?;
    let line = printed.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc names its host")?.to_owned())
}
