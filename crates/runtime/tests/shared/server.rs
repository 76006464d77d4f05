//! The ways of sharing, and servers that may be killed.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use t11_core::World;
use t11_runtime::bus::{Carrier, InProcess, OverRedis};
use t11_runtime::{Bus, Redis, Secret};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Where tests find a Redis; without it they share within the process only.
pub(crate) fn url() -> Option<String> {
    std::env::var("T11_TEST_REDIS_URL").ok()
}

/// One way of sharing, apart from all others.
pub(crate) struct Way {
    url: Option<String>,
    namespace: String,
    in_process: Arc<InProcess>,
}

impl Way {
    /// Every way there is.
    pub(crate) fn all() -> Vec<Self> {
        let mut ways = vec![Self::over(None)];
        ways.extend(url().map(|url| Self::over(Some(url))));
        ways
    }

    pub(crate) fn over(url: Option<String>) -> Self {
        Self {
            url,
            namespace: format!("test-{}", World::system().new_id().simple()),
            in_process: Arc::default(),
        }
    }

    /// The connections of one more process; `None` when there is only this one.
    pub(crate) fn redis(&self) -> Option<Redis> {
        let url = Secret::from(self.url.clone()?);
        Some(Redis::connect(&url, &self.namespace).unwrap())
    }

    /// The carrier of one more process: one that has begun to carry.
    pub(crate) async fn carrier(&self) -> Arc<dyn Carrier> {
        let Some(redis) = self.redis() else {
            return self.in_process.clone();
        };
        let carrier = OverRedis::new(&redis);
        until_there(&redis).await;
        Arc::new(carrier)
    }

    /// A member in a process of its own.
    pub(crate) async fn member(&self) -> Bus {
        Bus::join(self.carrier().await, &World::system())
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// Waits until Redis answers.
pub(crate) async fn until_there(redis: &Redis) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = redis.ping().await {
        assert!(Instant::now() < deadline, "{error}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A Redis of its own, to be killed, stopped and paused.
pub(crate) struct Server {
    child: Child,
    port: u16,
    options: Vec<&'static str>,
    folder: TempDir,
}

impl Server {
    /// `None` where tests have no Redis.
    pub(crate) async fn start(options: &[&'static str]) -> Option<Self> {
        url()?;
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let child = spawn(port, options, &folder);
        let server = Self {
            child,
            port,
            options: options.to_vec(),
            folder,
        };
        server.until_up().await;
        Some(server)
    }

    /// A cluster of one: it holds all places of keys, and is as strict as one of many.
    pub(crate) async fn start_cluster() -> Option<Self> {
        let options = [
            "--cluster-enabled",
            "yes",
            "--cluster-announce-ip",
            "127.0.0.1",
        ];
        let server = Self::start(&options).await?;
        server.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
        while !server
            .ask(&["CLUSTER", "INFO"])
            .contains("cluster_state:ok")
        {
            sleep(Duration::from_millis(50)).await;
        }
        Some(server)
    }

    /// Through this server.
    pub(crate) fn way(&self) -> Way {
        let is_cluster = self.options.contains(&"--cluster-enabled");
        let scheme = if is_cluster { "redis-cluster" } else { "redis" };
        Way::over(Some(format!("{scheme}://127.0.0.1:{}", self.port)))
    }

    /// Ends without a word, as by `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.port, &self.options, &self.folder);
        self.until_up().await;
    }

    /// Keeps its connections and answers nothing: `STOP`, until `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}"))
            .arg(self.child.id().to_string());
        assert!(kill.status().unwrap().success());
    }

    /// The answer to a command.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let mut client = Command::new("redis-cli");
        let output = client
            .args(["-p", &self.port.to_string()])
            .args(words)
            .output();
        String::from_utf8(output.unwrap().stdout)
            .unwrap()
            .trim()
            .to_owned()
    }

    async fn until_up(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.ask(&["PING"]) != "PONG" {
            assert!(Instant::now() < deadline, "redis-server does not start");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(port: u16, options: &[&str], folder: &TempDir) -> Child {
    let mut server = Command::new("redis-server");
    server
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .args(options)
        .stdout(Stdio::null());
    server.spawn().unwrap()
}
