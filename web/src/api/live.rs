//! Live changes: one stream of a kind for the whole browser, however many tabs are open.
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
use futures::future::{AbortHandle, LocalBoxFuture};
use futures::stream::LocalBoxStream;
use futures::{FutureExt as _, StreamExt as _};
use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use leptos::prelude::*;
use prost::Message as _;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::future_to_promise;
use web_sys::{BroadcastChannel, MessageEvent};

use super::inbox::{self, Conversation};
use super::jobs::{self, Job, JobEvent};
use super::notifications::{self, Unread};
use crate::{browser, task};

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
    live: Live,
}

impl LiveJobs {
    pub(crate) fn new() -> Self {
        let (last, jobs) = (RwSignal::new(None), RwSignal::new(HashMap::new()));
        let live = Live::new(Topic {
            name: "t11-live",
            open: || watch_jobs().boxed_local(),
            begin: Rc::new(move || jobs.update(HashMap::clear)),
            take: Rc::new(move |bytes| {
                // Another version of the page may be open in another tab: what cannot be read is
                // left out.
                if let Ok(job) = Job::decode(bytes) {
                    jobs.update(|jobs| {
                        jobs.insert(job.name.clone(), job.clone());
                    });
                    last.set(Some(job));
                }
            }),
            known: Rc::new(move || {
                jobs.with_untracked(|jobs| jobs.values().map(Job::encode_to_vec).collect())
            }),
        });
        Self {
            last,
            jobs,
            epoch: live.epoch,
            connected: live.connected,
            live,
        }
    }

    /// Keeps changes coming until the present owner is cleaned up.
    pub(crate) fn subscribe(self) {
        self.live.subscribe();
    }
}

async fn watch_jobs() -> Option<LocalBoxStream<'static, Heard>> {
    let events = jobs::watch().await.ok()?;
    let heard = events.map(|event| match event {
        Ok(JobEvent::Job(job)) => Heard::Change(job.encode_to_vec()),
        Ok(JobEvent::SnapshotComplete(_)) => Heard::Snapshot,
        Err(_) => Heard::End,
    });
    Some(heard.boxed_local())
}

/// Live conversations as something happens in them.
#[derive(Clone, Copy)]
pub(crate) struct LiveConversations {
    /// The last one that changed, as it is now.
    pub(crate) last: RwSignal<Option<Conversation>>,
    /// Grows when the stream begins anew: changes may have been missed, lists should be fetched.
    pub(crate) epoch: RwSignal<u32>,
    live: Live,
}

impl LiveConversations {
    pub(crate) fn new() -> Self {
        let last = RwSignal::new(None);
        let live = Live::new(Topic {
            name: "t11-live-conversations",
            open: || watch_conversations().boxed_local(),
            begin: Rc::new(|| {}),
            take: Rc::new(move |bytes| {
                if let Ok(conversation) = Conversation::decode(bytes) {
                    last.set(Some(conversation));
                }
            }),
            known: Rc::new(Vec::new),
        });
        Self {
            last,
            epoch: live.epoch,
            live,
        }
    }

    /// Keeps changes coming until the present owner is cleaned up.
    pub(crate) fn subscribe(self) {
        self.live.subscribe();
    }
}

/// What changed before the stream began is fetched: its beginning counts as a snapshot.
async fn watch_conversations() -> Option<LocalBoxStream<'static, Heard>> {
    let changes = inbox::watch().await.ok()?;
    let heard = changes.map(|change| match change {
        Ok(conversation) => Heard::Change(conversation.encode_to_vec()),
        Err(_) => Heard::End,
    });
    let begin = futures::stream::iter([Heard::Snapshot]);
    Some(begin.chain(heard).boxed_local())
}

/// What the person has not read.
#[derive(Clone, Copy)]
pub(crate) struct LiveNotifications {
    pub(crate) unread: RwSignal<i32>,
    /// The name of the newest one, read or not; empty when there is none.
    pub(crate) newest: RwSignal<String>,
    /// Grows when the stream begins anew: changes may have been missed, lists should be fetched.
    pub(crate) epoch: RwSignal<u32>,
    live: Live,
}

impl LiveNotifications {
    pub(crate) fn new() -> Self {
        let (unread, newest) = (RwSignal::new(0), RwSignal::new(String::new()));
        let live = Live::new(Topic {
            name: "t11-live-notifications",
            open: || watch_notifications().boxed_local(),
            begin: Rc::new(|| {}),
            take: Rc::new(move |bytes| {
                if let Ok(told) = Unread::decode(bytes) {
                    unread.set(told.unread_count);
                    if newest.with_untracked(|known| *known != told.newest) {
                        newest.set(told.newest);
                    }
                }
            }),
            known: Rc::new(move || {
                let known = Unread {
                    unread_count: unread.get_untracked(),
                    newest: newest.get_untracked(),
                };
                vec![known.encode_to_vec()]
            }),
        });
        Self {
            unread,
            newest,
            epoch: live.epoch,
            live,
        }
    }

    /// Keeps changes coming until the present owner is cleaned up.
    pub(crate) fn subscribe(self) {
        self.live.subscribe();
    }
}

async fn watch_notifications() -> Option<LocalBoxStream<'static, Heard>> {
    let changes = notifications::watch().await.ok()?;
    let heard = changes.map(|change| match change {
        Ok(unread) => Heard::Change(unread.encode_to_vec()),
        Err(_) => Heard::End,
    });
    Some(heard.boxed_local())
}

/// What a stream says, whatever it is about.
enum Heard {
    /// An encoded message.
    Change(Vec<u8>),
    /// What is known is complete.
    Snapshot,
    End,
}

/// A stream that is being opened; nothing when it could not be.
type Opening = LocalBoxFuture<'static, Option<LocalBoxStream<'static, Heard>>>;
type Take = Rc<dyn Fn(&[u8])>;

/// One kind of live change.
#[derive(Clone)]
struct Topic {
    /// Of the Web Lock and of the BroadcastChannel.
    name: &'static str,
    open: fn() -> Opening,
    /// A stream begins: what was known is forgotten.
    begin: Rc<dyn Fn()>,
    take: Take,
    /// What a newcomer is told.
    known: Rc<dyn Fn() -> Vec<Vec<u8>>>,
}

/// The part of a kind of change that knows no type.
#[derive(Clone, Copy)]
struct Live {
    epoch: RwSignal<u32>,
    connected: RwSignal<bool>,
    topic: StoredValue<Topic, LocalStorage>,
    subscribers: StoredValue<usize>,
    connection: StoredValue<Option<Rc<Connection>>, LocalStorage>,
}

impl Live {
    fn new(topic: Topic) -> Self {
        Self {
            epoch: RwSignal::new(0),
            connected: RwSignal::new(false),
            topic: StoredValue::new_local(topic),
            subscribers: StoredValue::new(0),
            connection: StoredValue::new_local(None),
        }
    }

    fn subscribe(self) {
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

    fn take(self, change: &[u8]) {
        self.connected.set(true);
        let take = self.topic.with_value(|topic| topic.take.clone());
        take(change);
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
    fn open(live: Live) -> Option<Self> {
        let name = live.topic.with_value(|topic| topic.name);
        let channel = BroadcastChannel::new(name).ok()?;
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

/// A follower learns a change; the leader tells a newcomer what it knows.
fn hear(live: Live, channel: &BroadcastChannel, is_leader: bool, message: &JsValue) {
    match message.as_string().as_deref() {
        Some(HELLO) if is_leader => greet(live, channel),
        Some(WELCOME) => live.connected.set(true),
        Some(RESYNC) => live.resync(),
        _ => {}
    }
    if let Ok(bytes) = message.clone().dyn_into::<Uint8Array>() {
        live.take(&bytes.to_vec());
    }
}

fn greet(live: Live, channel: &BroadcastChannel) {
    let known = live.topic.with_value(|topic| topic.known.clone());
    for change in known() {
        tell(channel, &change);
    }
    say(channel, WELCOME);
}

/// A tab that closes at this moment misses the word, which is no loss.
fn say(channel: &BroadcastChannel, word: &str) {
    let _ = channel.post_message(&word.into());
}

fn tell(channel: &BroadcastChannel, change: &[u8]) {
    let _ = channel.post_message(&Uint8Array::from(change));
}

/// Waits for the lock, then streams for all tabs for as long as the connection lives.
async fn lead_when_elected(live: Live, channel: BroadcastChannel, lead: Lead) {
    let name = live.topic.with_value(|topic| topic.name);
    let (give_back, held) = oneshot::channel::<()>();
    let (elected, election) = oneshot::channel::<()>();
    // Without Web Locks every tab leads: correct, only less thrifty.
    let has_locks = request_lock(name, elected, held).is_some();
    if has_locks && election.await.is_err() {
        return;
    }
    *lead.borrow_mut() = Some(give_back);
    stream(live, &channel).await;
}

/// Asks for the lock; `elected` hears when it is granted, and it is held until `held` ends.
fn request_lock(
    name: &str,
    elected: oneshot::Sender<()>,
    held: oneshot::Receiver<()>,
) -> Option<Promise> {
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
        .call3(&locks, &name.into(), &Object::new(), &hold)
        .ok()?;
    promise.dyn_into().ok()
}

/// Streams, and opens the stream again when it ends.
async fn stream(live: Live, channel: &BroadcastChannel) {
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
async fn follow(live: Live, channel: &BroadcastChannel) -> bool {
    let topic = live.topic.get_value();
    let Some(mut heard) = (topic.open)().await else {
        return false;
    };
    let mut has_spoken = false;
    (topic.begin)();
    while let Some(heard) = heard.next().await {
        match heard {
            Heard::Change(change) => {
                tell(channel, &change);
                live.take(&change);
            }
            Heard::Snapshot => {
                say(channel, RESYNC);
                live.resync();
            }
            Heard::End => break,
        }
        has_spoken = true;
    }
    has_spoken
}
