//! The job that raises a notification: see `t11_runtime::notification`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use prost::Message as _;
use t11_core::Role;
use t11_proto::accounts::v1 as pb;
use t11_runtime::{JobFailure, JobHandler, RunningJob};

use crate::news::News;
use crate::notification::{Audience, MAX_KEY_CHARS, Notice, Type};
use crate::store::Store;

/// Raises notifications. Running it again tells nobody anew.
pub(crate) struct RaiseNotification {
    pub(crate) store: Store,
    pub(crate) news: News,
}

#[async_trait]
impl JobHandler for RaiseNotification {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let notice = read(&job.payload).ok_or_else(unusable)?;
        if self.store.raise(&scope, notice).await? {
            self.news.tell(scope.org());
        }
        Ok(())
    }
}

fn read(payload: &[u8]) -> Option<Notice> {
    let message = pb::RaiseNotification::decode(payload).ok()?;
    let kind = Type::try_from(message.r#type()).ok()?;
    let audience = message.audience?;
    let key_chars = message.dedupe_key.chars().count();
    (1..=MAX_KEY_CHARS).contains(&key_chars).then_some(Notice {
        kind,
        parameters: BTreeMap::from_iter(message.parameters),
        resource: message.resource,
        dedupe_key: message.dedupe_key,
        audience: Audience {
            role: audience.role.parse::<Role>().ok()?,
            email: Some(audience.email).filter(|email| !email.is_empty()),
        },
    })
}

fn unusable() -> JobFailure {
    JobFailure {
        reason: "NOTIFICATION_INVALID".to_owned(),
        message: "the payload is not a notification for anybody".to_owned(),
        permanent: true,
        retry_after: None,
    }
}
