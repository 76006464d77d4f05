//! What the tasks of one fake share.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::state::State;

pub(crate) struct Kommo {
    state: Mutex<State>,
    /// Counts changes, for those who wait for one.
    changed: watch::Sender<u64>,
    /// Servers of the addresses accounts live or lived at.
    servers: Mutex<Vec<AbortOnDropHandle<()>>>,
}

/// The address a request came to.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) kommo: Arc<Kommo>,
    pub(crate) address: SocketAddr,
}

impl Site {
    pub(crate) fn base(&self) -> String {
        base(self.address)
    }
}

pub(crate) fn base(address: SocketAddr) -> String {
    format!("http://{address}")
}

impl Kommo {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            servers: Mutex::default(),
        }
    }

    /// Does something to the state, and wakes who waits for a change.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = self.look(|state| {
            let result = act(state);
            state.collect();
            result
        });
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// Looks at the state, or takes from it what nobody waits for.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        state.tick();
        look(&mut state)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Waits until the state is as wanted.
    pub(crate) async fn until(&self, is_so: impl Fn(&mut State) -> bool) {
        let mut changes = self.subscribe();
        loop {
            changes.borrow_and_update();
            if self.look(&is_so) {
                return;
            }
            // The sender lives as long as `self`.
            drop(changes.changed().await);
        }
    }

    /// Keeps a task until the fake is dropped.
    pub(crate) fn keep(&self, task: AbortOnDropHandle<()>) {
        self.servers.lock().push(task);
    }

    /// Ends every task. They hold the fake, so it does not end by itself.
    pub(crate) fn stop(&self) {
        self.servers.lock().clear();
    }
}
