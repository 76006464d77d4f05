//! Settings.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;
use t11_core::OrgId;
use uuid::Uuid;

use crate::fair::Share;
use crate::lease::Policy;

/// Settings of the jobs service. Times are in milliseconds unless named otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How long a worker holds a job unless it extends the lease; a dead worker's jobs run again
    /// after this at the latest. Workers extend every 5 s.
    pub lease_ms: u32,
    /// How often leases that ran out are looked for, and jobs and schedules that are due.
    pub reap_every_ms: u32,
    /// Tries of a job that names no number of its own.
    pub max_attempts: u16,
    /// A job whose worker disappeared this often while running it is taken for the cause and goes
    /// to the dead letter with the reason POISON.
    pub max_lost: u16,
    /// Longest run of one try, for jobs that name none.
    pub timeout_ms: u32,
    /// Upper end of the random wait before the second try; doubles with each further one.
    pub retry_base_ms: u32,
    /// Longest wait before a further try.
    pub retry_max_ms: u32,
    /// Days for which finished jobs are kept, dead ones too. While a job is kept its id is known,
    /// so enqueueing it again changes nothing. At least 1.
    pub history_days: u16,
    /// Progress of one job is written to the database at most this often; watchers see all of it,
    /// those at other replicas with Redis.
    pub progress_every_ms: u32,
    /// Jobs of one queue that one organization may have running at once.
    pub max_running_per_organization: u32,
    /// Other limits for single queues, by name.
    pub queues: BTreeMap<String, QueueConfig>,
    /// Other shares for single organizations, by id.
    #[schemars(with = "BTreeMap<String, OrganizationConfig>")]
    pub organizations: BTreeMap<Uuid, OrganizationConfig>,
}

/// Limits of one queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct QueueConfig {
    /// Instead of the general `max_running_per_organization`.
    pub max_running_per_organization: Option<u32>,
}

/// The share of one organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OrganizationConfig {
    /// Turns for each turn of an organization of weight 1; 1 to 1000.
    pub weight: u32,
    /// Instead of the queue's `max_running_per_organization`.
    pub max_running: Option<u32>,
}

impl Default for OrganizationConfig {
    fn default() -> Self {
        Self {
            weight: 1,
            max_running: None,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lease_ms: 15_000,
            reap_every_ms: 1_000,
            max_attempts: 8,
            max_lost: 3,
            timeout_ms: 300_000,
            retry_base_ms: 2_000,
            retry_max_ms: 600_000,
            history_days: 30,
            progress_every_ms: 500,
            max_running_per_organization: 32,
            queues: BTreeMap::new(),
            organizations: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Refuses what cannot work.
    ///
    /// # Errors
    /// The first setting that cannot.
    pub fn validate(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.lease_ms >= 10_000,
            "`lease_ms` must be at least 10000: workers extend every 5 s"
        );
        anyhow::ensure!(
            self.reap_every_ms >= 10,
            "`reap_every_ms` must be at least 10"
        );
        anyhow::ensure!(self.history_days >= 1, "`history_days` must be at least 1");
        anyhow::ensure!(self.max_attempts >= 1, "`max_attempts` must be at least 1");
        anyhow::ensure!(self.max_lost >= 1, "`max_lost` must be at least 1");
        anyhow::ensure!(self.timeout_ms >= 1, "`timeout_ms` must be at least 1");
        for (org, own) in &self.organizations {
            anyhow::ensure!(
                (1..=1000).contains(&own.weight),
                "`organizations.{org}.weight` must be from 1 to 1000"
            );
        }
        Ok(())
    }

    pub(crate) fn policy(&self) -> Policy {
        let millis = |value: u32| TimeDelta::milliseconds(value.into());
        Policy {
            lease: millis(self.lease_ms),
            max_lost: self.max_lost.into(),
            retry_base: millis(self.retry_base_ms),
            retry_max: millis(self.retry_max_ms),
            max_attempts: self.max_attempts.into(),
            timeout: millis(self.timeout_ms),
        }
    }

    pub(crate) fn share(&self, queue: &str, org: OrgId) -> Share {
        let own = self.organizations.get(&org.0);
        let of_queue = self
            .queues
            .get(queue)
            .and_then(|queue| queue.max_running_per_organization);
        let max_running = own
            .and_then(|own| own.max_running)
            .or(of_queue)
            .unwrap_or(self.max_running_per_organization);
        Share {
            weight: own.map_or(1, |own| own.weight),
            max_running: max_running.into(),
        }
    }

    pub(crate) fn history(&self) -> TimeDelta {
        TimeDelta::days(self.history_days.into())
    }

    pub(crate) fn progress_every(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.progress_every_ms.into())
    }

    pub(crate) fn reap_every(&self) -> Duration {
        Duration::from_millis(self.reap_every_ms.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_limit_holds() {
        let org = OrgId(Uuid::from_u128(7));
        let mut config = Config::default();
        assert_eq!(
            config.share("agents", org),
            Share {
                weight: 1,
                max_running: 32
            }
        );
        let queue = QueueConfig {
            max_running_per_organization: Some(4),
        };
        config.queues.insert("agents".to_owned(), queue);
        assert_eq!(config.share("agents", org).max_running, 4);
        config.organizations.insert(
            org.0,
            OrganizationConfig {
                weight: 5,
                max_running: Some(9),
            },
        );
        assert_eq!(
            config.share("agents", org),
            Share {
                weight: 5,
                max_running: 9
            }
        );
        assert_eq!(config.share("crm", org).max_running, 9);
    }

    #[test]
    fn the_defaults_can_work() {
        assert!(Config::default().validate().is_ok());
        assert!(
            Config {
                history_days: 0,
                ..Config::default()
            }
            .validate()
            .is_err()
        );
    }
}
