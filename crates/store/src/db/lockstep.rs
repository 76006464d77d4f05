//! A database for simulations, whose time is not the machine's: the simulated thread stands still
//! while SQLite works on a thread of its own, so that no simulated time passes meanwhile, and the
//! order of events is that of the simulation alone.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, mpsc};

use super::sqlite::Sqlite;
use super::{Counters, Env, Written};
use crate::{Access, DatabaseConfig, StoreError, Tx};

/// How a commit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// It is made, and the caller hears of it.
    Made,
    /// It is made, but the caller is told that the database cannot be reached.
    Unheard,
    /// It is not made, and the caller is told so.
    Refused,
}

/// Decides about each commit before it is made.
pub type Commits = Arc<dyn Fn() -> Commit + Send + Sync>;

type Chore = Box<dyn FnOnce(Arc<Sqlite>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

pub(super) struct Lockstep {
    sqlite: Arc<Sqlite>,
    chores: mpsc::Sender<Chore>,
    commits: Commits,
}

impl Lockstep {
    pub(super) fn connect(config: &DatabaseConfig, commits: Commits) -> Result<Self, StoreError> {
        let (chores, todo) = mpsc::channel::<Chore>();
        let (opened, is_open) = mpsc::sync_channel(1);
        let config = config.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|_| StoreError::internal("no runtime for the simulated database"));
            let connected = runtime.and_then(|runtime| {
                let sqlite = Arc::new(runtime.block_on(Sqlite::connect(&config))?);
                Ok((runtime, sqlite))
            });
            match connected {
                Ok((runtime, sqlite)) => {
                    drop(opened.send(Ok(sqlite.clone())));
                    for chore in todo {
                        runtime.block_on(chore(sqlite.clone()));
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        });
        let sqlite = is_open.recv().map_err(|_| gone())??;
        Ok(Self {
            sqlite,
            chores,
            commits,
        })
    }

    /// Runs `work` on the database's thread and waits for it without yielding.
    fn run<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(Arc<Sqlite>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = mpsc::sync_channel(1);
        let chore: Chore =
            Box::new(move |sqlite| Box::pin(async move { drop(answer.send(work(sqlite).await)) }));
        self.chores.send(chore).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }

    pub(super) fn write<T, E, F, Fut>(
        &self,
        access: Access,
        env: Arc<Env>,
        work: F,
    ) -> Result<Written<T>, E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let commit = (self.commits)();
        let decided = move |tx| async move {
            let value = work(tx).await?;
            match commit {
                Commit::Made | Commit::Unheard => Ok(value),
                Commit::Refused => Err(StoreError::Unavailable(None).into()),
            }
        };
        let written: Result<Written<T>, E> =
            self.run(|sqlite| async move { sqlite.write(access, env, decided).await });
        match commit {
            Commit::Unheard => written.and(Err(StoreError::Unavailable(None).into())),
            Commit::Made | Commit::Refused => written,
        }
    }

    pub(super) fn read<T, E, F, Fut>(&self, access: Access, env: Arc<Env>, work: F) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(|sqlite| async move { sqlite.read(access, env, work).await })
    }

    pub(super) fn migrate<E, F, Fut>(&self, access: Access, env: Arc<Env>, work: F) -> Result<(), E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(|sqlite| async move { sqlite.migrate(access, env, work).await })
    }

    pub(super) fn counters(&self) -> Counters {
        self.sqlite.counters()
    }

    pub(super) fn close(&self) {
        let closed = self.run(|sqlite| async move {
            sqlite.close().await;
            Ok::<_, StoreError>(())
        });
        if let Err(error) = closed {
            tracing::warn!(%error, "a simulated database could not be closed");
        }
    }
}

fn gone() -> StoreError {
    StoreError::internal("the simulated database has ended")
}
