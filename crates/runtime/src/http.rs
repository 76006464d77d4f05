//! HTTP/1.1 and h2c on one socket, with the caps that keep slow or greedy clients from holding it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Longest wait for the first byte of a connection and for the headers of a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// HTTP/1.1: longest request line with its headers, and most headers. h2: see `HEADER_LIST`.
const HEADER_BYTES: usize = 32 * 1024;
const HEADERS: usize = 100;
/// h2: longest list of headers.
const HEADER_LIST: u32 = 16 * 1024;
/// h2: calls at a time on one connection.
const STREAMS: u32 = 128;
/// h2: a client that has left without a word is noticed within the sum of both.
const PING_EVERY: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 8_192;
/// Pause after the process ran out of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then until every open connection has finished its calls.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let server = server();
    let open = GracefulShutdown::new();
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
        let service = router.clone().map_request(move |mut request: Request<_>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let server = server.clone();
        let watcher = open.watcher();
        let shutdown = shutdown.clone();
        #[expect(clippy::disallowed_methods, reason = "`open` waits for it")]
        tokio::spawn(async move {
            let _permit = permit;
            if !speaks(&stream, &shutdown).await {
                return;
            }
            let service = TowerToHyperService::new(service);
            let connection = server.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, %peer, "a connection broke");
            }
        });
    }
    open.shutdown().await;
}

fn server() -> Builder<TokioExecutor> {
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
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_LIST)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN);
    server
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

/// Whether the client says anything in time: telling HTTP/1.1 and h2 apart has no timer of its own.
async fn speaks(stream: &TcpStream, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = shutdown.cancelled() => false,
        ready = tokio::time::timeout(HEADERS_WITHIN, stream.readable()) => matches!(ready, Ok(Ok(()))),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn started() -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let whose = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string();
        let router = Router::new().route("/", get(whose));
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, shutdown.clone()));
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
        let long = "a".repeat(HEADER_BYTES);
        let answer = said(
            address,
            &format!("GET / HTTP/1.1\r\nhost: x\r\na: {long}\r\n\r\n"),
        )
        .await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    #[tokio::test]
    async fn draining_does_not_wait_for_a_silent_connection() {
        let (address, shutdown, serving) = started().await;
        let silent = TcpStream::connect(address).await.unwrap();
        said(
            address,
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        )
        .await;
        shutdown.cancel();
        serving.await.unwrap();
        drop(silent);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_headers_end_the_connection() {
        let (address, _, _) = started().await;
        let answer = said(address, "GET / HTTP/1.1\r\nhost:").await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}
