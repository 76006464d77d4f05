//! `t11 dev`: everything in one process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use t11_core::World;
use t11_runtime::{Mesh, Settings, Shape};

use crate::demo_crm::Demo;
use crate::entries;

/// Runs until Ctrl-C or SIGTERM. Prints the address on standard output once it answers there, and
/// where the client of `demo` is played, if there is one.
pub(crate) async fn run(settings: Settings, demo: Option<&Demo>) -> Result<()> {
    let _lock = lock(&settings.common.data_dir)?;
    let entries = entries();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
    let mesh = Mesh::start(
        settings,
        World::system(),
        &entries,
        &names,
        Shape::OneProcess,
    )
    .await?;
    let address = mesh.http_addr().context("edge did not open its door")?;
    announce(&format!("T11 is ready at http://{address}"));
    if let Some(demo) = demo {
        announce(&demo.words());
    }
    mesh.run_until_stopped().await
}

#[expect(
    clippy::print_stdout,
    reason = "the line that people and scripts wait for"
)]
fn announce(line: &str) {
    println!("{line}");
}

/// Two processes on one directory would take each other's work for abandoned.
fn lock(data_dir: &Path) -> Result<File> {
    std::fs::create_dir_all(data_dir).with_context(|| data_dir.display().to_string())?;
    let path = data_dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another `t11 dev` uses {}; stop it, or choose another directory with T11_DATA_DIR",
            data_dir.display(),
        ),
        Err(TryLockError::Error(error)) => Err(error).context(path.display().to_string()),
    }
}
