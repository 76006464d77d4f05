//! Stored turns, read back.

use std::time::Duration;

use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _};
use t11_store::{StoreError, Tx};

use super::super::entity::turn::Model;
use super::super::entity::turn_step;
use super::super::{actions, from_json};
use crate::Error;
use crate::conversation::Turn;
use crate::turn::{Outcome, Report, State, Step, StepKind, Usage, Verdict};
use crate::version::VersionRef;

/// A turn with its trace.
pub(super) async fn with_steps(tx: &Tx, row: Model) -> Result<Turn, Error> {
    let rows = tx
        .find::<turn_step::Entity>()?
        .filter(turn_step::Column::TurnId.eq(row.id))
        .order_by_asc(turn_step::Column::StepIndex)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let steps = rows.into_iter().map(step).collect::<Result<_, _>>()?;
    let state = State::parse(&row.state).ok_or(Error::Corrupt("turn"))?;
    let (id, conversation_id, agent_id) = (row.id, row.conversation_id, row.agent_id);
    let create_time = row.create_time;
    let number = row.version_number;
    let version = row.version_id.map(|id| VersionRef { id, number });
    let report = if state == State::Running {
        None
    } else {
        let mut report = report(row, state, steps)?;
        actions::overlay(tx, id, &mut report.actions).await?;
        Some(report)
    };
    Ok(Turn {
        id,
        conversation_id,
        agent_id,
        version,
        state,
        create_time,
        report,
    })
}

fn step(row: turn_step::Model) -> Result<Step, Error> {
    Ok(Step {
        kind: StepKind::parse(&row.kind).ok_or(Error::Corrupt("turn step"))?,
        verdict: Verdict::parse(&row.verdict).ok_or(Error::Corrupt("turn step"))?,
        detail: row.detail,
        took: Duration::from_micros(u64::try_from(row.took_micros).unwrap_or(0)),
        usage: Usage {
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            cost_micro_usd: row.cost_micro_usd,
        },
    })
}

fn report(row: Model, state: State, steps: Vec<Step>) -> Result<Report, Error> {
    let duration = |ms: i32| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Ok(Report {
        state,
        // Turns that were cut short have none.
        outcome: Outcome::parse(&row.outcome).unwrap_or(Outcome::Silent),
        skip_reason: row.skip_reason,
        error: Some((row.error_reason, row.error_message)).filter(|(reason, _)| !reason.is_empty()),
        sentences: Vec::new(),
        steps,
        passages: from_json(row.passages, "passages")?,
        prompt: from_json(row.prompt, "prompt")?,
        actions: from_json(row.actions, "actions")?,
        model: row.model,
        usage: Usage {
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            cost_micro_usd: row.cost_micro_usd,
        },
        total: duration(row.total_ms),
        first_token: duration(row.first_token_ms),
        lexical_only: row.lexical_only,
        // Kept where they belong: at the conversation, with the client, with the plays.
        opted_out: false,
        handoff_reason: String::new(),
        memories: Vec::new(),
        plays: Vec::new(),
        hits: Vec::new(),
    })
}
