//! The connections to Redis: two a process, one for commands and one that hears.
//!
//! Redis is speed and never the truth (docs/adr/0006-redis-is-speed.md): whoever uses it here does
//! without it while it is away, and it comes back by itself.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::ErrorKind;
use fred::interfaces::{ClientLike as _, EventInterface as _};
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, ReconnectPolicy, TcpConfig,
    UnresponsiveConfig,
};
use fred::types::{ClusterHash, CustomCommand, InfoKind, Value};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use crate::Secret;

/// Longest time to connect, and to be greeted.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest wait for an answer that nobody has set a shorter one for.
const ANSWER: Duration = Duration::from_secs(2);
/// A connection that has not answered for so long is given up and made anew.
const SILENCE: Duration = Duration::from_secs(5);
/// How often a connection is asked whether it still is one: it may have died without a word, and
/// some servers close one that is idle.
const BEAT: Duration = Duration::from_secs(2);
/// Beats in a row without an answer after which a connection is made anew. The client itself counts
/// from the last command that it sent, and so never gives up one that is used all the time.
const BEATS_MISSED: u32 = 2;
/// Between two tries to connect, in milliseconds: doubled from the first to the second.
const BACK_OFF: (u32, u32) = (50, 2_000);
/// Commands that may wait to be written.
const QUEUE: usize = 16 * 1024;
/// Messages that may wait to be handed on within the process. Room for them is taken at once.
const INBOX: usize = 1024;
/// Longest `namespace`, in bytes.
const LONGEST_NAMESPACE: usize = 64;

/// Redis did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// The address cannot be used.
    #[error(
        "REDIS_URL is not like `redis://user:password@host:6379/0`, or `rediss://…` with TLS: {0}"
    )]
    Url(String),
    /// The prefix of keys and topics cannot be used.
    #[error("`namespace` must be 1 to 64 letters, digits, `-`, `_` or `.`")]
    Namespace,
    /// It is away, slow, or refuses.
    #[error("{0}")]
    Server(String),
}

impl From<fred::error::Error> for RedisError {
    fn from(error: fred::error::Error) -> Self {
        Self::Server(error.to_string())
    }
}

type Trouble = Arc<Mutex<Option<fred::error::Error>>>;

/// The Redis of the mesh. Clones share its connections, which end with the last of them.
#[derive(Clone)]
pub struct Redis(Arc<Connections>);

struct Connections {
    commands: Client,
    hearing: Client,
    namespace: Arc<str>,
    /// Why there is no connection for commands.
    trouble: Trouble,
    /// Each keeps one connection; aborted when dropped.
    _keepers: JoinSet<()>,
}

impl Redis {
    /// Begins to connect and returns at once: whether Redis is there shows when it is used.
    /// Connects again for ever, waiting longer and longer, at most 2 s.
    ///
    /// `url` is `redis://…` or, with TLS, `rediss://…`; `redis-cluster://…` and
    /// `rediss-cluster://…` name a node of a cluster. What is written to Redis begins with
    /// `namespace`, so that several meshes may share one.
    ///
    /// # Errors
    /// [`RedisError::Url`] or [`RedisError::Namespace`].
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn connect(url: &Secret, namespace: &str) -> Result<Self, RedisError> {
        let config = config(url.expose())?;
        if !is_namespace(namespace) {
            return Err(RedisError::Namespace);
        }
        let client = |inbox| {
            let performance = PerformanceConfig {
                default_command_timeout: ANSWER,
                broadcast_channel_capacity: inbox,
                ..PerformanceConfig::default()
            };
            let (connection, back_off) = (connection(), back_off());
            Client::new(
                config.clone(),
                Some(performance),
                Some(connection),
                Some(back_off),
            )
        };
        // The one is only told of its own fate.
        let (commands, hearing) = (client(16), client(INBOX));
        let mut keepers = JoinSet::new();
        let trouble = Trouble::default();
        keepers.spawn(keep(commands.clone(), "commands", trouble.clone()));
        keepers.spawn(keep(hearing.clone(), "hearing", Trouble::default()));
        Ok(Self(Arc::new(Connections {
            commands,
            hearing,
            namespace: namespace.into(),
            trouble,
            _keepers: keepers,
        })))
    }

    /// Asks the server whether it is there; how long the answer took. Waits 2 s at most.
    ///
    /// # Errors
    /// [`RedisError::Server`].
    pub async fn ping(&self) -> Result<Duration, RedisError> {
        let asked = Instant::now();
        match self.client(ANSWER).ping::<Value>(None).await {
            Ok(_) => Ok(asked.elapsed()),
            // Without a connection the answer would only be that there is none.
            Err(error) => Err(self.0.trouble.lock().clone().unwrap_or(error).into()),
        }
    }

    /// What the server does when its memory is full: `noeviction` and others. `None` when it does
    /// not say, as some that are rented out.
    ///
    /// # Errors
    /// [`RedisError::Server`].
    pub async fn eviction(&self) -> Result<Option<String>, RedisError> {
        let memory: Option<String> = self.client(ANSWER).info(Some(InfoKind::Memory)).await?;
        let line = memory.iter().flat_map(|text| text.lines());
        let mut policies = line.filter_map(|line| line.strip_prefix("maxmemory_policy:"));
        Ok(policies.next().map(|policy| policy.trim().to_owned()))
    }

    /// Runs a script that touches `key` only, so that any node of a cluster can run it. The server
    /// is given its text when it does not know its hash.
    pub(crate) async fn run(
        &self,
        script: &Script,
        key: &str,
        arguments: &[i64],
        patience: Duration,
    ) -> Result<i64, fred::error::Error> {
        let client = self.client(patience);
        let run = |command, text: &str| {
            let mut values = vec![Value::from(text), Value::from(1_i64), Value::from(key)];
            values.extend(arguments.iter().copied().map(Value::from));
            client.custom(
                CustomCommand::new_static(command, ClusterHash::from(key), false),
                values,
            )
        };
        match run("EVALSHA", &script.hash).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => run("EVAL", script.text).await,
            outcome => outcome,
        }
    }

    /// Prefix of every key and topic.
    pub(crate) fn namespace(&self) -> &str {
        &self.0.namespace
    }

    /// The connection that hears.
    pub(crate) fn hearing(&self) -> &Client {
        &self.0.hearing
    }

    /// The connection for commands.
    pub(crate) fn client(&self, patience: Duration) -> WithOptions<Client> {
        once(&self.0.commands, patience)
    }

    /// Whether commands can be sent now.
    pub(crate) fn is_connected(&self) -> bool {
        self.0.commands.is_connected()
    }
}

/// A script of the server, known by its hash.
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        Self {
            text,
            hash: hex.collect(),
        }
    }
}

/// Braces would be taken for the part of a key that names its place in a cluster.
fn is_namespace(text: &str) -> bool {
    (1..=LONGEST_NAMESPACE).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn config(url: &str) -> Result<Config, RedisError> {
    const SCHEMES: [&str; 4] = ["redis", "rediss", "redis-cluster", "rediss-cluster"];
    let (scheme, _) = url.split_once("://").unwrap_or_default();
    if !SCHEMES.contains(&scheme) {
        return Err(RedisError::Url("another scheme".to_owned()));
    }
    let parsed = Url::parse(url).map_err(|error| RedisError::Url(error.to_string()))?;
    // fred takes what is not a number for the first database.
    let database = parsed.path().trim_start_matches('/');
    if !database.is_empty() && database.parse::<u8>().is_err() {
        return Err(RedisError::Url(
            "the path is not the number of a database".to_owned(),
        ));
    }
    let config = Config::from_url(url).map_err(|error| match error.kind() {
        // The certificates of the system cannot be read.
        ErrorKind::Tls => error.into(),
        _ => RedisError::Url(error.details().to_owned()),
    });
    let mut config = config?;
    // A first try that fails is followed by others, as any.
    config.fail_fast = false;
    Ok(config)
}

fn connection() -> ConnectionConfig {
    ConnectionConfig {
        connection_timeout: CONNECT,
        internal_command_timeout: CONNECT,
        max_command_attempts: 1,
        max_command_buffer_len: QUEUE,
        // The password may have been changed meanwhile.
        reconnect_on_auth_error: true,
        unresponsive: UnresponsiveConfig {
            max_timeout: Some(SILENCE),
            interval: Duration::from_secs(1),
        },
        tcp: TcpConfig {
            nodelay: Some(true),
            ..TcpConfig::default()
        },
        ..ConnectionConfig::default()
    }
}

fn back_off() -> ReconnectPolicy {
    let (first, longest) = BACK_OFF;
    // 0: for ever.
    let mut policy = ReconnectPolicy::new_exponential(0, first, longest, 2);
    policy.set_jitter(first);
    policy
}

/// Keeps one connection, and says once when it is lost and once when it is back.
async fn keep(client: Client, name: &'static str, trouble: Trouble) {
    // Asked for anew each time: the first may be before metrics are collected.
    let up = |up: bool| {
        metrics::gauge!("t11_redis_connected", "connection" => name).set(u8::from(up));
    };
    up(false);
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (mut lost, mut made) = (client.error_rx(), client.reconnect_rx());
        let mut connection = AbortOnDropHandle::new(client.connect());
        let (mut is_up, mut is_missed, mut beats_missed) = (false, false, 0);
        loop {
            tokio::select! {
                biased;
                ended = &mut connection => {
                    let outcome = ended.map_err(|error| error.to_string());
                    tracing::warn!(connection = name, ?outcome, "redis: the connection ended");
                    up(false);
                    break;
                }
                Ok((error, _)) = lost.recv() => {
                    is_up = false;
                    *trouble.lock() = Some(error.clone());
                    if !std::mem::replace(&mut is_missed, true) {
                        tracing::warn!(connection = name, %error, "redis is away; going on without");
                    }
                }
                Ok(_) = made.recv() => {
                    is_up = true;
                    *trouble.lock() = None;
                    if std::mem::take(&mut is_missed) {
                        tracing::info!(connection = name, "redis is back");
                    }
                }
                _ = beat.tick() => {
                    let answer = once(&client, ANSWER).ping::<Value>(None).await;
                    let is_silent = answer.is_err_and(|error| *error.kind() == ErrorKind::Timeout);
                    beats_missed = if is_silent { beats_missed + 1 } else { 0 };
                    if beats_missed >= BEATS_MISSED {
                        beats_missed = 0;
                        tracing::warn!(connection = name, "redis is silent; connecting anew");
                        connect_anew(&client).await;
                    }
                }
            }
            up(is_up);
        }
        // It ends only by a defect or a setting that no further try mends; tried all the same.
        tokio::time::sleep(Duration::from_millis(BACK_OFF.1.into())).await;
    }
}

/// What became of it is told by the client's events, or by the next beats.
async fn connect_anew(client: &Client) {
    let made = tokio::time::timeout(CONNECT, client.force_reconnection()).await;
    tracing::debug!(?made, "redis: a connection was asked for");
}

/// For commands that are sent once and at once or not at all: sent again, a count would be counted
/// twice.
fn once(client: &Client, patience: Duration) -> WithOptions<Client> {
    client.with_options(&Options {
        timeout: Some(patience),
        fail_fast: true,
        max_attempts: Some(1),
        ..Options::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_cannot_be_used_is_refused() {
        for url in [
            "",
            "127.0.0.1:6379",
            "http://127.0.0.1",
            "redis://",
            "redis://host/x",
            "redis+unix:///tmp/redis",
        ] {
            let outcome = Redis::connect(&Secret::from(url.to_owned()), "t11");
            assert!(matches!(outcome, Err(RedisError::Url(_))), "{url}");
        }
    }

    #[tokio::test]
    async fn an_address_is_not_in_the_error() {
        let url = Secret::from("redis://me:s3cret@host/x".to_owned());
        let error = Redis::connect(&url, "t11").err().unwrap();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn a_namespace_has_no_braces() {
        for (text, fits) in [
            ("t11", true),
            ("a-b_c.1", true),
            ("", false),
            ("{t11}", false),
            ("a b", false),
            (&"a".repeat(65), false),
        ] {
            assert_eq!(is_namespace(text), fits, "{text}");
        }
    }

    #[test]
    fn with_tls_the_system_is_trusted() {
        crate::init_process();
        assert!(
            config("rediss://default:pw@eu1.example.com:6379")
                .unwrap()
                .uses_tls()
        );
        assert!(!config("redis://127.0.0.1").unwrap().uses_tls());
    }
}
