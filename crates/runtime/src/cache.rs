//! Values that are kept for a while to save work: near, in the process, up to a number of bytes; and
//! in Redis, where there is one, for all replicas. Whatever is lost is only made again.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use fred::interfaces::KeysInterface as _;
use fred::types::Expiration;
use quick_cache::Weighter;
use quick_cache::sync;
use tokio::time::Instant;

use crate::Redis;

/// Longest wait for Redis before it is done without.
const PATIENCE: Duration = Duration::from_millis(100);
/// What an entry takes besides its value, about.
const ENTRY_BYTES: u64 = 128;
/// For the first guess at how many entries there will be.
const USUAL_BYTES: u64 = 2 * 1024;

/// What a value is found by: a digest of all that it was made from.
pub type CacheKey = [u8; 32];

/// A cache. Clones are the same.
#[derive(Clone)]
pub struct Cache {
    name: &'static str,
    near: Arc<sync::Cache<CacheKey, Kept, ByBytes>>,
    redis: Option<Redis>,
}

#[derive(Clone)]
struct Kept {
    value: Bytes,
    until: Instant,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<CacheKey, Kept> for ByBytes {
    fn weight(&self, _key: &CacheKey, kept: &Kept) -> u64 {
        ENTRY_BYTES + kept.value.len() as u64
    }
}

impl Cache {
    /// A cache under `name`, of at most `most_bytes` in this process. What is kept in `redis` is
    /// bounded by the times for which it is kept, and by Redis.
    pub fn new(name: &'static str, most_bytes: u64, redis: Option<Redis>) -> Self {
        let entries = usize::try_from(most_bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        let near = sync::Cache::with_weighter(entries.max(1), most_bytes, ByBytes);
        Self {
            name,
            near: Arc::new(near),
            redis,
        }
    }

    /// The value that is kept under the key; `None` too while Redis is away.
    pub async fn get(&self, key: &CacheKey) -> Option<Bytes> {
        let value = match self.near(key) {
            Some(value) => Some(value),
            None => self.shared(key).await,
        };
        let outcome = if value.is_some() { "hit" } else { "miss" };
        metrics::counter!("t11_cache_reads_total", "cache" => self.name, "outcome" => outcome)
            .increment(1);
        value
    }

    /// Keeps the value for `time`, here and in Redis. A Redis that is away keeps nothing.
    pub async fn put(&self, key: &CacheKey, value: Bytes, time: Duration) {
        let kept = Kept {
            value: value.clone(),
            until: Instant::now() + time,
        };
        self.near.insert(*key, kept);
        let Some(redis) = &self.redis else { return };
        let lasts = Expiration::PX(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let client = redis.client(PATIENCE);
        let put: Result<(), _> = client
            .set(self.place(redis, key), value, Some(lasts), None, false)
            .await;
        if let Err(error) = put {
            tracing::debug!(cache = self.name, %error, "redis keeps nothing");
        }
    }

    fn near(&self, key: &CacheKey) -> Option<Bytes> {
        let kept = self.near.get(key)?;
        if Instant::now() < kept.until {
            return Some(kept.value);
        }
        self.near.remove(key);
        None
    }

    async fn shared(&self, key: &CacheKey) -> Option<Bytes> {
        let redis = self.redis.as_ref()?;
        let client = redis.client(PATIENCE);
        let found: Result<Option<Bytes>, _> = client.get(self.place(redis, key)).await;
        found.unwrap_or_else(|error| {
            tracing::debug!(cache = self.name, %error, "redis does not say what it keeps");
            None
        })
    }

    /// The braces say where in a cluster it lies.
    fn place(&self, redis: &Redis, key: &CacheKey) -> String {
        let digest = URL_SAFE_NO_PAD.encode(key);
        format!("{}:cache:{}:{{{digest}}}", redis.namespace(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_value_is_kept_for_its_time_and_no_longer() {
        let cache = Cache::new("test", 1_000_000, None);
        assert_eq!(cache.get(&[1; 32]).await, None);
        cache.put(&[1; 32], Bytes::from("one"), MINUTE).await;
        assert_eq!(cache.get(&[1; 32]).await, Some(Bytes::from("one")));
        assert_eq!(cache.get(&[2; 32]).await, None);
        tokio::time::advance(MINUTE).await;
        assert_eq!(cache.get(&[1; 32]).await, None);
    }

    #[tokio::test]
    async fn the_process_keeps_no_more_bytes_than_it_may() {
        let cache = Cache::new("test", 64 * 1024, None);
        for number in 0..64 {
            let value = Bytes::from(vec![0; 4 * 1024]);
            cache.put(&[number; 32], value, MINUTE).await;
        }
        let mut kept = 0;
        for number in 0..64 {
            kept += usize::from(cache.get(&[number; 32]).await.is_some());
        }
        assert!((1..=16).contains(&kept), "{kept}");
    }
}
