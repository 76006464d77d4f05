//! Names of an organization's own for models: each stands for the models that are asked in turn.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The way of requests that name no model.
pub(crate) const DEFAULT: &str = "default";
/// Of one organization.
pub(crate) const MOST_ROUTES: usize = 100;

/// A route that a person has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) id: Uuid,
    pub(crate) alias: String,
    /// At least one, all different.
    pub(crate) targets: Arc<[Target]>,
    /// Without an answer for so long, the next target is asked too. Zero = never.
    pub(crate) hedge_delay: Duration,
    /// For so long answers may be kept. Zero = not at all.
    pub(crate) cache_time: Duration,
    pub(crate) update_time: DateTime<Utc>,
}

/// A model that a route may ask, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) limits: Limits,
}

impl Target {
    /// With the limits of the service.
    pub(crate) fn of(model: String) -> Self {
        Self {
            model,
            limits: Limits::default(),
        }
    }
}

/// How long one attempt may take, in milliseconds; 0 = as the service is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    pub(crate) headers_ms: u32,
    pub(crate) first_content_ms: u32,
    pub(crate) idle_ms: u32,
    pub(crate) total_ms: u32,
}

impl Limits {
    /// One of the limits, or what the service is set to.
    pub(crate) fn or(millis: u32, otherwise: Duration) -> Duration {
        match millis {
            0 => otherwise,
            millis => Duration::from_millis(millis.into()),
        }
    }
}

/// Whom a request asks, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// `None` = the request names a model, or nothing.
    pub(crate) route: Option<Uuid>,
    pub(crate) targets: Arc<[Target]>,
    pub(crate) hedge_delay: Duration,
    /// For so long answers may be kept. Zero = not at all.
    pub(crate) cache_time: Duration,
}

/// Whether an alias can be told from a model's slug and read aloud.
pub(crate) fn is_alias(text: &str) -> bool {
    let is_good = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    (1..=64).contains(&text.len()) && text.bytes().all(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_never_a_providers_slug() {
        for good in ["default", "fast", "lead-replies", "v1.2_b"] {
            assert!(is_alias(good), "{good}");
        }
        let long = "a".repeat(65);
        for bad in ["", "openai/gpt", "Fast", "быстро", "a b", "a:b", &long] {
            assert!(!is_alias(bad), "{bad}");
        }
    }

    #[test]
    fn targets_without_limits_are_read() {
        let target: Target = serde_json::from_str(r#"{"model":"a/b"}"#).unwrap();
        assert_eq!(target, Target::of("a/b".to_owned()));
        let service = Duration::from_secs(60);
        assert_eq!(Limits::or(0, service), service);
        assert_eq!(Limits::or(5, service), Duration::from_millis(5));
    }
}
