//! Organization predicates that a test leaves out, to show that its checks notice.

use std::fmt;
use std::sync::Arc;
use std::sync::{PoisonError, RwLock};

type OfTable = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Of which tables the predicate is left out; clones are the same answer. At first of none.
#[derive(Clone)]
pub(crate) struct LeftOut(Arc<RwLock<OfTable>>);

impl Default for LeftOut {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Arc::new(|_| false))))
    }
}

impl fmt::Debug for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeftOut")
    }
}

impl LeftOut {
    pub(crate) fn set(&self, of_table: OfTable) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = of_table;
    }

    pub(crate) fn is_of(&self, table: &str) -> bool {
        let of_table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        of_table(table)
    }
}
