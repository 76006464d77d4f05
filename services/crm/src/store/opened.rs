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

type Key = (OrgId, Uuid);

/// Accounts, by organization and connection, and when each was read and changed. Clones are the
/// same.
#[derive(Clone)]
pub(super) struct Kept {
    read: Arc<Cache<Key, (Opened, Instant)>>,
    changed: Arc<Cache<Key, Instant>>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            read: Arc::new(Cache::new(MOST)),
            changed: Arc::new(Cache::new(MOST)),
        }
    }
}

impl Kept {
    /// What was read not long ago, and begun to be read after the last change: a reader may have
    /// been overtaken by who changed it.
    fn get(&self, key: &Key) -> Option<Opened> {
        let (opened, began) = self.read.get(key)?;
        let is_changed = self.changed.get(key).is_some_and(|time| time >= began);
        (!is_changed && began.elapsed() < KEPT).then_some(opened)
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
        if let Some(opened) = self.kept.get(&key) {
            return Ok(opened);
        }
        let began = Instant::now();
        let opened = Arc::new(self.opened(scope, id).await?);
        self.kept.read.insert(key, (opened.clone(), began));
        Ok(opened)
    }

    /// The account has changed.
    pub(crate) fn forget_opened(&self, scope: &OrgScope, id: Uuid) {
        self.kept.changed.insert((scope.org(), id), Instant::now());
    }
}
