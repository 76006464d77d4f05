//! Work in the background that can be stopped.

use std::future::Future;

use futures::future::{AbortHandle, Abortable, LocalBoxFuture};
use leptos::task::spawn_local;

/// Runs `work` until it ends or the handle stops it. Pages call the handle's `abort` from
/// `on_cleanup`: a page that is left takes its calls and streams with it.
///
/// Not leptos' own scoped spawn: with the router that one keeps the page's owner alive, so the
/// clean-up never comes and each visit leaves a stream behind.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) -> AbortHandle {
    spawn_boxed(Box::pin(work))
}

/// One copy for all pieces of work: the first load pays for every copy.
fn spawn_boxed(work: LocalBoxFuture<'static, ()>) -> AbortHandle {
    let (handle, registration) = AbortHandle::new_pair();
    spawn_local(async move {
        // Being stopped is one of the two proper ends.
        let _ = Abortable::new(work, registration).await;
    });
    handle
}
