//! F17: the disk says that it could not keep what it was given.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use t11_tests::Client;
use tokio::time::{Instant, sleep};

use crate::mesh::{add_agent, agents, lost};
use crate::program::Program;

const PATIENCE: Duration = Duration::from_secs(10);

/// While it lives, every flush to the disk by the process fails.
struct FailingDisk(Child);

impl FailingDisk {
    /// `None`, said aloud, where strace is missing or may not do it.
    async fn of(process: u32, log: &Path) -> Option<Self> {
        let mut strace = Command::new("strace");
        strace.args(["--follow-forks", "--attach", &process.to_string()]);
        strace.args(["-e", "trace=fsync,fdatasync"]);
        strace.args(["-e", "inject=fsync,fdatasync:error=EIO"]);
        strace.arg("-o").arg(log);
        let strace = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(mut child) = strace else {
            crate::not_run("F17", "there is no strace");
            return None;
        };
        let began = Instant::now();
        while !is_traced(process) {
            if child.try_wait().unwrap().is_some() || began.elapsed() > PATIENCE {
                crate::not_run("F17", "strace may not attach to a process here");
                return None;
            }
            sleep(Duration::from_millis(20)).await;
        }
        // Threads are attached to one after the other.
        sleep(Duration::from_millis(500)).await;
        Some(Self(child))
    }

    /// The disk is well again, or says so.
    async fn end(mut self, process: u32) {
        let id = self.0.id().to_string();
        let told = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(told.success());
        self.0.wait().unwrap();
        let began = Instant::now();
        while is_traced(process) {
            assert!(began.elapsed() < PATIENCE);
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn is_traced(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mut lines = status.lines();
    let tracer = lines.find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|tracer| tracer.trim() != "0")
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_a_failed_fsync_ends_all_writing_until_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::dev(data.path());
    let owner = program.stranger().register("F17").await;
    let mut acknowledged = Vec::new();
    for number in 0..5 {
        let name = format!("before-{number}");
        add_agent(&owner, &name).await.ok();
        acknowledged.push(name);
    }
    let log = data.path().join("strace");
    let Some(disk) = FailingDisk::of(program.id(), &log).await else {
        return;
    };
    assert_refused(&owner, "during").await;
    disk.end(program.id()).await;
    // The kernel tells of a failure once: a flush that succeeds now proves nothing.
    for _ in 0..5 {
        assert_refused(&owner, "after").await;
    }
    assert_eq!(agents(&owner).await.len(), acknowledged.len());
    let ready = owner.get("/api/health/ready").await;
    assert_eq!(ready.status, 503, "{ready:?}");
    drop(program);

    let program = Program::dev(data.path());
    let owner = Client::new(program.base().to_owned()).with_token(owner.token());
    assert!(lost(&owner, &acknowledged).await.is_empty());
    add_agent(&owner, "again").await.ok();
}

async fn assert_refused(owner: &Client, name: &str) {
    let answer = add_agent(owner, name).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.reason(), "STORAGE_FAILED", "{answer:?}");
}
