//! Why leads are lost.
//!
//! Source: Kommo docs, `loss-reasons`.

use serde::Deserialize;

use super::{Client, Query};
use crate::de;
use crate::error::Error;
use crate::id::LossReasonId;

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LossReason {
    /// Its id.
    pub id: LossReasonId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
}

impl Client {
    /// All reasons.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn loss_reasons(&self) -> Result<Vec<LossReason>, Error> {
        let path = "/leads/loss_reasons";
        self.get_list("loss_reasons.list", path, Query::default(), "loss_reasons")
            .await
    }
}
