//! Programs that run beside a chore and end with it, however it ends.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// How long a program may take to end by itself after SIGINT.
const GRACE: Duration = Duration::from_secs(10);

/// A child process, interrupted on drop and killed if it lingers.
pub(crate) struct Running {
    name: &'static str,
    child: Child,
}

impl Running {
    /// Starts `command`, made by [`tied`], so that it ends even if this process is killed.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("could not start {name}"))?;
        Ok(Self { name, child })
    }

    /// Polls until `is_ready` or the program has died or `patience` has run out.
    pub(crate) fn wait_until(
        &mut self,
        patience: Duration,
        is_ready: impl Fn() -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + patience;
        while !is_ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended before it was ready: {status}", self.name);
            }
            if Instant::now() > deadline {
                bail!("{} was not ready after {patience:?}", self.name);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes the next line of piped stdout that contains `mark`; what is printed later is drained.
    pub(crate) fn wait_for_line(
        &mut self,
        mark: &'static str,
        patience: Duration,
    ) -> Result<String> {
        let stdout = self.child.stdout.take().context("stdout is piped")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.contains(mark) {
                    // The receiver has gone after the first such line.
                    let _ = sender.send(line);
                }
            }
        });
        receiver.recv_timeout(patience).with_context(|| {
            format!(
                "{} did not print `{mark}` within {patience:?} or has ended",
                self.name
            )
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        let deadline = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
        }
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `program`, to be interrupted by the kernel when this process dies, where `setpriv` can ask for it.
pub(crate) fn tied(program: impl AsRef<OsStr>) -> Command {
    let Some(setpriv) = shell::which("setpriv") else {
        return Command::new(program);
    };
    let mut tied = Command::new(setpriv);
    tied.args(["--pdeathsig", "INT"]).arg(program);
    tied
}

/// Like [`tied`], run as `user`; only root can ask for that.
pub(crate) fn tied_as(user: &str, program: impl AsRef<OsStr>) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args([
        "--reuid",
        user,
        "--regid",
        user,
        "--init-groups",
        "--pdeathsig",
        "INT",
    ]);
    tied.arg(program);
    tied
}

/// A port of the loopback interface that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
