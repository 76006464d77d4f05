//! A service of the product's own parts on a socket, and a link to it that can be hurt.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use t11_core::World;
use t11_grpc::{Peer, ServerStack};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;
use tonic::transport::Endpoint;

/// Something that listens; nobody does any more when it is dropped.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

/// Serves `stack`.
pub(crate) async fn serve(stack: ServerStack) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(speak(stack.clone(), stream));
        }
    };
    Listening {
        address,
        _task: AbortOnDropHandle::new(tokio::spawn(accepting)),
    }
}

async fn speak(stack: ServerStack, stream: TcpStream) {
    let service = service_fn(move |request: Request<Incoming>| {
        let stack = stack.clone();
        async move { Ok::<_, Infallible>(stack.handle(request.map(Body::new)).await) }
    });
    let server = http2::Builder::new(TokioExecutor::new());
    // It ends when its client leaves.
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

/// A link to `to` on which what the other side says is lost.
pub(crate) async fn deaf_link(to: SocketAddr) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let far = TcpStream::connect(to).await.unwrap();
            let (near, far) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near.0, far.1));
            // Kept open, or it would be heard that nothing comes.
            tokio::spawn(lose(far.0, near.1));
        }
    };
    Listening {
        address,
        _task: AbortOnDropHandle::new(tokio::spawn(accepting)),
    }
}

async fn carry(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf) {
    // It ends when one of both leaves.
    drop(tokio::io::copy(&mut from, &mut to).await);
}

async fn lose(mut from: tcp::OwnedReadHalf, _to: tcp::OwnedWriteHalf) {
    drop(tokio::io::copy(&mut from, &mut tokio::io::sink()).await);
}

/// The neighbour `name` at `address`.
pub(crate) fn peer(name: &'static str, address: SocketAddr) -> Peer {
    let channel = Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy();
    Peer::remote(name, channel, World::system())
}
