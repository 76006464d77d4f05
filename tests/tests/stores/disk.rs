//! A disk of few megabytes, to be filled and emptied.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use t11_tests::servers::is_root;

const BALLAST: &str = "ballast";

/// A tmpfs; gone when dropped.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// `None`, said aloud, where this process may not mount one.
    pub(crate) fn mount(row: &str, megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m,mode=0777");
        let mut mount = as_root("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]);
        match mount.arg(folder.path()).output() {
            Ok(mounted) if mounted.status.success() => Some(Self { folder }),
            refused => {
                crate::not_run(row, &format!("no small disk can be mounted: {refused:?}"));
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all room that is left.
    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        for block in [64 * 1024, 1024] {
            while ballast.write_all(&vec![0; block]).is_ok() {}
        }
    }

    /// Gives the room back.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join(BALLAST)
    }

    /// Bytes in files below `folder` of the disk.
    pub(crate) fn used(&self, folder: &str) -> u64 {
        bytes_in(&self.folder.path().join(folder))
    }
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| {
        let about = entry.metadata().unwrap();
        if about.is_dir() {
            bytes_in(&entry.path())
        } else {
            about.len()
        }
    });
    sizes.sum()
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what still has a file open there may be about to end.
        let gone = as_root("umount").arg("-l").arg(self.path()).status();
        if !gone.is_ok_and(|gone| gone.success()) {
            eprintln!("{} is left mounted", self.path().display());
        }
    }
}

fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["--non-interactive", program]);
    sudo
}
