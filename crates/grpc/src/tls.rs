//! Connections over TLS, on which HTTP/2 alone is spoken.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::util::ServiceFn;

/// What both sides offer (ALPN), and insist on.
pub const H2: &[u8] = b"h2";

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<TlsStream<TcpStream>>>> + Send>>;

/// Opens connections for a channel, each with the `config` of its moment, which must offer [`H2`].
/// The other side's certificate must bear the name of the address; the port is 443 unless said.
pub fn tls_connector(
    config: impl Fn() -> Arc<ClientConfig> + Clone,
) -> ServiceFn<impl FnMut(Uri) -> Connecting + Clone> {
    tower::service_fn(move |uri: Uri| -> Connecting {
        let config = config();
        Box::pin(async move { Ok(TokioIo::new(connect(config, &uri).await?)) })
    })
}

async fn connect(config: Arc<ClientConfig>, uri: &Uri) -> io::Result<TlsStream<TcpStream>> {
    let host = uri.host().unwrap_or_default();
    // An IPv6 address stands in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await?;
    stream.set_nodelay(true)?;
    let stream = TlsConnector::from(config).connect(name, stream).await?;
    if stream.get_ref().1.alpn_protocol() != Some(H2) {
        return Err(io::Error::other("the other side does not speak h2"));
    }
    Ok(stream)
}
