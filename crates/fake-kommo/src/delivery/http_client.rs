//! A client of plain HTTP: the fake's neighbours are on the same machine. Follows no redirects.

use std::io;

use http::header::{CONNECTION, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Position, Url};

use super::Parcel;

/// Sends a request and gives the status of the answer.
pub(super) async fn send(parcel: &Parcel) -> io::Result<u16> {
    let mut request = Request::builder().method(&parcel.method);
    for (name, value) in &parcel.headers {
        request = request.header(*name, value);
    }
    exchange(&parcel.url, request, parcel.body.clone()).await
}

/// Whether an address answers 200 to `HEAD` and to `GET`, as Kommo wants before it saves it.
pub(crate) async fn is_there(url: &str) -> bool {
    for method in [Method::HEAD, Method::GET] {
        let request = Request::builder().method(method);
        let answered = exchange(url, request, String::new()).await;
        if !matches!(answered, Ok(200)) {
            return false;
        }
    }
    true
}

async fn exchange(url: &str, request: http::request::Builder, body: String) -> io::Result<u16> {
    let url = Url::parse(url).map_err(io::Error::other)?;
    let authority = url[Position::BeforeHost..Position::AfterPort].to_owned();
    if url.scheme() != "http" {
        return Err(io::Error::other("only plain http is spoken here"));
    }
    let address = url.socket_addrs(|| None)?;
    let stream = TcpStream::connect(&*address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let request = request
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, authority)
        .header(CONNECTION, "close")
        .body(Full::new(bytes::Bytes::from(body)))
        .map_err(io::Error::other)?;
    let answer = async move {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        response.into_body().collect().await?;
        Ok(status)
    };
    // The connection is driven as long as the answer needs it; how it ends does not matter then.
    let (answer, _) = tokio::join!(answer, connection);
    answer.map_err(|error: hyper::Error| io::Error::other(error))
}
