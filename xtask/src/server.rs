//! A `t11 dev` of one's own: fresh data, free port, none of the caller's settings.

use std::env;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Result;
use tempfile::TempDir;

use crate::running::{self, Running};

const READY: &str = "T11 is ready at";
const PATIENCE: Duration = Duration::from_secs(60);

/// Settings that `t11` reads without the `T11_` prefix (DESIGN §4).
const SETTINGS: [&str; 14] = [
    "CRON_SECRET",
    "DATABASE_URL",
    "ENCRYPTION_KEY",
    "FROM_EMAIL",
    "JOB_CONCURRENCY",
    "JOB_QUEUE_NAME",
    "KOMMO_OAUTH_REDIRECT_BASE",
    "KOMMO_OAUTH_URL",
    "KOMMO_TEST_HOSTS",
    "KOMMO_WEBHOOK_SECRET",
    "OPENROUTER_API_KEY",
    "OPENROUTER_BASE_URL",
    "REDIS_URL",
    "SENTRY_DSN",
];

/// The process is declared before its data: it ends before the folder is removed.
pub(crate) struct DevServer {
    process: Running,
    data: TempDir,
    pub(crate) url: String,
    pub(crate) time_to_ready: Duration,
}

impl DevServer {
    pub(crate) fn start(binary: &Path, bundle: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let data = tempfile::Builder::new().prefix("t11-data-").tempdir()?;
        Self::start_on(binary, bundle, settings, &[], data)
    }

    /// With a pretended Kommo account beside it, at the address that comes second.
    pub(crate) fn start_with_demo_crm(binary: &Path, bundle: &Path) -> Result<(Self, String)> {
        let data = tempfile::Builder::new().prefix("t11-data-").tempdir()?;
        let kommo = format!("127.0.0.1:{}", running::free_port()?);
        let arguments = ["--demo-crm", "--demo-crm-addr", &kommo];
        let server = Self::start_on(binary, bundle, &[], &arguments, data)?;
        Ok((server, format!("http://{kommo}")))
    }

    /// Stops the server and starts it again on the same data.
    pub(crate) fn restart(self, binary: &Path, bundle: &Path) -> Result<Self> {
        let Self { process, data, .. } = self;
        drop(process);
        Self::start_on(binary, bundle, &[], &[], data)
    }

    fn start_on(
        binary: &Path,
        bundle: &Path,
        settings: &[(&str, &str)],
        arguments: &[&str],
        data: TempDir,
    ) -> Result<Self> {
        let address = format!("127.0.0.1:{}", running::free_port()?);
        let mut command = running::tied(binary);
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("T11_") || SETTINGS.contains(&&*name) {
                command.env_remove(&*name);
            }
        }
        command
            .arg("dev")
            .args(arguments)
            .env("T11_HTTP_ADDR", &address)
            .env("T11_DATA_DIR", data.path())
            .env("T11_WEB_DIR", bundle)
            .envs(settings.iter().copied())
            .current_dir(data.path())
            .stdout(Stdio::piped());
        let start = Instant::now();
        let mut process = Running::start("t11 dev", &mut command)?;
        process.wait_for_line(READY, PATIENCE)?;
        let time_to_ready = start.elapsed();
        Ok(Self {
            process,
            data,
            url: format!("http://{address}"),
            time_to_ready,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}
