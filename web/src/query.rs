//! What a screen shows of the server: loaded once, loaded again, kept while that fails.
//!
//! Values are kept behind one erased type: the signals and the drawing that each kind of value
//! would bring along are compiled once, which the first load feels.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
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

/// Holds an `Option<T>`.
pub(crate) type Erased = Arc<dyn Any + Send + Sync>;
type Fetch = Rc<dyn Fn() -> LocalBoxFuture<'static, Result<Erased, Problem>>>;

/// The last good value of a [`Query`], read and written like a signal of `Option<T>`.
pub(crate) struct Data<T> {
    pub(crate) erased: RwSignal<Erased>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Data<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Data<T> {}

impl<T: Clone + Send + Sync + 'static> Data<T> {
    fn new() -> Self {
        let nothing: Erased = Arc::new(None::<T>);
        Self {
            erased: RwSignal::new(nothing),
            kind: PhantomData,
        }
    }

    pub(crate) fn get(self) -> Option<T> {
        self.with(Clone::clone)
    }

    pub(crate) fn get_untracked(self) -> Option<T> {
        self.with_untracked(Clone::clone)
    }

    pub(crate) fn with<U>(self, read: impl FnOnce(&Option<T>) -> U) -> U {
        read(value(&self.erased.get()))
    }

    pub(crate) fn with_untracked<U>(self, read: impl FnOnce(&Option<T>) -> U) -> U {
        read(value(&self.erased.get_untracked()))
    }

    pub(crate) fn track(self) {
        self.erased.track();
    }

    pub(crate) fn set(self, value: Option<T>) {
        self.erased.set(Arc::new(value));
    }

    pub(crate) fn update(self, change: impl FnOnce(&mut Option<T>)) {
        let mut value = self.get_untracked();
        change(&mut value);
        self.set(value);
    }
}

/// What is in an erased value; nothing if it were of another type, which no caller makes.
pub(crate) fn value<T: 'static>(erased: &Erased) -> &Option<T> {
    erased.downcast_ref().unwrap_or(&None)
}

/// A value of the server with its loading and its last failure.
pub(crate) struct Query<T> {
    /// The last good value; stays while a newer one is fetched or fails.
    pub(crate) data: Data<T>,
    /// Why the last fetch failed.
    pub(crate) problem: RwSignal<Option<Problem>>,
    loader: Loader,
}

impl<T> Clone for Query<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Query<T> {}

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
        let fetch: Fetch = Rc::new(move || {
            let fetching = fetch();
            Box::pin(async move {
                let value: Erased = Arc::new(Some(fetching.await?));
                Ok(value)
            })
        });
        let data = Data::new();
        let loader = Loader::new(data.erased, fetch);
        Self {
            data,
            problem: loader.problem,
            loader,
        }
    }

    /// Fetches again; an older fetch under way is dropped.
    pub(crate) fn reload(self) {
        self.loader.reload();
    }

    /// Changes the value shown, ahead of the server.
    pub(crate) fn patch(self, change: impl FnOnce(&mut T)) {
        self.data.update(|data| {
            if let Some(data) = data {
                change(data);
            }
        });
    }
}

/// A page of a list, and how to ask for the next one; empty = this is the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: String,
}

impl<T> Page<T> {
    pub(crate) fn new(items: Vec<T>, next: String) -> Self {
        Self { items, next }
    }
}

/// A list that grows page by page.
pub(crate) struct Paged<T> {
    pub(crate) query: Query<Page<T>>,
    pub(crate) more: More,
}

/// The next page, whatever is on it.
#[derive(Clone, Copy)]
pub(crate) struct More {
    pub(crate) available: Signal<bool>,
    pub(crate) busy: RwSignal<bool>,
    pub(crate) fetch: Callback<()>,
}

impl<T> Clone for Paged<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Paged<T> {}

impl<T: Clone + Send + Sync + 'static> Paged<T> {
    /// Fetches the first page now and whenever `key` changes; later pages when asked.
    pub(crate) fn keyed<K, F>(
        key: impl Fn() -> K + Send + Sync + 'static,
        fetch: impl Fn(K, String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        K: Clone + PartialEq + 'static,
        F: Future<Output = Result<Page<T>, Problem>> + 'static,
    {
        let (key, fetch) = (Arc::new(key), Arc::new(fetch));
        let query = Query::keyed(
            {
                let key = key.clone();
                move || key()
            },
            {
                let fetch = fetch.clone();
                move |key| fetch(key, String::new())
            },
        );
        let token = move || {
            query
                .data
                .with(|page| page.as_ref().map(|page| page.next.clone()))
                .unwrap_or_default()
        };
        let busy = RwSignal::new(false);
        let more = Callback::new(move |()| {
            let fetching = untrack(|| fetch(key(), token()));
            busy.set(true);
            task::spawn(async move {
                match fetching.await {
                    Ok(next) => {
                        query.problem.set(None);
                        query.patch(|page| {
                            page.items.extend(next.items);
                            page.next = next.next;
                        });
                    }
                    Err(problem) => query.problem.set(Some(problem)),
                }
                busy.set(false);
            });
        });
        Self {
            query,
            more: More {
                available: Signal::derive(move || !token().is_empty()),
                busy,
                fetch: more,
            },
        }
    }
}

/// The part of a query that knows no type.
#[derive(Clone, Copy)]
struct Loader {
    data: RwSignal<Erased>,
    problem: RwSignal<Option<Problem>>,
    fetch: StoredValue<Fetch, LocalStorage>,
    running: StoredValue<Option<AbortHandle>, LocalStorage>,
    /// Whether anything was shown yet: only the first fetch has a skeleton.
    has_loaded: StoredValue<bool>,
}

impl Loader {
    fn new(data: RwSignal<Erased>, fetch: Fetch) -> Self {
        let loader = Self {
            data,
            problem: RwSignal::new(None),
            fetch: StoredValue::new_local(fetch),
            running: StoredValue::new_local(None),
            has_loaded: StoredValue::new(false),
        };
        on_cleanup(move || {
            if let Some(Some(handle)) = loader.running.try_get_value() {
                handle.abort();
            }
        });
        loader
    }

    fn reload(self) {
        // The page may have been left since the caller began.
        let Some(fetch) = self.fetch.try_get_value() else {
            return;
        };
        if let Some(handle) = self.running.get_value() {
            handle.abort();
        }
        let handle = task::spawn(async move {
            let started = Date::now();
            let outcome = fetch().await;
            if !self.has_loaded.get_value() {
                settle_skeleton(started).await;
            }
            match outcome {
                Ok(value) => {
                    self.has_loaded.set_value(true);
                    self.problem.set(None);
                    self.data.set(value);
                }
                Err(problem) => self.problem.set(Some(problem)),
            }
        });
        self.running.set_value(Some(handle));
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
