//! gRPC over simulated sockets.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use t11_core::World;
use t11_grpc::{Peer, ServerStack};
use tonic::body::Body;
use tonic::transport::Endpoint;

const PORT: u16 = 50_050;

/// Serves until the host crashes.
pub(crate) async fn serve(stack: ServerStack) -> turmoil::Result {
    let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let stack = stack.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let stack = stack.clone();
                async move { Ok::<_, Infallible>(stack.handle(request.map(Body::new)).await) }
            });
            let mut server = http2::Builder::new(TokioExecutor::new());
            server
                .timer(TokioTimer::new())
                .keep_alive_interval(Duration::from_secs(20));
            // It ends when the network does.
            drop(server.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

/// The neighbour `name` at the simulated `host`.
pub(crate) fn peer(name: &'static str, host: &str, world: World) -> Peer {
    let endpoint = Endpoint::from_shared(format!("http://{host}:{PORT}")).unwrap();
    let connector = tower::service_fn(|address: Uri| async move {
        let host = address.host().unwrap_or_default().to_owned();
        let stream = turmoil::net::TcpStream::connect((host, PORT)).await?;
        Ok::<_, std::io::Error>(TokioIo::new(stream))
    });
    let channel = endpoint
        .connect_timeout(Duration::from_secs(2))
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(2))
        .keep_alive_while_idle(true)
        .connect_with_connector_lazy(connector);
    Peer::remote(name, channel, world)
}
