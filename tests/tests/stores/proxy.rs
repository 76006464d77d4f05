//! A network between a service and its database that is slow, silent or cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use t11_core::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Passes bytes on between those who connect to it and the server.
pub(crate) struct Proxy {
    address: SocketAddr,
    link: Arc<Link>,
    _connections: JoinSet<()>,
}

#[derive(Default)]
struct Link {
    delay: Mutex<Delay>,
    /// Cancelled when all connections of now fall silent.
    silence: Mutex<CancellationToken>,
}

/// How late the answers of the server come.
#[derive(Clone, Copy, Default)]
struct Delay {
    least: Duration,
    jitter: Duration,
}

impl Delay {
    fn some(self) -> Duration {
        let dice = u32::from(u16::from_le_bytes(World::system().random()));
        self.least + self.jitter * dice / u32::from(u16::MAX)
    }
}

impl Proxy {
    /// Before the server at `to`.
    pub(crate) async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let link = Arc::<Link>::default();
        let mut connections = JoinSet::new();
        connections.spawn(accept(listener, to, link.clone()));
        Self {
            address,
            link,
            _connections: connections,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every answer comes this late, and up to `jitter` later.
    pub(crate) fn slow(&self, least: Duration, jitter: Duration) {
        *self.link.delay.lock() = Delay { least, jitter };
    }

    /// Answers come at once again.
    pub(crate) fn quick(&self) {
        self.slow(Duration::ZERO, Duration::ZERO);
    }

    /// The connections of now stay open and carry nothing more, as when the machine at the other
    /// end vanishes; new ones are as good as any.
    pub(crate) fn silence(&self) {
        let mut silence = self.link.silence.lock();
        silence.cancel();
        *silence = CancellationToken::new();
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, link: Arc<Link>) {
    let mut carried = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let silence = link.silence.lock().clone();
        carried.spawn(carry(client, to, link.clone(), silence));
    }
}

async fn carry(client: TcpStream, to: SocketAddr, link: Arc<Link>, silence: CancellationToken) {
    let Ok(server) = TcpStream::connect(to).await else {
        return;
    };
    drop((client.set_nodelay(true), server.set_nodelay(true)));
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    // Both halves stay open in silence, for nobody is told.
    let there = copy(from_client, to_server, None, silence.clone());
    let back = copy(from_server, to_client, Some(link), silence);
    tokio::join!(there, back);
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: Option<Arc<Link>>,
    silence: CancellationToken,
) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            () = silence.cancelled() => return std::future::pending().await,
            read = from.read(&mut bytes) => read.unwrap_or_default(),
        };
        if read == 0 {
            // The other side hears of the end; a connection that is gone already needs no word.
            drop(to.shutdown().await);
            return;
        }
        if let Some(link) = &link {
            let delay = link.delay.lock().some();
            sleep(delay).await;
        }
        if silence.is_cancelled() {
            return std::future::pending().await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
