//! Programs that run beside a test and end with it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use t11_core::World;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running program; killed when dropped, and by the kernel when the test is.
pub(super) struct Process {
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Process {
    /// Starts `program` with these arguments and variables, and no others. What it says on
    /// standard error is kept in `log`.
    pub(super) fn start(
        program: &Path,
        arguments: &[&str],
        variables: &[(String, String)],
        log: PathBuf,
    ) -> Self {
        let mut child = tied(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Nobody listens once what was waited for has been said.
                drop(sender.send(line));
            }
        });
        Self { child, lines, log }
    }

    /// Where it says that `what` listens.
    pub(super) fn listens_at(&mut self, what: &str) -> SocketAddr {
        let mark = format!("T11 {what} listens at ");
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(address) = line.strip_prefix(&mark) {
                        return address.parse().unwrap();
                    }
                }
                Err(gone) => panic!("`{what}` did not listen ({gone}):\n{}", self.said()),
            }
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The end of what it said on standard error.
    pub(super) fn said(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// All that it said on standard error.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Asks it to end (SIGTERM).
    pub(super) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it the signal of this name: `STOP`.
    pub(super) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let signal = format!("-{name}");
        let sent = Command::new("kill").args([&signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Lets it take no further memory of its own.
    pub(super) fn starve(&self) {
        let id = self.child.id().to_string();
        let limited = Command::new("prlimit")
            .args(["--data=1", "--pid", &id])
            .status();
        assert!(limited.unwrap().success());
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended by itself.
    pub(super) fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it did not end within {PATIENCE:?}:\n{}", self.said());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), self.said());
        }
    }
}

/// `program`, to be killed by the kernel when this process dies, where `setpriv` can ask for it.
fn tied(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return Command::new(program);
    }
    let mut tied = Command::new(setpriv);
    tied.args(["--pdeathsig", "KILL"]).arg(program);
    tied
}

/// Below the ports that systems give to outgoing connections (from 32768 on Linux), one of which
/// could take the port before the program that is told of it does.
const PORTS: Range<u16> = 12_000..32_000;

/// An address of the loopback interface that nobody listens at, and that nobody else is given.
pub fn free_address() -> SocketAddr {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        let dice = u16::from_le_bytes(World::system().random());
        AtomicU16::new(dice % (PORTS.end - PORTS.start))
    });
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
        let address = SocketAddr::from(([127, 0, 0, 1], PORTS.start + step));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
