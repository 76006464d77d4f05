//! A server that says exactly what it is told to, byte by byte, over a bare socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

const CATALOGUE: &str = r#"{"data":[{"id":"openai/gpt-4o-mini","context_length":128000,"pricing":{"prompt":"0.00000015","completion":"0.0000006"}}]}"#;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Write(Vec<u8>),
    /// One byte at a time.
    Dribble(Vec<u8>),
    Pause(u64),
    /// Until the client leaves.
    Hold,
    /// The same bytes until the client leaves, with a pause in milliseconds between them.
    Forever(Vec<u8>, u64),
    /// Breaks the connection, so that the client is told of it as an error.
    Reset,
}

/// Stops listening when dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct State {
    script: Mutex<Arc<[Step]>>,
    /// Requests for completions.
    asked: AtomicUsize,
    /// Connections that are open.
    open: AtomicUsize,
    /// Bytes that a script wrote.
    written: AtomicU64,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let server = tokio::spawn(serve(listener, state.clone()));
        Self {
            address,
            state,
            _server: AbortOnDropHandle::new(server),
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/api/v1", self.address)
    }

    /// From now on every completion is answered so.
    pub(crate) fn play(&self, script: &[Step]) {
        *self.state.script.lock() = script.into();
        self.state.asked.store(0, Ordering::SeqCst);
        self.state.written.store(0, Ordering::SeqCst);
    }

    /// Completions since then.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// Bytes since then.
    pub(crate) fn written(&self) -> u64 {
        self.state.written.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(Connection::new(state.clone()).serve(socket));
    }
}

/// Counts itself.
struct Connection(Arc<State>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connection {
    fn new(state: Arc<State>) -> Self {
        state.open.fetch_add(1, Ordering::SeqCst);
        Self(state)
    }

    /// One request, one answer; then the connection ends.
    async fn serve(self, mut socket: TcpStream) {
        let Some(path) = request(&mut socket).await else {
            return;
        };
        if path.ends_with("/chat/completions") {
            self.0.asked.fetch_add(1, Ordering::SeqCst);
            let script = self.0.script.lock().clone();
            for step in &*script {
                if self.step(&mut socket, step).await.is_none() {
                    return;
                }
            }
        } else if path.ends_with("/models") {
            let answer = json("200 OK", CATALOGUE);
            drop(socket.write_all(answer.as_bytes()).await);
        } else {
            let answer = json("404 Not Found", "{}");
            drop(socket.write_all(answer.as_bytes()).await);
        }
        drop(socket.shutdown().await);
    }

    /// `None` = the client has left, or is to be left.
    async fn step(&self, socket: &mut TcpStream, step: &Step) -> Option<()> {
        match step {
            Step::Write(bytes) => self.write(socket, bytes).await,
            Step::Dribble(bytes) => {
                for byte in bytes {
                    self.write(socket, &[*byte]).await?;
                    tokio::task::yield_now().await;
                }
                Some(())
            }
            Step::Pause(millis) => {
                tokio::time::sleep(Duration::from_millis(*millis)).await;
                Some(())
            }
            Step::Hold => {
                until_left(socket).await;
                None
            }
            Step::Forever(bytes, pause) => loop {
                self.write(socket, bytes).await?;
                let pause = tokio::time::sleep(Duration::from_millis(*pause));
                tokio::select! {
                    () = pause => {}
                    () = until_left(socket) => return None,
                }
            },
            Step::Reset => {
                // What was written before must arrive before the break does.
                tokio::time::sleep(Duration::from_millis(20)).await;
                socket.set_zero_linger().ok().and(None)
            }
        }
    }

    async fn write(&self, socket: &mut TcpStream, bytes: &[u8]) -> Option<()> {
        for part in bytes.chunks(16 * 1024) {
            socket.write_all(part).await.ok()?;
            self.0
                .written
                .fetch_add(part.len() as u64, Ordering::SeqCst);
        }
        Some(())
    }
}

async fn until_left(socket: &mut TcpStream) {
    let mut byte = [0];
    while let Ok(1) = socket.read(&mut byte).await {}
}

/// Reads a request to its end; its path.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let head = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        (socket.read_buf(&mut read).await.ok()? > 0).then_some(())?;
    };
    let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().unwrap_or(0));
    while read.len() < head + length {
        (socket.read_buf(&mut read).await.ok()? > 0).then_some(())?;
    }
    let path = text.split_whitespace().nth(1)?;
    Some(path.split('?').next().unwrap_or_default().to_owned())
}

fn json(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
}
