//! The real `t11`, as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use t11_tests::Client;

/// How long a program that refuses may take to say so.
const PATIENCE: Duration = Duration::from_secs(30);

/// `t11 dev` on a folder; killed when dropped.
pub(crate) struct Program {
    child: Child,
    base: String,
}

impl Program {
    /// Runs until it is ready.
    pub(crate) fn dev(data: &Path) -> Self {
        Self::dev_with(data, &[])
    }

    /// The same with these variables.
    pub(crate) fn dev_with(data: &Path, variables: &[(&str, &str)]) -> Self {
        t11_runtime::init_process();
        let mut child = command(data)
            .envs(variables.iter().copied())
            .arg("dev")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let base = line.trim().strip_prefix("T11 is ready at ");
        let base = base.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, base }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stranger(&self) -> Client {
        Client::new(self.base.clone())
    }

    /// Where its door is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `t11` with the folder and no other settings.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("T11_DATA_DIR", data)
        .env("T11_HTTP_ADDR", "127.0.0.1:0")
        .env("T11_EDGE__LIMITS__ENABLED", "false")
        .current_dir(data);
    command
}

/// What a program says that must end by itself.
pub(crate) fn ended(command: &mut Command) -> Output {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it runs: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

/// The `t11` that cargo built with this test.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.ancestors().nth(2).unwrap().join("t11");
    assert!(
        binary.exists(),
        "{} is not built; `cargo build --bin t11` with the same packages does",
        binary.display()
    );
    binary
}
