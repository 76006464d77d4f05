//! What a screen shows of the server: loaded once, loaded again, kept while that fails.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{AbortHandle, LocalBoxFuture};
use js_sys::Date;
use leptos::prelude::*;

use crate::api::Problem;
use crate::{browser, task};

/// A skeleton appears after this long (see `.skeleton`) …
const SKELETON_DELAY_MS: f64 = 150.0;
/// … and once seen stays this long, so that it does not flicker.
const SKELETON_SHOWN_MS: f64 = 300.0;

type Fetch<T> = Rc<dyn Fn() -> LocalBoxFuture<'static, Result<T, Problem>>>;

/// A value of the server with its loading and its last failure.
pub(crate) struct Query<T: Send + Sync + 'static> {
    /// The last good value; stays while a newer one is fetched or fails.
    pub(crate) data: RwSignal<Option<T>>,
    /// Why the last fetch failed.
    pub(crate) problem: RwSignal<Option<Problem>>,
    pub(crate) pending: RwSignal<bool>,
    fetch: StoredValue<Fetch<T>, LocalStorage>,
    running: StoredValue<Option<AbortHandle>, LocalStorage>,
}

impl<T: Send + Sync + 'static> Clone for Query<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Query<T> {}

impl<T: Clone + Send + Sync + 'static> Query<T> {
    /// Fetches now and whenever `key` changes. `key` is what the fetch depends on.
    pub(crate) fn keyed<K, F>(
        key: impl Fn() -> K + 'static,
        fetch: impl Fn(K) -> F + 'static,
    ) -> Self
    where
        K: Clone + PartialEq + 'static,
        F: Future<Output = Result<T, Problem>> + 'static,
    {
        let key = Rc::new(key);
        let fetch = Rc::new(fetch);
        let read_key = key.clone();
        let query = Self::idle(move || fetch(untrack(|| read_key())));
        Effect::new(move |previous: Option<K>| {
            let now = key();
            if previous.as_ref() != Some(&now) {
                query.reload();
            }
            now
        });
        query
    }

    /// Fetches once, now.
    pub(crate) fn once<F>(fetch: impl Fn() -> F + 'static) -> Self
    where
        F: Future<Output = Result<T, Problem>> + 'static,
    {
        let query = Self::idle(fetch);
        query.reload();
        query
    }

    fn idle<F>(fetch: impl Fn() -> F + 'static) -> Self
    where
        F: Future<Output = Result<T, Problem>> + 'static,
    {
        let fetch: Fetch<T> = Rc::new(move || Box::pin(fetch()));
        let query = Self {
            data: RwSignal::new(None),
            problem: RwSignal::new(None),
            pending: RwSignal::new(false),
            fetch: StoredValue::new_local(fetch),
            running: StoredValue::new_local(None),
        };
        let running = query.running;
        on_cleanup(move || {
            if let Some(Some(handle)) = running.try_get_value() {
                handle.abort();
            }
        });
        query
    }

    /// Fetches again; an older fetch under way is dropped.
    pub(crate) fn reload(&self) {
        let query = *self;
        // The page may have been left since the caller began.
        let Some(fetch) = query.fetch.try_get_value() else {
            return;
        };
        if let Some(handle) = query.running.get_value() {
            handle.abort();
        }
        query.pending.set(true);
        let handle = task::spawn_stoppable(async move {
            let started = Date::now();
            let outcome = fetch().await;
            if query.data.with_untracked(Option::is_none) {
                settle_skeleton(started).await;
            }
            query.pending.set(false);
            match outcome {
                Ok(value) => {
                    query.problem.set(None);
                    query.data.set(Some(value));
                }
                Err(problem) => query.problem.set(Some(problem)),
            }
        });
        query.running.set_value(Some(handle));
    }

    /// Changes the value shown, ahead of the server.
    pub(crate) fn patch(&self, change: impl FnOnce(&mut T)) {
        self.data.update(|data| {
            if let Some(data) = data {
                change(data);
            }
        });
    }
}

async fn settle_skeleton(started: f64) {
    let elapsed = Date::now() - started;
    let is_shown = elapsed > SKELETON_DELAY_MS;
    let rest = SKELETON_DELAY_MS + SKELETON_SHOWN_MS - elapsed;
    if is_shown && rest > 0.0 {
        browser::sleep(Duration::from_secs_f64(rest / 1000.0)).await;
    }
}
