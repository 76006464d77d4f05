//! Installing what a chore needs: once, by the ordinary package managers, saying what is done.
//! Nothing here starts a system service.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell::{self, run, say};

/// Installs the Debian packages that are missing.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    let missing: Vec<_> = packages
        .iter()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() {
        say(format!("already there: {}", packages.join(", ")));
        return Ok(());
    }
    let list = missing
        .iter()
        .map(|package| (**package).to_owned())
        .collect::<Vec<_>>()
        .join(" ");
    if shell::which("apt-get").is_none() {
        bail!("please install: {list} (this machine has no apt-get, so it was not tried)");
    }
    say(format!("installing Debian packages: {list}"));
    let _quiet = NoServices::begin()?;
    let install = || {
        run(as_root("apt-get")?
            .args(["install", "-y", "--no-install-recommends"])
            .args(missing.iter().copied()))
    };
    // The lists may be absent on a fresh machine, or name versions that are gone.
    install().or_else(|_| run(as_root("apt-get")?.arg("update")).and_then(|()| install()))
}

/// Installs a Debian `package` unless its `program` can be found already.
pub(crate) fn program(program: &str, package: &str) -> Result<()> {
    if shell::which(program).is_some() {
        say(format!("already there: {program}"));
        return Ok(());
    }
    apt(&[package])
}

/// Unpacks a Debian package into `folder` without installing it: for one program of a package that
/// brings much else.
pub(crate) fn debian_package(package: &str, folder: &Path) -> Result<()> {
    if shell::which("apt-get").is_none() {
        bail!("this machine has no apt-get, so {package} was not tried; please install it");
    }
    say(format!("unpacking {package} into {}", folder.display()));
    let download = tempfile::Builder::new().prefix("t11-package-").tempdir()?;
    let fetch = || {
        run(Command::new("apt-get")
            .args(["download", package])
            .current_dir(download.path()))
    };
    fetch().or_else(|_| run(as_root("apt-get")?.arg("update")).and_then(|()| fetch()))?;
    for entry in fs::read_dir(download.path())? {
        run(Command::new("dpkg-deb")
            .arg("--extract")
            .arg(entry?.path())
            .arg(folder))?;
    }
    Ok(())
}

/// Installs npm packages (`name@version`) into a folder of their own and returns its `node_modules`.
pub(crate) fn npm(cache: &Path, name: &str, packages: &[&str]) -> Result<PathBuf> {
    npm_overriding(cache, name, packages, "{}")
}

/// The same with npm's `overrides`, as JSON: versions that packages below must have.
pub(crate) fn npm_overriding(
    cache: &Path,
    name: &str,
    packages: &[&str],
    overrides: &str,
) -> Result<PathBuf> {
    let folder = cache.join("npm").join(name);
    let wanted = match overrides {
        "{}" => packages.join("\n"),
        _ => format!("{}\n{overrides}", packages.join("\n")),
    };
    install_once(&folder, name, &wanted, || {
        program("npm", "npm")?;
        let manifest = folder.join("package.json");
        fs::write(&manifest, format!(r#"{{"overrides":{overrides}}}"#))
            .with_context(|| format!("writing {}", manifest.display()))?;
        run(Command::new("npm")
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--no-save",
                "--prefix",
            ])
            .arg(&folder)
            .args(packages))
    })?;
    Ok(folder.join("node_modules"))
}

/// Installs PyPI packages into a virtual environment of their own and returns its `bin`.
/// Each entry is one `pip install` line.
pub(crate) fn pip(cache: &Path, name: &str, installs: &[&[&str]]) -> Result<PathBuf> {
    let folder = cache.join("venv").join(name);
    let wanted = installs
        .iter()
        .map(|line| line.join(" "))
        .collect::<Vec<_>>()
        .join("\n");
    install_once(&folder, name, &wanted, || {
        program("python3", "python3-venv")?;
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        for line in installs {
            run(Command::new(folder.join("bin/pip"))
                .args(["install", "--quiet"])
                .args(*line))?;
        }
        Ok(())
    })?;
    Ok(folder.join("bin"))
}

/// Runs `install` unless `folder` already holds exactly what is `wanted`.
fn install_once(
    folder: &Path,
    name: &str,
    wanted: &str,
    install: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let stamp = folder.join(".installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        say(format!("already there: {name}"));
        return Ok(());
    }
    say(format!(
        "installing {} into {}",
        wanted.replace('\n', ", "),
        folder.display()
    ));
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    install()?;
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

/// While it lives, packages that bring a service do not start it: Debian's `policy-rc.d` says no.
struct NoServices {
    is_ours: bool,
}

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn begin() -> Result<Self> {
        if Path::new(Self::POLICY).exists() {
            return Ok(Self { is_ours: false });
        }
        let mut script = tempfile::NamedTempFile::new()?;
        script.write_all(b"#!/bin/sh\nexit 101\n")?;
        run(as_root("install")?
            .args(["-m", "755"])
            .arg(script.path())
            .arg(Self::POLICY))?;
        Ok(Self { is_ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.is_ours {
            let removed = as_root("rm").and_then(|mut rm| run(rm.arg(Self::POLICY)));
            if let Err(error) = removed {
                say(format!("please remove {} by hand: {error}", Self::POLICY));
            }
        }
    }
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status}", package])
        .output();
    query.is_ok_and(|query| query.status.success() && query.stdout == b"installed")
}

/// `program` with the rights to install: as it is for root, through sudo for others.
fn as_root(program: &str) -> Result<Command> {
    let mut command = if is_root()? {
        Command::new(program)
    } else if shell::which("sudo").is_some() {
        let mut sudo = Command::new("sudo");
        sudo.args(["--preserve-env=DEBIAN_FRONTEND", program]);
        sudo
    } else {
        bail!("installing needs root, and there is no sudo; run {program} as root by hand");
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

pub(crate) fn is_root() -> Result<bool> {
    Ok(shell::output(Command::new("id").arg("-u"))?.trim() == "0")
}
