//! Processes on the core they are to have, and what they took of it and of memory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Bench;

/// Which core a process runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Core {
    /// The gateway under test.
    Gateway,
    /// The load and the mock.
    Load,
}

impl Core {
    fn number(self) -> &'static str {
        match self {
            Self::Gateway => "0",
            Self::Load => "1",
        }
    }
}

/// A server that is killed with the bench.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `program` on its core, killed by the kernel when the bench dies.
pub(crate) fn on(core: Core, program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        "--pdeathsig",
        "KILL",
        "taskset",
        "--cpu-list",
        core.number(),
    ]);
    command.arg(program.as_ref()).stdin(Stdio::null());
    command
}

/// Puts this process and what it starts on a core.
pub(crate) fn pin_self(core: Core) -> Bench<()> {
    let id = std::process::id().to_string();
    let pinned = Command::new("taskset")
        .args(["--all-tasks", "--pid", "--cpu-list", core.number(), &id])
        .output()?;
    match pinned.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&pinned.stderr).into_owned().into()),
    }
}

/// This program in another role, which says where it listens.
pub(crate) fn own(role: &str, arguments: &[&str], core: Core) -> Bench<Server> {
    let mut command = on(core, std::env::current_exe()?);
    Server::that_says(command.arg(role).args(arguments))
}

/// What [`Server::that_says`] waits for.
pub(crate) fn say_address(address: SocketAddr) -> Bench<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{address}")?;
    Ok(stdout.flush()?)
}

impl Server {
    /// A program that prints where it listens, as a line of its own.
    pub(crate) fn that_says(command: &mut Command) -> Bench<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("stdout is piped")?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let address = lines.by_ref().find_map(|line| line.parse().ok());
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut server = Self {
            child,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        match address {
            Some(address) => server.address = address,
            None => return Err(format!("it did not start: {}", server.child.wait()?).into()),
        }
        Ok(server)
    }

    /// A program that was told to listen at `address`, once it does.
    pub(crate) async fn at(
        command: &mut Command,
        address: SocketAddr,
        patience: Duration,
    ) -> Bench<Self> {
        let mut server = Self {
            child: command.spawn()?,
            address,
        };
        let deadline = tokio::time::Instant::now() + patience;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("it ended: {status}").into());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(format!("it did not listen within {patience:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(server)
    }

    /// Processor time so far, of the process and of its children.
    pub(crate) fn cpu(&self) -> Bench<Duration> {
        let mut ticks = 0;
        for id in self.family()? {
            // One that has ended meanwhile is counted by its parent no more than before.
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else {
                continue;
            };
            let fields: Vec<_> = stat
                .rsplit(')')
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect();
            ticks += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        }
        // USER_HZ is 100 on every Linux that we run on.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Memory in RAM, in megabytes, of the process and of its children.
    pub(crate) fn memory(&self) -> Bench<f64> {
        let mut kibibytes = 0.0;
        for id in self.family()? {
            let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/status")) else {
                continue;
            };
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let number = line.and_then(|line| line.split_whitespace().next());
            kibibytes += number.unwrap_or("0").parse::<f64>()?;
        }
        Ok(kibibytes * 1024.0 / 1e6)
    }

    fn family(&self) -> Bench<Vec<u32>> {
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while let Some(id) = family.get(next) {
            let threads = std::fs::read_dir(format!("/proc/{id}/task"));
            for thread in threads.into_iter().flatten() {
                let children = std::fs::read_to_string(thread?.path().join("children"));
                let children = children.unwrap_or_default();
                family.extend(
                    children
                        .split_whitespace()
                        .filter_map(|id| id.parse::<u32>().ok()),
                );
            }
            next += 1;
        }
        Ok(family)
    }
}
