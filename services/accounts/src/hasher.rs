//! Password hashing: argon2id beside the async threads, with bounded memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};
use t11_core::World;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
const PARAMS: Params = Params::DEFAULT;

/// Blocks (of 1 KiB) reserved for one hash; only those that argon2 needs are ever touched. What is
/// larger than 32 MiB, glibc's largest mmap threshold, goes straight back to the system when it is
/// freed. Smaller pieces stay with the process, in an arena for every thread: 40 hashes then left
/// 690 MiB behind, and with this reserve 2 MiB (measured with glibc 2.36).
const RESERVED_BLOCKS: usize = 33 * 1024;

/// Callers that may wait for a turn; more are sent away at once.
const MAX_WAITING: usize = 64;

/// Verified for people who do not exist, so that they cost what others do. The hash of a random
/// password that was thrown away, and never trusted.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$dDExLWFjY291bnRzLW5vYm9keQ\
     $1HsW4m0h9yvJ0zQ3ZP8m2o8h6Qm8nYt0a3b4r5u6v7w";

/// Hashes and verifies passwords, a few at a time.
#[derive(Clone)]
pub(crate) struct Hasher {
    world: World,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    operations: Arc<AtomicU64>,
}

impl Hasher {
    /// At most `concurrency` passwords are worked on at a time, each with 19 MiB.
    pub(crate) fn new(world: World, concurrency: usize) -> Self {
        Self {
            world,
            running: Arc::new(Semaphore::new(concurrency.max(1))),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            operations: Arc::default(),
        }
    }

    /// The hash of a new password, in PHC form.
    pub(crate) async fn hash(&self, password: &SecretString) -> Result<String, Error> {
        let salt = self.world.random::<16>();
        self.run(password.clone(), move |password| hash(password, &salt))
            .await
    }

    /// Whether `password` has the hash `stored`. `None`, for nobody, takes the same work and is
    /// always false.
    pub(crate) async fn verify(
        &self,
        password: &SecretString,
        stored: Option<String>,
    ) -> Result<bool, Error> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.to_owned());
        let matches = self
            .run(password.clone(), move |password| verify(password, &stored))
            .await?;
        Ok(exists && matches)
    }

    /// How many times argon2 was run.
    #[cfg(test)]
    pub(crate) fn operations(&self) -> u64 {
        self.operations.load(Ordering::SeqCst)
    }

    async fn run<T: Send + 'static>(
        &self,
        password: SecretString,
        work: impl FnOnce(&[u8]) -> Result<T, argon2::password_hash::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.turn().await?;
        self.operations.fetch_add(1, Ordering::SeqCst);
        let worked = tokio::task::spawn_blocking(move || {
            // Held by the work and not by the caller, who may leave before it ends.
            let _turn = turn;
            work(password.expose_secret().as_bytes())
        });
        worked
            .await
            .map_err(|error| Error::Hashing(error.to_string()))?
            .map_err(Error::hashing)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        let _place = self.waiting.try_acquire().map_err(|_| Error::Busy)?;
        self.running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Error::Busy)
    }
}

fn hash(password: &[u8], salt: &[u8]) -> Result<String, argon2::password_hash::Error> {
    let salt = Salt::new(salt)?;
    let output = argon2id(password, &salt, PARAMS)?;
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&PARAMS)?,
        salt: Some(salt),
        hash: Some(Output::new(&output)?),
    };
    Ok(hash.to_string())
}

fn verify(password: &[u8], stored: &str) -> Result<bool, argon2::password_hash::Error> {
    let stored = PasswordHash::new(stored)?;
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
        return Err(argon2::password_hash::Error::SaltInvalid);
    };
    let output = argon2id(password, &salt, Params::try_from(&stored)?)?;
    // `Output` compares in constant time.
    Ok(stored.algorithm == ARGON2ID_IDENT && Output::new(&output)? == expected)
}

fn argon2id(
    password: &[u8],
    salt: &[u8],
    params: Params,
) -> Result<[u8; Params::DEFAULT_OUTPUT_LEN], argon2::password_hash::Error> {
    let blocks = params.block_count();
    let mut memory = Vec::with_capacity(RESERVED_BLOCKS.max(blocks));
    memory.resize(blocks, Block::default());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        password,
        salt,
        &mut output,
        &mut memory,
    )?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(concurrency: usize) -> Hasher {
        Hasher::new(World::system(), concurrency)
    }

    #[tokio::test]
    async fn a_password_has_its_own_hash_and_no_other() {
        let (hasher, password) = (hasher(2), SecretString::from("correct horse"));
        let stored = hasher.hash(&password).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(
            hasher
                .verify(&password, Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(
            !hasher
                .verify(&"correct horsf".into(), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert_ne!(hasher.hash(&password).await.unwrap(), stored, "salted");
    }

    #[tokio::test]
    async fn nobody_has_a_password_and_costs_as_much() {
        let hasher = hasher(1);
        assert!(
            !hasher
                .verify(&"anything at all".into(), None)
                .await
                .unwrap()
        );
        assert_eq!(hasher.operations(), 1);
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(nobody.params, ParamsString::try_from(&PARAMS).unwrap());
    }

    #[tokio::test]
    async fn the_standard_implementation_reads_our_hashes() {
        use argon2::PasswordVerifier as _;
        let stored = hasher(1).hash(&"correct horse".into()).await.unwrap();
        assert_eq!(
            Argon2::default().verify_password(b"correct horse", stored.as_str()),
            Ok(())
        );
    }

    #[tokio::test]
    async fn a_crowd_is_sent_away_and_not_queued() {
        let hasher = hasher(1);
        let _running = hasher.running.clone().acquire_owned().await.unwrap();
        let _waiting = hasher
            .waiting
            .acquire_many(u32::try_from(MAX_WAITING).unwrap())
            .await;
        let refused = hasher
            .verify(&"correct horse".into(), None)
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::Busy));
        assert_eq!(hasher.operations(), 0);
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_error_and_not_a_refusal() {
        let failed = hasher(1)
            .verify(&"correct horse".into(), Some("plain".to_owned()))
            .await;
        assert!(matches!(failed, Err(Error::Hashing(_))));
    }
}
