//! Live changes of jobs: one stream for the whole browser, however many tabs are open.
//!
//! Over HTTP/1.1 a browser opens six connections to an origin, so a stream in each tab would hang
//! the seventh. The tabs elect one by a Web Lock; it holds the stream and passes every change on
//! through a BroadcastChannel. When it closes, the lock goes to the next. Without subscribers a
//! tab neither streams nor waits for the lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::AbortHandle;
use futures::{StreamExt as _, pin_mut};
use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use leptos::prelude::*;
use prost::Message as _;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::future_to_promise;
use web_sys::{BroadcastChannel, MessageEvent};

use super::jobs::{self, Job, JobEvent};
use crate::{browser, task};

const LOCK: &str = "t11-live";
const CHANNEL: &str = "t11-live";
/// What a new subscriber says, to be told what is known.
const HELLO: &str = "hello";
/// The leader's answer: changes will come.
const WELCOME: &str = "welcome";
/// The leader has a fresh snapshot: what was missed meanwhile should be fetched.
const RESYNC: &str = "resync";
/// The stream opens again after this long, doubled with each failure up to the limit.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The jobs known to be under way or just changed, by name.
#[derive(Clone, Copy)]
pub(crate) struct LiveJobs {
    /// The last change: screens that only need to know that something happened read this.
    pub(crate) last: RwSignal<Option<Job>>,
    pub(crate) jobs: RwSignal<HashMap<String, Job>>,
    /// Grows when the stream begins anew: changes may have been missed, lists should be fetched.
    pub(crate) epoch: RwSignal<u32>,
    /// Whether changes arrive, in this tab or from the leading one.
    pub(crate) connected: RwSignal<bool>,
    subscribers: StoredValue<usize>,
    connection: StoredValue<Option<Rc<Connection>>, LocalStorage>,
}

impl LiveJobs {
    pub(crate) fn new() -> Self {
        Self {
            last: RwSignal::new(None),
            jobs: RwSignal::new(HashMap::new()),
            epoch: RwSignal::new(0),
            connected: RwSignal::new(false),
            subscribers: StoredValue::new(0),
            connection: StoredValue::new_local(None),
        }
    }

    /// Keeps changes coming until the present owner is cleaned up.
    pub(crate) fn subscribe(self) {
        self.subscribers.update_value(|count| *count += 1);
        if self.connection.with_value(Option::is_none) {
            self.connection
                .set_value(Connection::open(self).map(Rc::new));
        }
        on_cleanup(move || {
            self.subscribers.update_value(|count| *count -= 1);
            if self.subscribers.get_value() == 0 {
                self.connection.set_value(None);
                self.connected.set(false);
            }
        });
    }

    fn resync(self) {
        self.connected.set(true);
        self.epoch.update(|epoch| *epoch += 1);
    }

    fn take(self, job: Job) {
        self.connected.set(true);
        self.jobs.update(|jobs| {
            jobs.insert(job.name.clone(), job.clone());
        });
        self.last.set(Some(job));
    }
}

/// Held by the leading tab; dropping the sender gives the lock back.
type Lead = Rc<RefCell<Option<oneshot::Sender<()>>>>;

/// This tab's part in the live changes. Dropping it leaves the election and ends the stream.
struct Connection {
    channel: BroadcastChannel,
    _listener: Closure<dyn Fn(MessageEvent)>,
    election: AbortHandle,
    /// Dropped with the connection: the lock is given back.
    _lead: Lead,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
        self.election.abort();
    }
}

impl Connection {
    fn open(live: LiveJobs) -> Option<Self> {
        let channel = BroadcastChannel::new(CHANNEL).ok()?;
        let lead: Lead = Rc::default();
        let listener = Closure::new({
            let (channel, lead) = (channel.clone(), lead.clone());
            move |event: MessageEvent| {
                let is_leader = lead.borrow().is_some();
                hear(live, &channel, is_leader, &event.data());
            }
        });
        channel.set_onmessage(Some(listener.as_ref().unchecked_ref()));
        say(&channel, HELLO);
        let election = task::spawn(lead_when_elected(live, channel.clone(), lead.clone()));
        Some(Self {
            channel,
            _listener: listener,
            election,
            _lead: lead,
        })
    }
}

/// A follower learns a job; the leader tells a newcomer what it knows.
fn hear(live: LiveJobs, channel: &BroadcastChannel, is_leader: bool, message: &JsValue) {
    match message.as_string().as_deref() {
        Some(HELLO) if is_leader => greet(live, channel),
        Some(WELCOME) => live.connected.set(true),
        Some(RESYNC) => live.resync(),
        _ => {}
    }
    if let Ok(bytes) = message.clone().dyn_into::<Uint8Array>() {
        // Another version of the page may be open in another tab: what cannot be read is left out.
        if let Ok(job) = Job::decode(bytes.to_vec().as_slice()) {
            live.take(job);
        }
    }
}

fn greet(live: LiveJobs, channel: &BroadcastChannel) {
    live.jobs.with_untracked(|jobs| {
        for job in jobs.values() {
            tell(channel, job);
        }
    });
    say(channel, WELCOME);
}

/// A tab that closes at this moment misses the word, which is no loss.
fn say(channel: &BroadcastChannel, word: &str) {
    let _ = channel.post_message(&word.into());
}

fn tell(channel: &BroadcastChannel, job: &Job) {
    let bytes = Uint8Array::from(job.encode_to_vec().as_slice());
    let _ = channel.post_message(&bytes);
}

/// Waits for the lock, then streams for all tabs for as long as the connection lives.
async fn lead_when_elected(live: LiveJobs, channel: BroadcastChannel, lead: Lead) {
    let (give_back, held) = oneshot::channel::<()>();
    let (elected, election) = oneshot::channel::<()>();
    // Without Web Locks every tab leads: correct, only less thrifty.
    let has_locks = request_lock(elected, held).is_some();
    if has_locks && election.await.is_err() {
        return;
    }
    *lead.borrow_mut() = Some(give_back);
    stream(live, &channel).await;
}

/// Asks for the lock; `elected` hears when it is granted, and it is held until `held` ends.
fn request_lock(elected: oneshot::Sender<()>, held: oneshot::Receiver<()>) -> Option<Promise> {
    let navigator = window().navigator();
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let hold = Closure::once_into_js(move |_lock: JsValue| -> Promise {
        let is_wanted = elected.send(()).is_ok();
        future_to_promise(async move {
            if is_wanted {
                // Ends when the connection is dropped.
                let _ = held.await;
            }
            Ok(JsValue::UNDEFINED)
        })
    });
    let promise = request
        .call3(&locks, &LOCK.into(), &Object::new(), &hold)
        .ok()?;
    promise.dyn_into().ok()
}

/// Streams, and opens the stream again when it ends.
async fn stream(live: LiveJobs, channel: &BroadcastChannel) {
    let mut pause = FIRST_PAUSE;
    loop {
        if follow(live, channel).await {
            pause = FIRST_PAUSE;
        }
        live.connected.set(false);
        browser::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One life of the stream; true when it said anything.
async fn follow(live: LiveJobs, channel: &BroadcastChannel) -> bool {
    let Ok(events) = jobs::watch().await else {
        return false;
    };
    pin_mut!(events);
    let mut has_spoken = false;
    live.jobs.update(HashMap::clear);
    while let Some(Ok(event)) = events.next().await {
        has_spoken = true;
        match event {
            JobEvent::Job(job) => {
                tell(channel, &job);
                live.take(job);
            }
            JobEvent::SnapshotComplete(_) => {
                say(channel, RESYNC);
                live.resync();
            }
        }
    }
    has_spoken
}
