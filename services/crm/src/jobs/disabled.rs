//! The job that asks whether an account has switched the integration off, as a signed hook says: the
//! hook has no time, and may be repeated by anybody who has seen it.

use async_trait::async_trait;
use t11_core::OrgScope;
use t11_kommo::{Error as KommoError, Lane};
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use uuid::Uuid;

use super::connection_of;
use crate::connection::State;
use crate::error::Error;
use crate::kommo::Kommo;

/// The kind of the job.
pub(crate) const KIND: &str = "crm.confirm_disabled";

/// Asks accounts.
pub(crate) struct ConfirmDisabled {
    pub(crate) kommo: Kommo,
}

#[async_trait]
impl JobHandler for ConfirmDisabled {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let connection = connection_of(job)?;
        match self.is_off(&scope, connection).await {
            Ok(false) => Ok(()),
            Ok(true) => Ok(self.kommo.store.set_disabled(&scope, connection).await?),
            Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl ConfirmDisabled {
    async fn is_off(&self, scope: &OrgScope, connection: Uuid) -> Result<bool, Error> {
        let ask = self
            .kommo
            .with(scope, connection, Lane::Person, |client| async move {
                client.account().await
            });
        match ask.await {
            Ok(_works) => Ok(false),
            // The tokens were refused, now or before.
            Err(
                Error::Kommo(KommoError::Unauthorized(_))
                | Error::ConnectionState {
                    state: State::NeedsReauth,
                },
            ) => Ok(true),
            Err(Error::ConnectionState { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
