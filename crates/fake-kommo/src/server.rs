//! Sockets: each address an account lives at has one, and all serve the same routes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt as _;

use crate::gate::{self, Cut};
use crate::kommo::{Kommo, Site};
use crate::routes::{self, Routes};
use crate::{
    account, amojo, bots, cards, control, custom_fields, demo, events, files, links, loss_reasons,
    notes, oauth, pipelines, sources, tags, talks, tasks, unsorted, users, webhooks,
};

/// Listens at this address, port 0 for any, and serves there until the fake is dropped.
pub(crate) fn listen(kommo: &Arc<Kommo>, address: SocketAddr) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let address = listener.local_addr()?;
    let kommo_of_site = kommo.clone();
    let site = Site {
        kommo: kommo_of_site,
        address,
    };
    kommo.keep(spawn(serve(listener, router(site))));
    Ok(address)
}

/// A task that ends when the fake is dropped.
#[expect(clippy::disallowed_methods, reason = "aborted with its handle")]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

fn router(site: Site) -> Router {
    let rooms: [fn(Routes) -> Routes; 19] = [
        account::routes,
        amojo::routes,
        bots::routes,
        cards::routes,
        custom_fields::routes,
        events::routes,
        files::routes,
        links::routes,
        loss_reasons::routes,
        notes::routes,
        oauth::routes,
        pipelines::routes,
        sources::routes,
        tags::routes,
        talks::routes,
        tasks::routes,
        unsorted::routes,
        users::routes,
        webhooks::routes,
    ];
    rooms
        .into_iter()
        .fold(Routes::new(), |routes, room| room(routes))
        .into_router()
        .fallback(routes::not_found)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(from_fn_with_state(site.clone(), gate::gate))
        .merge(control::router())
        .merge(demo::router())
        .layer(from_fn_with_state(site.clone(), gate::right_host))
        .with_state(site)
}

async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve_connection(stream, router.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    // Without it the second half of a slow body waits for the first's acknowledgement.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| answer(router.clone(), request));
    // A connection that was cut ends with an error, and is meant to.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

async fn answer(router: Router, request: http::Request<Incoming>) -> io::Result<Response> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    if response.extensions().get::<Cut>().is_some() {
        return Err(io::Error::from(io::ErrorKind::ConnectionReset));
    }
    Ok(response)
}
