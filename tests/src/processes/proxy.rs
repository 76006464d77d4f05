//! The Envoys of a mesh, with the configuration of production, and what their administration says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::child::{Process, free_address};

/// One Envoy.
pub(super) struct Proxy {
    /// `None` after it was killed.
    process: Option<Process>,
    envoy: PathBuf,
    config: PathBuf,
    log: PathBuf,
    admin: SocketAddr,
}

impl Proxy {
    /// Starts one of this `kind`, whose configuration `t11` prints when it is `told` all the rest.
    pub(super) fn start(
        envoy: &Path,
        t11: &Path,
        folder: &Path,
        kind: &str,
        told: Vec<String>,
    ) -> Self {
        let admin = free_address();
        let printed = Command::new(t11)
            .args(["envoy", kind])
            .args(told)
            .arg(format!("--admin={admin}"))
            .arg(format!("--probes={}", free_address()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&printed.stderr);
        assert!(printed.status.success(), "{said}");
        let config = folder.join(format!("{kind}.yaml"));
        std::fs::write(&config, printed.stdout).unwrap();
        let mut proxy = Self {
            process: None,
            envoy: envoy.to_owned(),
            config,
            log: folder.join(format!("envoy-{kind}.log")),
            admin,
        };
        proxy.restart();
        proxy
    }

    /// Starts it where it was.
    pub(super) fn restart(&mut self) {
        let config = self.config.display().to_string();
        let manners = ["--concurrency", "1", "--use-dynamic-base-id"];
        let what = ["--log-level", "warn", "-c", &config];
        let arguments = [&manners[..], &what].concat();
        let started = Process::start(&self.envoy, &arguments, &[], self.log.clone());
        self.process = Some(started);
    }

    /// Kills it (SIGKILL).
    pub(super) fn kill(&mut self) {
        drop(self.process.take());
    }

    /// Which replicas it sends calls to.
    pub(super) async fn well(&self) -> Vec<SocketAddr> {
        let said = self.asked("/clusters").await.unwrap_or_default();
        let lines = said.lines();
        // `crm::127.0.0.1:40001::health_flags::healthy`
        lines
            .filter_map(|line| line.strip_suffix("::health_flags::healthy"))
            .filter_map(|line| line.split_once("::")?.1.parse().ok())
            .collect()
    }

    /// How many calls it has sent to the replicas of `service`, its own further tries included.
    pub(super) async fn sent_to(&self, service: &str) -> u64 {
        let name = format!("cluster.{service}.upstream_rq_total");
        let said = self.asked(&format!("/stats?filter=^{name}$")).await;
        let said = said.unwrap_or_default();
        let (_, count) = said.trim().split_once(": ").unwrap_or_default();
        count.parse().unwrap_or_else(|_| panic!("{name}: {said}"))
    }

    async fn asked(&self, path: &str) -> reqwest::Result<String> {
        let url = format!("http://{}{path}", self.admin);
        reqwest::get(url).await?.text().await
    }
}
