//! `cargo xtask web`: compiles the client for the browser and packs what edge serves.
//!
//! What `web/` gives:
//! - `src/lib.rs`, whose `#[wasm_bindgen(start)]` function mounts the page;
//! - `index.html` with one `<!-- t11:head -->` in its head, replaced by the links below;
//! - `style/*.css`, joined in the order of their names into one sheet;
//! - `early.js` (optional), run before the first paint, to set theme and language on `<html>`;
//! - `public/` (optional), copied as it is to the root of the site.
//!
//! The compiled client is cut where `src/later.rs` says: a first visit downloads the frame and the
//! dashboard, every other screen comes in a chunk with its first visit.
//!
//! What lands in `<target>/web`: `index.html`, `public/`'s files, and `assets/`, in which every name
//! holds the hash of its content, so that it may be cached for ever. Text and wasm have `.br` and
//! `.gz` siblings. There is no inline script or style: the page runs under a strict CSP.

mod bundle;
mod compress;
mod split;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::shell::{self, say};
use crate::wasm::Toolchain;
use crate::workspace::Workspace;

/// What a first visit may transfer, brotli-compressed.
pub(crate) const FIRST_LOAD_LIMIT: usize = 450 * 1024;

#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Compile quickly and keep names in stack traces, for work on the pages.
    #[arg(long)]
    pub(crate) dev: bool,
}

impl Options {
    fn profile(self) -> &'static str {
        if self.dev { "web-dev" } else { "wasm" }
    }
}

/// A bundle on disk.
pub(crate) struct Built {
    pub(crate) folder: PathBuf,
    /// Bytes a first visit transfers.
    pub(crate) first_load: usize,
}

/// Builds the bundle if anything changed.
pub(crate) fn build(workspace: &Workspace, options: &Options) -> Result<Built> {
    let wasm = compile(workspace, *options)?;
    let stamp_file = workspace.target.join("web.stamp");
    let inputs = bundle::Inputs::read(&workspace.root.join("web"), &wasm)?;
    let stamp = stamp(&inputs, *options);
    let folder = workspace.web_bundle();
    if let Some(first_load) = packed(&stamp_file, &stamp)
        && folder.join("index.html").is_file()
    {
        say(format!("web client is up to date in {}", folder.display()));
        return Ok(Built { folder, first_load });
    }
    say("packing the web client");
    let bundle = bundle::pack(inputs, options.dev)?;
    bundle.write(&folder)?;
    println!("{}", bundle.table());
    let first_load = bundle.first_load();
    if !options.dev {
        within_budget(first_load)?;
    }
    fs::write(&stamp_file, format!("{stamp}\n{first_load}\n"))
        .with_context(|| format!("writing {}", stamp_file.display()))?;
    say(format!("web client is in {}", folder.display()));
    Ok(Built { folder, first_load })
}

/// The first load of the bundle on disk, if that is the one with this stamp.
fn packed(stamp_file: &Path, stamp: &str) -> Option<usize> {
    let written = fs::read_to_string(stamp_file).ok()?;
    let (written, first_load) = written.trim_end().split_once('\n')?;
    (written == stamp).then(|| first_load.parse().ok())?
}

fn compile(workspace: &Workspace, options: Options) -> Result<PathBuf> {
    let toolchain = Toolchain::provision()?;
    let mut cargo = workspace.cargo();
    cargo
        .args([
            "rustc",
            "--package",
            "t11-web",
            "--lib",
            "--crate-type",
            "cdylib",
            "--profile",
            options.profile(),
        ])
        .arg("--target-dir")
        .arg(toolchain.target_dir(&workspace.target));
    toolchain.apply(&mut cargo)?;
    // Cutting follows the relocations from function to function.
    shell::run(cargo.args(["--", "-C", "link-arg=--emit-relocs"]))?;
    Ok(toolchain.artifact(&workspace.target, options.profile(), "t11_web.wasm"))
}

/// Equal stamps mean equal bundles: the same inputs, packed by the same version of this tool.
fn stamp(inputs: &bundle::Inputs, options: Options) -> String {
    let packer = concat!(
        include_str!("web/bundle.rs"),
        include_str!("web/compress.rs"),
        include_str!("web/split.rs")
    );
    let packer = compress::hex(&Sha256::digest(packer), 12);
    format!("{} {} {packer}", inputs.digest(), options.profile())
}

fn within_budget(first_load: usize) -> Result<()> {
    if first_load > FIRST_LOAD_LIMIT {
        bail!(
            "the first load is {first_load} bytes of brotli, over the budget of {FIRST_LOAD_LIMIT}; \
             load less at first (a lazy route, a smaller dependency) rather than raise the budget"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_inclusive() {
        assert!(within_budget(FIRST_LOAD_LIMIT).is_ok());
        assert!(within_budget(FIRST_LOAD_LIMIT + 1).is_err());
    }
}
