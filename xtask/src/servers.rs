//! Throw-away Postgres, a pooler before it, and Redis for tests: own data folder, free port, loopback, gone at the end.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::provision;
use crate::running::{self, Running};
use crate::shell::{self, say};

const PATIENCE: Duration = Duration::from_secs(60);
/// Owns its database of the same name, and makes the role that tests act as. A superuser would not
/// be subject to row security.
const ROLE: &str = "t11";
/// Connections of the pooler to the database: so few that the tests' clients must share them.
const POOLED: u32 = 2;

pub(crate) struct Servers {
    /// Before the database that it is connected to, to end first.
    pooler: Server,
    postgres: Server,
    redis: Server,
}

/// The process is declared before its folder: it ends before the folder is removed.
struct Server {
    _process: Running,
    _folder: TempDir,
    port: u16,
}

impl Servers {
    pub(crate) fn start() -> Result<Self> {
        if postgres_programs().is_none() {
            provision::apt(&["postgresql"])?;
        }
        provision::program("redis-server", "redis-server")?;
        provision::program("pgbouncer", "pgbouncer")?;
        // Makes the disk of a process fail.
        provision::program("strace", "strace")?;
        let postgres = start_postgres()?;
        let servers = Self {
            pooler: start_pooler(postgres.port)?,
            postgres,
            redis: start_redis()?,
        };
        say(format!(
            "postgres at {}, redis at {}",
            servers.postgres_url(),
            servers.redis_url()
        ));
        Ok(servers)
    }

    pub(crate) fn postgres_url(&self) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{ROLE}", self.postgres.port)
    }

    /// The same database through a pooler in transaction mode, of a version that knows no prepared
    /// statements.
    pub(crate) fn pooler_url(&self) -> String {
        format!(
            "postgres://{ROLE}@127.0.0.1:{}/{ROLE}?pgbouncer=true",
            self.pooler.port
        )
    }

    pub(crate) fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.redis.port)
    }
}

fn start_postgres() -> Result<Server> {
    let programs = postgres_programs().context("the programs of Postgres were not found")?;
    let folder = tempfile::Builder::new().prefix("t11-postgres-").tempdir()?;
    let data = folder.path().join("data");
    // Postgres refuses to run as root.
    let as_root = provision::is_root()?;
    if as_root {
        shell::output(Command::new("chown").arg("postgres:").arg(folder.path()))?;
    }
    let program = |name: &str| {
        let path = programs.join(name);
        if as_root {
            running::tied_as("postgres", path)
        } else {
            running::tied(path)
        }
    };
    shell::output(
        program("initdb")
            .args([
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth=trust",
                "--username=postgres",
            ])
            .args(["--no-sync", "--pgdata"])
            .arg(&data),
    )?;
    let port = running::free_port()?;
    // The data need not outlive the run, so nothing waits for the disk.
    let settings = [
        "listen_addresses=127.0.0.1",
        "fsync=off",
        "max_connections=200",
    ];
    let mut command = program("postgres");
    command.arg("-D").arg(&data).arg("-k").arg(folder.path());
    command.arg("-p").arg(port.to_string());
    command.args(settings.iter().flat_map(|setting| ["-c", setting]));
    let log = fs::File::create(folder.path().join("log"))?;
    let mut process = Running::start("postgres", command.stdout(Stdio::null()).stderr(log))?;
    process.wait_until(PATIENCE, || {
        let mut ready = Command::new(programs.join("pg_isready"));
        ready.args(["--quiet", "--host=127.0.0.1", "--port", &port.to_string()]);
        ready.status().is_ok_and(|status| status.success())
    })?;
    for statement in [
        format!("CREATE ROLE {ROLE} LOGIN CREATEROLE CREATEDB"),
        format!("CREATE DATABASE {ROLE} OWNER {ROLE}"),
    ] {
        let mut psql = Command::new(programs.join("psql"));
        psql.args(["--quiet", "--no-psqlrc", "--host=127.0.0.1", "--port"]);
        psql.args([&port.to_string(), "--username=postgres", "--command"]);
        shell::output(psql.arg(statement))?;
    }
    Ok(Server {
        _process: process,
        _folder: folder,
        port,
    })
}

fn start_pooler(database_port: u16) -> Result<Server> {
    let folder = tempfile::Builder::new().prefix("t11-pooler-").tempdir()?;
    let port = running::free_port()?;
    let config = folder.path().join("pgbouncer.ini");
    let settings = format!(
        "[databases]\n\
         {ROLE} = host=127.0.0.1 port={database_port} user={ROLE} dbname={ROLE}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = transaction\n\
         default_pool_size = {POOLED}\n\
         ignore_startup_parameters = extra_float_digits\n"
    );
    fs::write(&config, settings)?;
    // Debian keeps it out of the path of ordinary users.
    let program = shell::which("pgbouncer").unwrap_or_else(|| "/usr/sbin/pgbouncer".into());
    // It refuses to run as root, too.
    let mut command = if provision::is_root()? {
        shell::output(
            Command::new("chown")
                .arg("-R")
                .arg("postgres:")
                .arg(folder.path()),
        )?;
        running::tied_as("postgres", program)
    } else {
        running::tied(program)
    };
    command.arg("--quiet").arg(&config);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Running::start("pgbouncer", &mut command)?;
    process.wait_until(PATIENCE, || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    })?;
    Ok(Server {
        _process: process,
        _folder: folder,
        port,
    })
}

/// Debian keeps each version's programs apart; elsewhere they are on the path.
fn postgres_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").is_file())
        .max_by_key(|bin| version(bin));
    let on_path = || shell::which("initdb").and_then(|initdb| Some(initdb.parent()?.to_owned()));
    newest.or_else(on_path)
}

fn version(bin: &Path) -> u32 {
    let name = bin
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or_default()
}

fn start_redis() -> Result<Server> {
    let folder = tempfile::Builder::new().prefix("t11-redis-").tempdir()?;
    let port = running::free_port()?;
    let mut command = running::tied("redis-server");
    command.args([
        "--bind",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--save",
        "",
    ]);
    command
        .args(["--appendonly", "no", "--dir"])
        .arg(folder.path());
    let mut process = Running::start("redis", command.stdout(Stdio::null()))?;
    process.wait_until(PATIENCE, || redis_answers(port).unwrap_or(false))?;
    Ok(Server {
        _process: process,
        _folder: folder,
        port,
    })
}

fn redis_answers(port: u16) -> Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG")
}
