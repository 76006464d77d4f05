//! A PostgreSQL server of a test's own, to be killed, started again and filled.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use t11_store::testing::URL_VARIABLE;
use tempfile::TempDir;

use super::not_run;
use crate::processes::free_address;

const PATIENCE: Duration = Duration::from_secs(60);

/// It survives what it must: `fsync` and all else are as they come.
pub struct Postgres {
    child: Child,
    programs: PathBuf,
    data: PathBuf,
    port: u16,
    folder: TempDir,
}

impl Postgres {
    /// `None` where tests have no PostgreSQL; said aloud where they have, but not its programs.
    pub async fn start(row: &str) -> Option<Self> {
        Self::start_on(row, None).await
    }

    /// The same with the data in a folder that may be full one day.
    pub async fn start_on(row: &str, disk: Option<&Path>) -> Option<Self> {
        std::env::var(URL_VARIABLE).ok()?;
        let Some(programs) = programs() else {
            not_run(row, "the programs of PostgreSQL are not on this machine");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let data = disk.unwrap_or(folder.path()).join("data");
        for owned in [Some(folder.path()), disk].into_iter().flatten() {
            give_to_postgres(owned);
        }
        let made = own(programs.join("initdb"))
            .args(["--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust"])
            .args(["--username=postgres", "--no-sync", "--pgdata"])
            .arg(&data)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
        let port = free_address().port();
        let child = spawn(&programs, &data, port, folder.path());
        let mut server = Self {
            child,
            programs,
            data,
            port,
            folder,
        };
        server.until_up().await;
        server
            .run("CREATE ROLE t11 LOGIN CREATEROLE CREATEDB")
            .await;
        server.run("CREATE DATABASE t11 OWNER t11").await;
        Some(server)
    }

    /// For the services.
    pub fn url(&self) -> String {
        format!("postgres://t11@127.0.0.1:{}/t11", self.port)
    }

    /// A connection of the administrator to the database of the services.
    pub async fn connect(&self) -> PgConnection {
        let url = format!("postgres://postgres@127.0.0.1:{}/t11", self.port);
        let options: PgConnectOptions = url.parse().unwrap();
        options.connect().await.unwrap()
    }

    async fn run(&self, statement: &str) {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port);
        let options: PgConnectOptions = url.parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        let statement = AssertSqlSafe(statement.to_owned());
        connection.execute(statement).await.unwrap();
    }

    /// Ends it and all its processes without a word, as `kill -9` of its container does.
    pub fn kill(&mut self) {
        let parent = self.child.id();
        let children = format!("/proc/{parent}/task/{parent}/children");
        let children = fs::read_to_string(children).unwrap_or_default();
        self.child.kill().unwrap();
        for child in children.split_whitespace() {
            // It may have ended by itself when its parent did.
            drop(Command::new("kill").args(["-9", child]).output());
        }
        self.child.wait().unwrap();
    }

    pub async fn start_again(&mut self) {
        self.child = spawn(&self.programs, &self.data, self.port, self.folder.path());
        self.until_up().await;
    }

    /// Whether the server's first process runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    async fn until_up(&mut self) {
        let began = Instant::now();
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port);
        let options: PgConnectOptions = url.parse().unwrap();
        while options.connect().await.is_err() {
            assert!(began.elapsed() < PATIENCE, "{}", self.said());
            if !self.is_running() {
                // Those that were killed may still hold the shared memory for a moment.
                self.child = spawn(&self.programs, &self.data, self.port, self.folder.path());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said();
            let lines: Vec<_> = said.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
        self.kill();
    }
}

fn spawn(programs: &Path, data: &Path, port: u16, folder: &Path) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    let settings = [
        "listen_addresses=127.0.0.1",
        "max_connections=100",
        "shared_buffers=32MB",
        "min_wal_size=32MB",
        "max_wal_size=64MB",
    ];
    let mut command = own(programs.join("postgres"));
    command.arg("-D").arg(data).arg("-k").arg(folder);
    command.arg("-p").arg(port.to_string());
    command.args(settings.iter().flat_map(|setting| ["-c", setting]));
    command.stdout(Stdio::null()).stderr(log);
    command.process_group(0).spawn().unwrap()
}

/// `program`, ended by the kernel with this process, and as another user for root, as whom
/// PostgreSQL refuses to run.
fn own(program: PathBuf) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command.current_dir("/");
    command
}

fn give_to_postgres(folder: &Path) {
    if is_root() {
        let mut chown = Command::new("chown");
        let given = chown.arg("postgres:").arg(folder).status().unwrap();
        assert!(given.success());
    }
}

pub fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").output().unwrap();
    asked.stdout.trim_ascii() == b"0"
}

/// Debian keeps each version's programs apart.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let found = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|programs| programs.join("initdb").is_file());
    found.max()
}
