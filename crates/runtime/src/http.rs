//! HTTP/1.1 and h2 on one socket, with the caps that keep slow or greedy clients from holding it,
//! and an end that comes in time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use t11_core::World;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::tls::Tls;

/// Longest wait for the first byte of a connection, for TLS and for the headers of a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// HTTP/1.1: longest request line with its headers, and most headers. h2: see `HEADER_LIST`.
const HEADER_BYTES: usize = 32 * 1024;
const HEADERS: usize = 100;
/// h2: longest list of headers.
const HEADER_LIST: u32 = 16 * 1024;
/// h2: a client that has left without a word is noticed within the sum of both.
const PING_EVERY: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 8_192;
/// Pause after the process ran out of file descriptors.
const BREATH: Duration = Duration::from_millis(100);
/// What calls on a connection of full age get to end: longer than the longest deadline.
const AGE_GRACE: Duration = Duration::from_secs(600);

/// How a listener treats its connections.
#[derive(Clone)]
pub(crate) struct Manners {
    /// h2: calls at a time on one connection.
    pub(crate) streams: u32,
    /// How old a connection gets, give or take a tenth, before its client is asked to open another:
    /// so that callers find new replicas.
    pub(crate) age: Option<Duration>,
    /// What calls get to end by themselves after `shutdown`.
    pub(crate) grace: Duration,
    pub(crate) tls: Option<Tls>,
    /// Spreads the ages.
    pub(crate) world: World,
}

impl Manners {
    /// For clients from outside.
    pub(crate) fn outside(grace: Duration, world: World) -> Self {
        Self {
            streams: 128,
            age: None,
            grace,
            tls: None,
            world,
        }
    }

    /// For our own services and proxies: few connections that carry much.
    pub(crate) fn inside(grace: Duration, world: World, tls: Option<Tls>) -> Self {
        Self {
            streams: 4_096,
            age: Some(Duration::from_secs(270)),
            grace,
            tls,
            world,
        }
    }

    fn life(&self) -> Option<Duration> {
        let age = self.age?;
        let random = u32::from_le_bytes(self.world.random::<4>());
        let spread = f64::from(random) / f64::from(u32::MAX);
        Some(age.mul_f64(0.9 + 0.2 * spread))
    }
}

/// Serves until `shutdown`; then open connections are asked to leave, and those that have not
/// done so after the grace are cut.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    manners: Manners,
    shutdown: CancellationToken,
) {
    let (open, cut) = (TaskTracker::new(), CancellationToken::new());
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let (stream, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let connection = Connection {
            peer,
            router: router.clone(),
            manners: manners.clone(),
            shutdown: shutdown.clone(),
            cut: cut.clone(),
        };
        open.spawn(async move {
            connection.take(stream).await;
            drop(permit);
        });
    }
    // The port is free for a successor while the last calls end.
    drop(listener);
    open.close();
    if tokio::time::timeout(manners.grace, open.wait())
        .await
        .is_err()
    {
        tracing::warn!(connections = open.len(), "calls did not end in time; cut");
        cut.cancel();
        open.wait().await;
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = room
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Small frames of streams must not wait for each other.
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}

struct Connection {
    peer: SocketAddr,
    router: Router,
    manners: Manners,
    shutdown: CancellationToken,
    cut: CancellationToken,
}

impl Connection {
    async fn take(self, stream: TcpStream) {
        if !self.speaks(&stream).await {
            return;
        }
        let Some(tls) = self.manners.tls.clone() else {
            return self.talk(stream).await;
        };
        match tokio::time::timeout(HEADERS_WITHIN, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.talk(stream).await,
            Ok(Err(error)) => {
                tracing::warn!(%error, peer = %self.peer, "a TLS handshake failed");
            }
            Err(_elapsed) => tracing::debug!(peer = %self.peer, "a TLS handshake took too long"),
        }
    }

    /// Whether the client says anything in time: telling HTTP/1.1 and h2 apart has no timer of its
    /// own.
    async fn speaks(&self, stream: &TcpStream) -> bool {
        tokio::select! {
            () = self.shutdown.cancelled() => false,
            ready = tokio::time::timeout(HEADERS_WITHIN, stream.readable()) => {
                matches!(ready, Ok(Ok(())))
            }
        }
    }

    async fn talk<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = self.peer;
        let service = self
            .router
            .clone()
            .map_request(move |mut request: Request<_>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                request
            });
        let server = server(self.manners.streams);
        let service = TowerToHyperService::new(service);
        let connection = server.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            last_word = self.asked_to_leave() => {
                // h2: GOAWAY; HTTP/1.1: no further request.
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = self.cut_off(last_word) => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, %peer, "a connection broke");
        }
    }

    /// Until the client has to leave; how long it may take then, beside what the shutdown allows.
    async fn asked_to_leave(&self) -> Option<Duration> {
        let life = self.manners.life();
        let aged = async {
            match life {
                Some(life) => tokio::time::sleep(life).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.shutdown.cancelled() => None,
            () = aged => Some(AGE_GRACE),
        }
    }

    async fn cut_off(&self, last_word: Option<Duration>) {
        match last_word {
            Some(grace) => drop(tokio::time::timeout(grace, self.cut.cancelled()).await),
            None => self.cut.cancelled().await,
        }
    }
}

fn server(streams: u32) -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADERS);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(streams)
        .max_header_list_size(HEADER_LIST)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN);
    server
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    type Started = (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>);

    async fn started() -> Started {
        started_with(|_| {}).await
    }

    async fn started_with(change: impl FnOnce(&mut Manners)) -> Started {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let whose = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string();
        let hang = async || std::future::pending::<String>().await;
        let slow = async || {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "done"
        };
        let router = Router::new()
            .route("/", get(whose))
            .route("/hang", get(hang))
            .route("/slow", get(slow));
        let shutdown = CancellationToken::new();
        let mut manners = Manners::outside(Duration::from_secs(1), World::system());
        change(&mut manners);
        let serving = tokio::spawn(serve(listener, router, manners, shutdown.clone()));
        (address, shutdown, serving)
    }

    async fn said(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        drop(stream.read_to_string(&mut answer).await);
        answer
    }

    #[tokio::test]
    async fn it_answers_and_knows_its_client() {
        let (address, shutdown, serving) = started().await;
        let answer = said(
            address,
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        )
        .await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"),
            "{answer}"
        );
        shutdown.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn too_many_headers_are_refused() {
        let (address, _, _) = started().await;
        let many = "a: b\r\n".repeat(HEADERS + 1);
        let answer = said(address, &format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }

    #[tokio::test]
    async fn an_idle_connection_does_not_hold_up_the_end() {
        let (address, shutdown, serving) = started().await;
        let silent = TcpStream::connect(address).await.unwrap();
        let mut kept = TcpStream::connect(address).await.unwrap();
        kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut first = [0; 15];
        kept.read_exact(&mut first).await.unwrap();
        shutdown.cancel();
        tokio::time::timeout(Duration::from_millis(500), serving)
            .await
            .unwrap()
            .unwrap();
        drop((silent, kept));
    }

    #[tokio::test]
    async fn a_running_call_ends_and_a_hanging_one_is_cut() {
        let (address, shutdown, serving) = started().await;
        let ask = |path: &'static str| {
            tokio::spawn(async move {
                said(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
            })
        };
        let (slow, hanging) = (ask("/slow"), ask("/hang"));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let start = Instant::now();
        shutdown.cancel();
        assert!(slow.await.unwrap().ends_with("done"));
        serving.await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(hanging.await.unwrap(), "");
        assert!(
            TcpStream::connect(address).await.is_err(),
            "the port is free"
        );
    }

    #[tokio::test]
    async fn an_old_connection_is_asked_to_leave_and_may_finish() {
        let (address, ..) = started_with(|manners| {
            manners.age = Some(Duration::from_millis(200));
        })
        .await;
        // Without `connection: close`: only the server's age ends it.
        let answer = said(address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.ends_with("done"), "{answer}");
    }

    #[tokio::test]
    async fn ages_are_spread_by_a_tenth() {
        let manners = Manners::inside(Duration::ZERO, World::system(), None);
        for _ in 0..100 {
            let life = manners.life().unwrap().as_secs();
            assert!((243..=297).contains(&life), "{life}");
        }
    }
}
