//! Time and randomness behind one seam, so that the same code runs under simulation.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use uuid::Uuid;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// Where randomness comes from.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Clock and randomness, handed to everything that needs either.
#[derive(Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

impl World {
    /// A world of the given clock and randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// The machine's clock and the operating system's randomness.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemWorld), Arc::new(SystemWorld))
    }

    /// The same randomness with another clock.
    #[must_use]
    pub fn with_clock(&self, clock: Arc<dyn Clock>) -> Self {
        Self::new(clock, self.entropy.clone())
    }

    /// Now, cut to microseconds: what both databases store, so that a value read back is equal.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }

    /// `N` unpredictable bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A new UUIDv7: sorts by the time it was made.
    pub fn new_id(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.random::<10>()).into_uuid()
    }
}

/// The machine itself.
#[cfg(not(target_arch = "wasm32"))]
pub struct SystemWorld;

#[cfg(not(target_arch = "wasm32"))]
impl Clock for SystemWorld {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Entropy for SystemWorld {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that draws randomness"
    )]
    #[expect(
        clippy::expect_used,
        reason = "without randomness no key or id may be made"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}

/// A world for tests and simulation: time moves when told to, bytes follow a seed.
pub struct ManualWorld {
    micros: AtomicI64,
    seed: AtomicU64,
}

impl ManualWorld {
    /// Starts at `start` with a stream of bytes fixed by `seed`.
    pub fn new(start: DateTime<Utc>, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            micros: AtomicI64::new(start.timestamp_micros()),
            seed: AtomicU64::new(seed),
        })
    }

    /// Moves the clock.
    pub fn advance(&self, by: TimeDelta) {
        self.micros
            .fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }

    /// This as a [`World`].
    pub fn world(self: &Arc<Self>) -> World {
        World::new(self.clone(), self.clone())
    }
}

impl Clock for ManualWorld {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.micros.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

impl Entropy for ManualWorld {
    fn fill(&self, bytes: &mut [u8]) {
        // splitmix64: enough spread for ids in tests, and the same on every run.
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}
