//! How often plays are used, and how often the client answers.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _,
};
use t11_core::{World, parse_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::entity::{objection_response, play_use, script};
use super::{objections, scripts};
use crate::Error;
use crate::agent::Agent;
use crate::playbook::{Counts, ObjectionResponse, Script};
use crate::version::Snapshot;

/// A client who answers within that shows that the play was a good one.
const ANSWERED_WITHIN: TimeDelta = TimeDelta::hours(24);

/// The plays that an agent may use: those of a version, or those that are published now.
pub(super) async fn usable(
    tx: &Tx,
    agent: &Agent,
) -> Result<(Vec<Script>, Vec<ObjectionResponse>), Error> {
    match &agent.frozen {
        Some(frozen) => of_version(tx, &frozen.snapshot).await,
        None => {
            let scripts = scripts::published(tx, agent.id).await?;
            Ok((scripts, objections::published(tx, agent.id).await?))
        }
    }
}

/// With how they have fared since: of several that apply, the better one is said.
async fn of_version(
    tx: &Tx,
    plays: &Snapshot,
) -> Result<(Vec<Script>, Vec<ObjectionResponse>), Error> {
    let counts = counts(tx, plays).await?;
    let of = |id: &Uuid| counts.get(id).copied().unwrap_or_default();
    let scripts = plays.scripts.iter().map(|(id, given)| Script {
        id: *id,
        given: given.clone(),
        counts: of(id),
        revision: 0,
        create_time: DateTime::UNIX_EPOCH,
        update_time: DateTime::UNIX_EPOCH,
    });
    let mut scripts: Vec<_> = scripts.collect();
    scripts.sort_by_key(|script| script.given.display_name.to_lowercase());
    let responses = plays.responses.iter().map(|(id, given)| ObjectionResponse {
        id: *id,
        given: given.clone(),
        counts: of(id),
        revision: 0,
        create_time: DateTime::UNIX_EPOCH,
        update_time: DateTime::UNIX_EPOCH,
    });
    Ok((scripts, responses.collect()))
}

/// Uses and successes of the plays that are still there.
async fn counts(tx: &Tx, plays: &Snapshot) -> Result<HashMap<Uuid, Counts>, Error> {
    use objection_response::Column as Response;
    use script::Column as Line;
    if plays.scripts.is_empty() && plays.responses.is_empty() {
        return Ok(HashMap::new());
    }
    let scripts: Vec<(Uuid, i64, i64)> = tx
        .find::<script::Entity>()?
        .filter(Line::Id.is_in(plays.scripts.keys().copied()))
        .select_only()
        .columns([Line::Id, Line::UsageCount, Line::SuccessCount])
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let responses: Vec<(Uuid, i64, i64)> = tx
        .find::<objection_response::Entity>()?
        .filter(Response::Id.is_in(plays.responses.keys().copied()))
        .select_only()
        .columns([Response::Id, Response::UsageCount, Response::SuccessCount])
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let both = scripts.into_iter().chain(responses);
    Ok(both
        .map(|(id, usage, success)| (id, Counts { usage, success }))
        .collect())
}

/// Counts the plays of an answer, and those before it that the client has answered.
pub(super) async fn count(
    tx: &Tx,
    world: &World,
    conversation_id: Uuid,
    turn_id: Uuid,
    plays: &[String],
) -> Result<(), Error> {
    note_answer(tx, conversation_id, world.now()).await?;
    for play in plays {
        let row = play_use::Model {
            id: world.new_id(),
            org_id: tx.org_id()?.0,
            conversation_id,
            turn_id,
            play: play.clone(),
            succeeded: false,
            create_time: world.now(),
        };
        let inserting = row.into_active_model().insert(tx).await;
        inserting.map_err(StoreError::from)?;
        add(tx, play, 1, 0).await?;
    }
    Ok(())
}

/// The client has written: what was said within the last day has succeeded.
async fn note_answer(tx: &Tx, conversation_id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    use play_use::{Column, Entity};
    let open = tx
        .find::<Entity>()?
        .filter(Column::ConversationId.eq(conversation_id))
        .filter(Column::CreateTime.gt(now - ANSWERED_WITHIN))
        .filter(Column::Succeeded.eq(false))
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    for used in open {
        let play = used.play.clone();
        let mut row = used.into_active_model();
        row.succeeded = ActiveValue::Set(true);
        row.update(tx).await.map_err(StoreError::from)?;
        add(tx, &play, 0, 1).await?;
    }
    Ok(())
}

/// Adds to the counts of a play; one that was deleted meanwhile has none.
async fn add(tx: &Tx, play: &str, usage: i64, success: i64) -> Result<(), Error> {
    if let Ok(id) = parse_name("scripts", play) {
        use script::{Column, Entity};
        tx.update_many::<Entity>()?
            .filter(Column::Id.eq(id))
            .col_expr(Column::UsageCount, Expr::col(Column::UsageCount).add(usage))
            .col_expr(
                Column::SuccessCount,
                Expr::col(Column::SuccessCount).add(success),
            )
            .exec(tx)
            .await
            .map_err(StoreError::from)?;
        return Ok(());
    }
    let id = parse_name("objectionResponses", play)?;
    use objection_response::{Column, Entity};
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let found = chosen
        .lock_exclusive()
        .one(tx)
        .await
        .map_err(StoreError::from)?;
    let Some(row) = found else { return Ok(()) };
    let counts = Counts {
        usage: row.usage_count + usage,
        success: row.success_count + success,
    };
    let mut row = row.into_active_model();
    row.usage_count = ActiveValue::Set(counts.usage);
    row.success_count = ActiveValue::Set(counts.success);
    row.effectiveness = ActiveValue::Set(counts.effectiveness());
    row.update(tx).await.map_err(StoreError::from)?;
    Ok(())
}
