//! The parent's side of reading a document: starts the [`sandbox`](super::sandbox)ed child, feeds
//! it, and turns whatever becomes of it into a document or a stable reason.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::document::Document;
use super::rejection::Rejection;
use super::sandbox::{self, Request, Response};

/// Uploads over this are refused before they are read.
pub const MAX_DOCUMENT_BYTES: u64 = 50 * 1024 * 1024;

/// A child that answers more than this is not ours any more: the text and its JSON stay well below.
const MAX_RESPONSE_BYTES: u64 = 256 * 1024 * 1024;
/// Of the child's last words only the beginning is kept.
const MAX_STDERR_BYTES: u64 = 4 * 1024;
/// How the Rust runtime's last words begin when an allocation is refused.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// How much a child may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// Processor time, in whole seconds.
    pub cpu_seconds: u64,
    /// From start to answer, time in the queue not counted.
    pub wall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 512 * 1024 * 1024,
            cpu_seconds: 20,
            wall: Duration::from_secs(30),
        }
    }
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The document's own fault: trying again will not help.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The machine's fault: the child could not be started or confined, or the bytes could not be
    /// read from where they are kept. Trying again may help.
    #[error("extraction could not run: {0}")]
    Failed(#[from] io::Error),
}

/// Reads documents in child processes, a few at a time. Clones share the queue.
#[derive(Debug, Clone)]
pub struct Extractor {
    program: PathBuf,
    limits: Limits,
    permits: Arc<Semaphore>,
}

impl Extractor {
    /// An extractor that starts `program`, which must call
    /// [`run_extraction_child`](super::run_extraction_child), at most `concurrency` at once.
    pub fn new(program: PathBuf, concurrency: usize, limits: Limits) -> Self {
        Self {
            program,
            limits,
            permits: Arc::new(Semaphore::new(concurrency.max(1))),
        }
    }

    /// An extractor that starts the running program again, with the usual limits.
    pub fn of_this_program(concurrency: usize) -> io::Result<Self> {
        // The path may lead to a newer binary after an upgrade; this link leads to ours.
        let program = if cfg!(target_os = "linux") {
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe()?
        };
        Ok(Self::new(program, concurrency, Limits::default()))
    }

    /// Reads `request.length` bytes of `source` and answers with the document in them. Dropping the
    /// future kills the child.
    pub async fn extract(
        &self,
        request: &Request,
        source: impl AsyncRead + Unpin,
    ) -> Result<Document, ExtractError> {
        if request.length == 0 {
            return Err(Rejection::Empty.into());
        }
        if request.length > MAX_DOCUMENT_BYTES {
            return Err(Rejection::TooBig.into());
        }
        let _permit = self.permits.acquire().await.map_err(io::Error::other)?;
        let mut child = self.start()?;
        match tokio::time::timeout(self.limits.wall, converse(&mut child, request, source)).await {
            Ok(ended) => ended?.judge(),
            Err(_) => {
                child.kill().await?;
                Err(Rejection::Timeout.into())
            }
        }
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .arg(sandbox::ARGUMENT)
            .arg(self.limits.memory_bytes.to_string())
            .arg(self.limits.cpu_seconds.to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

/// What is left of a child.
struct Ended {
    status: ExitStatus,
    output: Vec<u8>,
    last_words: Vec<u8>,
}

async fn converse(
    child: &mut Child,
    request: &Request,
    mut source: impl AsyncRead + Unpin,
) -> Result<Ended, io::Error> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("the child has no pipes"));
    };
    let mut head = serde_json::to_vec(request)?;
    head.push(b'\n');
    let feed = async move {
        let mut bytes = (&mut source).take(request.length);
        stdin.write_all(&head).await?;
        let fed = tokio::io::copy(&mut bytes, &mut stdin).await?;
        stdin.shutdown().await?;
        Ok::<u64, io::Error>(fed)
    };
    let (fed, output, last_words) = tokio::join!(
        feed,
        read_up_to(stdout, MAX_RESPONSE_BYTES),
        read_up_to(stderr, MAX_STDERR_BYTES),
    );
    match fed {
        Ok(fed) if fed < request.length => {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the document is shorter than announced",
            ));
        }
        // A child that dies early breaks its pipe; its status tells why.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    Ok(Ended {
        status: child.wait().await?,
        output: output?,
        last_words: last_words?,
    })
}

async fn read_up_to(source: impl AsyncRead + Unpin, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

impl Ended {
    fn judge(self) -> Result<Document, ExtractError> {
        if self.status.success() {
            let response: Response =
                serde_json::from_slice(&self.output).map_err(io::Error::from)?;
            if !response.confinement.landlock || !response.confinement.seccomp {
                tracing::debug!(?response.confinement, "the kernel lacks a lock of the extraction child");
            }
            return Ok(response.outcome?);
        }
        let last_words = String::from_utf8_lossy(&self.last_words);
        if self.status.code() == Some(i32::from(sandbox::NOT_CONFINED)) {
            return Err(io::Error::other(last_words.into_owned()).into());
        }
        let rejection = if ended_by_cpu_limit(self.status) {
            Rejection::Timeout
        } else if last_words.starts_with(OUT_OF_MEMORY) || was_killed(self.status) {
            Rejection::TooBig
        } else {
            Rejection::Unreadable
        };
        tracing::debug!(status = %self.status, reason = rejection.code(), "the extraction child died");
        Err(rejection.into())
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// SIGXCPU: 24 on Linux and macOS alike.
fn ended_by_cpu_limit(status: ExitStatus) -> bool {
    signal(status) == Some(24)
}

/// SIGKILL that we did not send: the kernel was out of memory.
fn was_killed(status: ExitStatus) -> bool {
    signal(status) == Some(9)
}
