//! Telling people that a client waits.

use t11_core::OrgScope;

use crate::Error;
use crate::jobs::notify::{self, Handoff};
use crate::store::Store;

impl Store {
    /// Has accounts tell people.
    pub(crate) async fn tell_handoff(
        &self,
        scope: &OrgScope,
        handoff: Handoff,
    ) -> Result<(), Error> {
        let job = notify::handoff_waiting(&self.world, handoff);
        self.db
            .write(scope, move |tx| async move { Ok(tx.enqueue(job).await?) })
            .await
    }
}
