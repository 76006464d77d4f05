//! With whose key a call is made: one of its organization's own, if it has any, or the platform's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use secrecy::{ExposeSecret as _, SecretString};
use t11_core::{OrgId, OrgScope, World};
use t11_store::{Keyring, Place, Sealed};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::error::Error;
use crate::failure::Failure;
use crate::provider::Provider;
use crate::provider_key::{
    Bench, Candidate, KeyChange, KeyReport, KeysExhausted, NewKey, ProviderKey, choose, hint,
};
use crate::store::{NewSecret, SealedKey, Store};

/// A change is seen by other processes within this.
const FRESH: Duration = Duration::from_secs(5);
/// Organizations whose keys are remembered.
const REMEMBERED: usize = 10_000;
/// That a key was used is noted this often.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// How long a provider may take to tell of a key.
const CHECK_PATIENCE: Duration = Duration::from_secs(15);

/// The keys of the organizations.
pub(crate) struct Keys {
    store: Store,
    keyring: Arc<Keyring>,
    world: World,
    /// Keys of another provider than this one do not serve.
    provider: Arc<dyn Provider>,
    /// Notes that outlive their call.
    tasks: TaskTracker,
    known: Cache<OrgId, Arc<Known>>,
}

/// What is remembered of one organization.
struct Known {
    /// Those that are active, of this provider.
    keys: Vec<Arc<Key>>,
    may_fall_back: bool,
    /// How many calls have chosen.
    turn: Arc<AtomicUsize>,
    read: Instant,
}

/// A key that calls are made with.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: Uuid,
    pub(crate) secret: SecretString,
    priority: i32,
    /// Of the secret that was read.
    update_time: DateTime<Utc>,
    bench: Mutex<Option<Bench>>,
    last_used_time: Mutex<Option<DateTime<Utc>>>,
}

/// What is left when a call has failed.
#[derive(Debug)]
pub(crate) enum Benched {
    /// The failure says nothing of the key.
    No,
    /// The same call may be made with another one.
    OthersServe,
    /// No key serves now.
    AllAre(KeysExhausted),
}

/// What was found of a key.
#[derive(Debug)]
pub(crate) struct Checked {
    /// As it is now.
    pub(crate) key: ProviderKey,
    pub(crate) report: Result<KeyReport, Failure>,
    pub(crate) latency: Duration,
}

impl Keys {
    pub(crate) fn new(
        store: Store,
        keyring: Arc<Keyring>,
        world: World,
        provider: Arc<dyn Provider>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            store,
            keyring,
            world,
            provider,
            tasks,
            known: Cache::new(REMEMBERED),
        }
    }

    /// The key for a call of the organization; `None` = the platform's.
    ///
    /// # Errors
    /// [`Error::KeysExhausted`], or when the keys cannot be read.
    pub(crate) async fn choose(&self, scope: &OrgScope) -> Result<Option<Arc<Key>>, Error> {
        let known = self.known(scope).await?;
        let turn = known.turn.fetch_add(1, Ordering::Relaxed);
        let key = known.choose(turn, self.world.now())?;
        if let Some(key) = &key {
            self.note_use(scope, key);
        }
        Ok(key)
    }

    /// The key that a call would be made with.
    ///
    /// # Errors
    /// As [`Keys::choose`].
    pub(crate) async fn next(&self, scope: &OrgScope) -> Result<Option<Arc<Key>>, Error> {
        let known = self.known(scope).await?;
        let turn = known.turn.load(Ordering::Relaxed);
        Ok(known.choose(turn, self.world.now())?)
    }

    /// Benches the key that a call was made with, if the call's failure says so.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(crate) async fn failed(
        &self,
        scope: &OrgScope,
        key: Option<&Key>,
        failure: &Failure,
    ) -> Result<Benched, Error> {
        let bench = Bench::after(failure, self.world.now());
        let (Some(key), Some(bench)) = (key, bench) else {
            return Ok(Benched::No);
        };
        tracing::warn!(
            org.id = %scope.org(), provider_key.id = %key.id, reason = bench.reason.as_str(),
            "a key of an organization is benched",
        );
        *key.bench.lock() = Some(bench);
        let (id, of) = (key.id, key.update_time);
        self.store
            .bench_provider_key(scope, id, of, Some(bench))
            .await?;
        match self.next(scope).await {
            // Its time is over already: it may be asked again as any other target.
            Ok(Some(next)) if next.id == key.id => Ok(Benched::No),
            Ok(_) => Ok(Benched::OthersServe),
            Err(Error::KeysExhausted(exhausted)) => Ok(Benched::AllAre(exhausted)),
            Err(error) => Err(error),
        }
    }

    /// The secret of a key that a call was made with.
    ///
    /// # Errors
    /// [`Error::KeyUnknown`] when the key is gone, or when it cannot be read.
    pub(crate) async fn secret(&self, scope: &OrgScope, id: Uuid) -> Result<SecretString, Error> {
        let found = self.store.provider_key(scope, id).await?;
        self.open(scope.org(), &found)
    }

    /// Keys of the organization, or its policy, have changed.
    pub(crate) fn forget(&self, org: OrgId) {
        self.known.remove(&org);
    }

    /// Seals a key and lets it serve.
    ///
    /// # Errors
    /// [`Error::TooManyKeys`].
    pub(crate) async fn create(&self, scope: &OrgScope, new: NewKey) -> Result<ProviderKey, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        let NewSecret { sealed, hint } = self.seal(scope.org(), id, &new.secret);
        let key = ProviderKey {
            id,
            provider: new.provider,
            display_name: new.display_name,
            hint,
            state: new.state,
            priority: new.priority,
            create_time: now,
            update_time: now,
            last_used_time: None,
            bench: None,
        };
        let key = SealedKey {
            key,
            secret: sealed,
        };
        let made = self
            .store
            .insert_provider_key(scope, key, new.request_id)
            .await?;
        self.forget(scope.org());
        Ok(made)
    }

    /// Changes a key.
    ///
    /// # Errors
    /// [`Error::KeyUnknown`].
    pub(crate) async fn update(
        &self,
        scope: &OrgScope,
        id: Uuid,
        change: KeyChange,
    ) -> Result<ProviderKey, Error> {
        let secret = change.secret.as_ref();
        let secret = secret.map(|secret| self.seal(scope.org(), id, secret));
        let now = self.world.now();
        let update = self
            .store
            .update_provider_key(scope, id, change, secret, now);
        let updated = update.await?;
        self.forget(scope.org());
        Ok(updated)
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// [`Error::KeyUnknown`].
    pub(crate) async fn delete(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        self.store.delete_provider_key(scope, id).await?;
        self.forget(scope.org());
        Ok(())
    }

    /// Asks the provider about a key. One that is accepted is taken off the bench, one that is not
    /// is benched.
    ///
    /// # Errors
    /// [`Error::KeyUnknown`], or when it cannot be read.
    pub(crate) async fn check(&self, scope: &OrgScope, id: Uuid) -> Result<Checked, Error> {
        let found = self.store.provider_key(scope, id).await?;
        let secret = self.open(scope.org(), &found)?;
        let begun = Instant::now();
        let report = match found.key.provider == self.provider.name() {
            true => {
                self.provider
                    .check_key(&secret, begun + CHECK_PATIENCE)
                    .await
            }
            false => Err(not_called(&found.key.provider)),
        };
        let latency = begun.elapsed();
        let bench = match &report {
            Ok(_) => Some(None),
            Err(failure) => Bench::after(failure, self.world.now()).map(Some),
        };
        if let Some(bench) = bench {
            let of = found.key.update_time;
            self.store.bench_provider_key(scope, id, of, bench).await?;
            self.forget(scope.org());
        }
        Ok(Checked {
            key: self.store.provider_key(scope, id).await?.key,
            report,
            latency,
        })
    }

    async fn known(&self, scope: &OrgScope) -> Result<Arc<Known>, Error> {
        let before = self.known.get(&scope.org());
        if let Some(known) = &before
            && known.read.elapsed() < FRESH
        {
            return Ok(known.clone());
        }
        let provider = self.provider.name();
        let (sealed, may_fall_back) = self.store.serving_keys(scope, provider).await?;
        let keys = sealed.iter().map(|sealed| {
            let secret = self.open(scope.org(), sealed)?;
            Ok(Arc::new(Key::new(&sealed.key, secret)))
        });
        let known = Arc::new(Known {
            keys: keys.collect::<Result<_, Error>>()?,
            may_fall_back,
            turn: before.map(|known| known.turn.clone()).unwrap_or_default(),
            read: Instant::now(),
        });
        self.known.insert(scope.org(), known.clone());
        Ok(known)
    }

    /// To the minute, beside the call.
    fn note_use(&self, scope: &OrgScope, key: &Key) {
        let now = self.world.now();
        {
            let mut last = key.last_used_time.lock();
            if last.is_some_and(|last| now - last < NOTED_EVERY) {
                return;
            }
            *last = Some(now);
        }
        let (store, scope, id) = (self.store.clone(), scope.clone(), key.id);
        self.tasks.spawn(async move {
            if let Err(error) = store.note_key_use(&scope, id, now).await {
                tracing::warn!(provider_key.id = %id, ?error, "a key's use was not noted");
            }
        });
    }

    fn seal(&self, org: OrgId, id: Uuid, secret: &SecretString) -> NewSecret {
        let secret = secret.expose_secret();
        NewSecret {
            sealed: self
                .keyring
                .seal(&self.world, place(org, id), secret.as_bytes()),
            hint: hint(secret),
        }
    }

    fn open(&self, org: OrgId, sealed: &SealedKey) -> Result<SecretString, Error> {
        let secret: &Sealed = &sealed.secret;
        Ok(self.keyring.open_text(place(org, sealed.key.id), secret)?)
    }
}

fn place(org: OrgId, row: Uuid) -> Place<'static> {
    Place {
        org: Some(org),
        table: "provider_keys",
        row,
        column: "secret",
    }
}

fn not_called(provider: &str) -> Failure {
    let message = format!("this platform does not call `{provider}`");
    Failure {
        transient: false,
        ..Failure::unavailable("not_called", &message).free()
    }
}

impl Known {
    fn choose(&self, turn: usize, now: DateTime<Utc>) -> Result<Option<Arc<Key>>, KeysExhausted> {
        if self.keys.is_empty() {
            return Ok(None);
        }
        let candidates: Vec<_> = self.keys.iter().map(|key| key.candidate()).collect();
        match choose(&candidates, turn, now) {
            Some(place) => Ok(self.keys.get(place).cloned()),
            None if self.may_fall_back => Ok(None),
            None => Err(KeysExhausted::new(&candidates, now)),
        }
    }
}

impl Key {
    fn new(key: &ProviderKey, secret: SecretString) -> Self {
        Self {
            id: key.id,
            secret,
            priority: key.priority,
            update_time: key.update_time,
            bench: Mutex::new(key.bench),
            last_used_time: Mutex::new(key.last_used_time),
        }
    }

    fn candidate(&self) -> Candidate {
        Candidate {
            priority: self.priority,
            bench: *self.bench.lock(),
        }
    }
}
