//! People hear once when most of a budget is spent, and once when all of it is: by the call that
//! spends it, or by the first one that it has no room for.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use t11_core::{OrgScope, Role};
use t11_proto::accounts::v1::{NotificationAudience, NotificationType, RaiseNotification};
use t11_runtime::notification::raise_as;
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::Store;
use super::budgets::{budgets_of, by_scope};
use crate::budget::{Budget, ORGANIZATION, Share};
use crate::money::NanoUsd;
use crate::usage::CallRecord;

/// Tells of the budgets of which `cost` has spent the last of a share: that of a call, or of some
/// of which it is the first.
pub(super) async fn tell(tx: &Tx, call: &CallRecord, cost: NanoUsd) -> Result<(), StoreError> {
    if cost == NanoUsd(0) {
        return Ok(());
    }
    let mut number = 0;
    for budget in budgets_of(tx, &call.agent).await? {
        let scope = budget.purse(call.create_time).scope;
        let spent = by_scope(tx, &scope)
            .await?
            .map_or(0, |purse| purse.spent_nano_usd);
        for share in budget.crossed(NanoUsd(spent - cost.0), NanoUsd(spent)) {
            number += 1;
            // Recorded once, so that its jobs are known by the call.
            let id = Uuid::from_u128(call.id.as_u128() ^ number);
            let notice = notice(&budget, &scope, share);
            tx.enqueue(raise_as(id, &notice)).await?;
        }
    }
    Ok(())
}

impl Store {
    /// Tells that a budget of which most is spent has no room for a call of `agent`; `purse` may be
    /// of no budget.
    pub(crate) async fn tell_exhausted(
        &self,
        scope: &OrgScope,
        agent: String,
        purse: String,
        time: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let told = self
            .db
            .write(scope, move |tx| async move {
                let budgets = budgets_of(&tx, &agent).await?;
                let mut budgets = budgets.iter();
                let Some(budget) = budgets.find(|budget| budget.purse(time).scope == purse) else {
                    return Ok(());
                };
                let spent = by_scope(&tx, &purse).await?;
                let spent = spent.map_or(0, |row| row.spent_nano_usd);
                if NanoUsd(spent) < Share::Most.of(budget.cap) {
                    // Others hold the rest, or the call is larger than most.
                    return Ok(());
                }
                let id = id_of(tx.org_id()?.0, &purse);
                let notice = notice(budget, &purse, Share::All);
                tx.enqueue(raise_as(id, &notice)).await
            })
            .await;
        match told {
            // Another call has told, a moment ago.
            Err(error) if error.is_conflict() => Ok(()),
            told => told,
        }
    }
}

/// The same for every call that one purse refuses: the queue takes a job of one id once.
fn id_of(org: Uuid, purse: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update(org.as_bytes())
        .chain_update(purse)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

fn notice(budget: &Budget, purse: &str, share: Share) -> RaiseNotification {
    let (kind, word) = match share {
        Share::Most => (NotificationType::Budget80, "80"),
        Share::All => (NotificationType::Budget100, "100"),
    };
    let parameters = [
        ("period", budget.period.as_str().to_owned()),
        ("cap_micro_usd", budget.cap.micro_usd().to_string()),
    ];
    let parameters: HashMap<_, _> = parameters
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let resource = match budget.resource.as_str() {
        ORGANIZATION => String::new(),
        agent => agent.to_owned(),
    };
    RaiseNotification {
        r#type: kind.into(),
        parameters,
        resource,
        dedupe_key: format!("budget_{word}/{purse}"),
        audience: Some(NotificationAudience {
            role: Role::Admin.to_string(),
            email: String::new(),
        }),
    }
}
