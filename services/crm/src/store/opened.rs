//! Accounts that were opened a moment ago: what is done for one message asks Kommo about ten times,
//! and each time for the same account.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use t11_core::{OrgId, OrgScope};
use tokio::time::Instant;
use uuid::Uuid;

use super::Store;
use crate::connection::Connection;
use crate::error::Error;
use crate::token::Token;

/// For so long an account may still be used that another replica has closed.
const KEPT: Duration = Duration::from_secs(1);
/// Accounts that are kept.
const MOST: usize = 1_024;

/// An account and what opens it.
pub(crate) type Opened = Arc<(Connection, Token)>;

/// Accounts, by organization and connection. Clones are the same.
#[derive(Clone)]
pub(super) struct Kept(Arc<Cache<(OrgId, Uuid), (Opened, Instant)>>);

impl Default for Kept {
    fn default() -> Self {
        Self(Arc::new(Cache::new(MOST)))
    }
}

impl Store {
    /// As [`Store::opened`], which may have been a second ago. What this process changes of the
    /// account is seen at once.
    ///
    /// # Errors
    /// As [`Store::opened`].
    pub(crate) async fn opened_lately(&self, scope: &OrgScope, id: Uuid) -> Result<Opened, Error> {
        let key = (scope.org(), id);
        if let Some((opened, time)) = self.kept.0.get(&key)
            && time.elapsed() < KEPT
        {
            return Ok(opened);
        }
        let time = Instant::now();
        let opened = Arc::new(self.opened(scope, id).await?);
        self.kept.0.insert(key, (opened.clone(), time));
        Ok(opened)
    }

    /// The account has changed.
    pub(crate) fn forget_opened(&self, scope: &OrgScope, id: Uuid) {
        self.kept.0.remove(&(scope.org(), id));
    }
}
