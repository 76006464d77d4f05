//! A Redis of a test's own that keeps nothing on the disk, to be killed and started again.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::processes::free_address;

/// One server.
pub struct Redis {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// `None` where tests have no Redis.
    pub fn start() -> Option<Self> {
        std::env::var("T11_TEST_REDIS_URL").ok()?;
        let port = free_address().port();
        let folder = tempfile::tempdir().unwrap();
        let child = spawn(port, &folder);
        Some(Self {
            child,
            port,
            folder,
        })
    }

    /// For the services.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it where it was, with nothing in it.
    pub fn start_again(&mut self) {
        self.child = spawn(self.port, &self.folder);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    let mut server = Command::new("redis-server");
    server.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    server.args(["--save", "", "--appendonly", "no", "--dir"]);
    server.arg(folder.path()).stdout(Stdio::null());
    server.spawn().unwrap()
}
