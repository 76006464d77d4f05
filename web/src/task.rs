//! Work that ends with the component that began it.

use std::future::Future;

use futures::future::{AbortHandle, Abortable};
use leptos::prelude::on_cleanup;
use leptos::task::spawn_local;

/// Runs `work` until it ends or the present owner is cleaned up: a page that is left takes its
/// calls and streams with it.
///
/// Not leptos' own scoped spawn: with the router that one keeps the page's owner alive, so the
/// clean-up never comes and each visit leaves a stream behind.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    let handle = spawn_stoppable(work);
    on_cleanup(move || handle.abort());
}

/// Runs `work` until it ends or the handle stops it.
pub(crate) fn spawn_stoppable(work: impl Future<Output = ()> + 'static) -> AbortHandle {
    let (handle, registration) = AbortHandle::new_pair();
    spawn_local(async move {
        // Being stopped is one of the two proper ends.
        let _ = Abortable::new(work, registration).await;
    });
    handle
}
