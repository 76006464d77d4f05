//! Rows of runs and of their results, and what they say of a draft that is to be published.

use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use t11_core::OrgScope;
use t11_store::{NewJob, StoreError, Tx};
use uuid::Uuid;

use super::entity::eval_run::{Column, Entity, Model};
use super::entity::{conversation, eval_result};
use super::{Store, agents, eval_suites, from_json, to_json, versions};
use crate::Error;
use crate::agent::Agent;
use crate::conversation::{Author, Carriage, Conversation, EVAL, Message};
use crate::evaluation::{Case, CaseResult, DRAFT_CHANGED, KEPT_RUNS, Run, RunState, Setup, Suite};
use crate::jobs::run_eval;
use crate::version::Frozen;

/// A run that goes on.
pub(crate) struct Trying {
    pub(crate) run: Run,
    pub(crate) suite: Suite,
    /// Those that were not tried yet.
    pub(crate) cases: Vec<Case>,
    /// What they are answered from.
    pub(crate) frozen: Arc<Frozen>,
}

/// What runs say of a draft: failed cases and suites that were not run; the newest run that passed.
#[derive(Debug, Default)]
pub(super) struct Proof {
    failed: Vec<String>,
    not_run: Vec<String>,
    pub(super) passed: Option<(Uuid, Uuid)>,
}

impl Store {
    /// Has a suite run by a job; a known request id answers with the run it made.
    pub(crate) async fn create_eval_run(
        &self,
        scope: &OrgScope,
        suite_id: Uuid,
        version: Option<(Uuid, Uuid)>,
        request_id: Option<Uuid>,
    ) -> Result<Run, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    eval_suites::held(&tx, suite_id).await?;
                    if let Some(made) = made_by(&tx, suite_id, request_id).await? {
                        return Ok(made);
                    }
                    let suite = eval_suites::by_id(&tx, suite_id).await?;
                    let version = match version {
                        Some((agent, id)) if agent == suite.agent_id => Some(id),
                        Some((agent, id)) => return Err(versions::missing(agent, id)),
                        None => None,
                    };
                    let agent = agents::by_id(&tx, suite.agent_id).await?;
                    let (frozen, sha256) = tried(&tx, &agent, version).await?;
                    let runs = newest(&tx, suite_id).await?;
                    if runs.iter().any(|run| !run.state.has_ended()) {
                        return Err(Error::EvalRunning);
                    }
                    let cases = enabled(&tx, suite_id).await?;
                    if cases.is_empty() {
                        return Err(Error::EvalEmpty);
                    }
                    let row = Model {
                        id: world.new_id(),
                        org_id: tx.org_id()?.0,
                        suite_id,
                        version_id: version,
                        version_number: frozen.version.map_or(0, |version| version.number),
                        sha256,
                        suite_revision: suite.revision,
                        state: RunState::Queued.as_str().to_owned(),
                        error_reason: String::new(),
                        case_count: i32::try_from(cases.len()).unwrap_or(i32::MAX),
                        passed_count: 0,
                        failed_count: 0,
                        cost_micro_usd: 0,
                        budget_micro_usd: suite.budget(),
                        request_id,
                        create_time: world.now(),
                        end_time: None,
                    };
                    let resource = run_name(suite_id, row.id);
                    tx.audit_target(resource.clone());
                    delete_conversations(&tx, suite_id, KEPT_RUNS - 1).await?;
                    let inserting = row.into_active_model().insert(&tx).await;
                    let run = Run::try_from(inserting.map_err(StoreError::from)?)?;
                    let payload = run_eval::payload(run.id);
                    let job = NewJob {
                        resource,
                        display_name: suite.given.display_name,
                        ..NewJob::new(world.new_id(), "agents", run_eval::KIND, payload)
                    };
                    tx.enqueue(job).await?;
                    Ok(run)
                })
            })
            .await
    }

    /// One run with its results, in the order of the cases.
    pub(crate) async fn eval_run(
        &self,
        scope: &OrgScope,
        (suite_id, id): (Uuid, Uuid),
    ) -> Result<(Run, Vec<CaseResult>), Error> {
        self.db
            .read(scope, move |tx| async move {
                let run = of_suite(&tx, suite_id, id).await?;
                Ok((run, results(&tx, id).await?))
            })
            .await
    }

    /// Runs of a suite, newest first.
    pub(crate) async fn eval_runs(
        &self,
        scope: &OrgScope,
        suite_id: Uuid,
    ) -> Result<Vec<Run>, Error> {
        self.db
            .read(scope, move |tx| async move {
                eval_suites::by_id(&tx, suite_id).await?;
                newest(&tx, suite_id).await
            })
            .await
    }

    /// Ends a run that has not ended.
    pub(crate) async fn cancel_eval_run(
        &self,
        scope: &OrgScope,
        (suite_id, id): (Uuid, Uuid),
    ) -> Result<(Run, Vec<CaseResult>), Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                of_suite(&tx, suite_id, id).await?;
                tx.audit_target(run_name(suite_id, id));
                end(&tx, id, RunState::Cancelled, "", now).await?;
                let run = of_suite(&tx, suite_id, id).await?;
                Ok((run, results(&tx, id).await?))
            })
            .await
    }

    /// What of a run is still to be tried; `None` when it has ended or is gone.
    pub(crate) async fn begin_eval_run(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<Option<Trying>, Error> {
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some(run) = by_id(&tx, id).await? else {
                        return Ok(None);
                    };
                    if run.state.has_ended() {
                        return Ok(None);
                    }
                    set_state(&tx, id, RunState::Running).await?;
                    let suite = eval_suites::by_id(&tx, run.suite_id).await?;
                    let agent = agents::by_id(&tx, suite.agent_id).await?;
                    let (frozen, _) = tried(&tx, &agent, run.version_id).await?;
                    let done = results(&tx, id).await?;
                    let mut cases = enabled(&tx, run.suite_id).await?;
                    cases.retain(|case| done.iter().all(|one| one.case_id != case.id));
                    Ok(Some(Trying {
                        run,
                        suite,
                        cases,
                        frozen,
                    }))
                })
            })
            .await
    }

    /// Whether a run still goes on, and what it has cost.
    pub(crate) async fn goes_on(&self, scope: &OrgScope, id: Uuid) -> Result<Option<i64>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let run = by_id(&tx, id).await?;
                let run = run.filter(|run| !run.state.has_ended());
                Ok(run.map(|run| run.cost_micro_usd))
            })
            .await
    }

    /// A conversation in which a case is tried.
    pub(crate) async fn create_eval_conversation(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        display_name: String,
        setup: Setup,
    ) -> Result<Conversation, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| async move {
                let now = world.now();
                let conversation = Conversation {
                    id: world.new_id(),
                    agent_id: Some(agent_id),
                    display_name: display_name.chars().take(120).collect(),
                    channel: EVAL.to_owned(),
                    language: "und".to_owned(),
                    last_sequence: i64::try_from(setup.history.len()).unwrap_or(0),
                    turn_count: 0,
                    cost_micro_usd: 0,
                    opted_out: false,
                    create_time: now,
                    update_time: now,
                    live: None,
                };
                super::conversations::insert(&tx, &conversation, None).await?;
                for (sequence, said) in (1_i64..).zip(setup.history) {
                    let message = Message {
                        id: world.new_id(),
                        conversation_id: conversation.id,
                        sequence,
                        author: if said.from_client {
                            Author::Client
                        } else {
                            Author::Agent
                        },
                        content: said.text,
                        sentences: Vec::new(),
                        turn_id: None,
                        create_time: now,
                        carriage: Carriage::default(),
                    };
                    super::conversations::insert_message(&tx, &message).await?;
                }
                Ok(conversation)
            })
            .await
    }

    /// Keeps how a case fared.
    pub(crate) async fn keep_eval_result(
        &self,
        scope: &OrgScope,
        run: Uuid,
        result: CaseResult,
    ) -> Result<(), Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                // Deleted meanwhile.
                if by_id(&tx, run).await?.is_none() {
                    return Ok(());
                }
                let row = eval_result::Model {
                    id,
                    org_id: tx.org_id()?.0,
                    run_id: run,
                    case_id: result.case_id,
                    conversation_id: result.conversation_id,
                    display_name: result.display_name,
                    passed: result.passed,
                    error_reason: result.error_reason,
                    asserts: to_json(&result.asserts, "eval result")?,
                    replies: to_json(&result.replies, "eval result")?,
                    cost_micro_usd: result.cost_micro_usd,
                    took_ms: result.took_ms,
                    create_time: now,
                };
                let inserting = row.into_active_model().insert(&tx).await;
                inserting.map_err(StoreError::from)?;
                let plus = |column: Column, more: i64| Expr::col(column).add(more);
                let counting = tx
                    .update_many::<Entity>()?
                    .filter(Column::Id.eq(run))
                    .col_expr(
                        Column::PassedCount,
                        plus(Column::PassedCount, i64::from(result.passed)),
                    )
                    .col_expr(
                        Column::FailedCount,
                        plus(Column::FailedCount, i64::from(!result.passed)),
                    )
                    .col_expr(
                        Column::CostMicroUsd,
                        plus(Column::CostMicroUsd, result.cost_micro_usd),
                    );
                counting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(())
            })
            .await
    }

    /// Ends a run, unless it was cancelled meanwhile: passed when every case has. A draft that was
    /// changed since is noted.
    pub(crate) async fn end_eval_run(
        &self,
        scope: &OrgScope,
        id: Uuid,
        reason: &'static str,
    ) -> Result<(), Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some(run) = by_id(&tx, id).await? else {
                        return Ok(());
                    };
                    let passed = reason.is_empty() && run.passed_count == run.case_count;
                    let state = if passed {
                        RunState::Passed
                    } else {
                        RunState::Failed
                    };
                    let suite = eval_suites::by_id(&tx, run.suite_id).await?;
                    let agent = agents::by_id(&tx, suite.agent_id).await?;
                    let (_, sha256) = tried(&tx, &agent, run.version_id).await?;
                    let changed = sha256 != run.sha256;
                    let reason = if reason.is_empty() && changed {
                        DRAFT_CHANGED
                    } else {
                        reason
                    };
                    end(&tx, id, state, reason, now).await
                })
            })
            .await
    }
}

impl Proof {
    /// Whether a draft may be published.
    pub(super) fn check(&self) -> Result<(), Error> {
        if !self.failed.is_empty() {
            return Err(Error::EvalFailed(self.failed.clone()));
        }
        if !self.not_run.is_empty() {
            return Err(Error::EvalNotRun(self.not_run.clone()));
        }
        Ok(())
    }
}

/// What the runs of an agent's required suites say of a content.
pub(super) async fn proof(tx: &Tx, agent_id: Uuid, sha256: &str) -> Result<Proof, Error> {
    let mut proof = Proof::default();
    let suites = eval_suites::of_agent(tx, agent_id).await?;
    for suite in suites {
        if !suite.given.required_for_publish || enabled(tx, suite.id).await?.is_empty() {
            continue;
        }
        let runs = newest(tx, suite.id).await?.into_iter();
        let mut of_it = runs.filter(|run| {
            let same = run.sha256 == sha256 && run.suite_revision == suite.revision;
            same && matches!(run.state, RunState::Passed | RunState::Failed)
                && run.error_reason != DRAFT_CHANGED
        });
        match of_it.next() {
            None => proof.not_run.push(suite.given.display_name),
            Some(run) if run.state == RunState::Passed => {
                proof.passed = Some((suite.id, run.id));
            }
            Some(run) => {
                let failed = results(tx, run.id).await?.into_iter();
                let names = failed.filter(|one| !one.passed).map(|one| one.display_name);
                proof.failed.extend(names);
                if run.passed_count + run.failed_count < run.case_count {
                    proof.not_run.push(suite.given.display_name);
                }
            }
        }
    }
    Ok(proof)
}

/// What is tried, and its digest.
async fn tried(
    tx: &Tx,
    agent: &Agent,
    version: Option<Uuid>,
) -> Result<(Arc<Frozen>, String), Error> {
    if let Some(id) = version {
        let frozen = versions::frozen(tx, agent.id, id).await?;
        return Ok((frozen, versions::sha256_of(tx, agent.id, id).await?));
    }
    let (snapshot, pins) = versions::draft(tx, agent).await?;
    let sha256 = versions::sha256(&snapshot, &pins)?;
    let frozen = Frozen {
        version: None,
        snapshot,
    };
    Ok((Arc::new(frozen), sha256))
}

async fn enabled(tx: &Tx, suite_id: Uuid) -> Result<Vec<Case>, Error> {
    let mut cases = eval_suites::cases(tx, suite_id).await?;
    cases.retain(|case| case.given.enabled);
    Ok(cases)
}

fn run_name(suite_id: Uuid, id: Uuid) -> String {
    format!("evalSuites/{suite_id}/runs/{id}")
}

async fn by_id(tx: &Tx, id: Uuid) -> Result<Option<Run>, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.map(Run::try_from).transpose()
}

async fn of_suite(tx: &Tx, suite_id: Uuid, id: Uuid) -> Result<Run, Error> {
    let run = by_id(tx, id).await?.filter(|run| run.suite_id == suite_id);
    run.ok_or_else(|| Error::NotFound(run_name(suite_id, id)))
}

async fn newest(tx: &Tx, suite_id: Uuid) -> Result<Vec<Run>, Error> {
    let rows = tx
        .find::<Entity>()?
        .filter(Column::SuiteId.eq(suite_id))
        .order_by_desc(Column::CreateTime)
        .order_by_desc(Column::Id)
        .limit(KEPT_RUNS)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter().map(Run::try_from).collect()
}

async fn made_by(tx: &Tx, suite_id: Uuid, request_id: Option<Uuid>) -> Result<Option<Run>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let chosen = tx
        .find::<Entity>()?
        .filter(Column::SuiteId.eq(suite_id))
        .filter(Column::RequestId.eq(request_id));
    let found = chosen.one(tx).await.map_err(StoreError::from)?;
    found.map(Run::try_from).transpose()
}

/// Results of a run, in the order of the cases' making.
async fn results(tx: &Tx, run: Uuid) -> Result<Vec<CaseResult>, Error> {
    let rows = tx
        .find::<eval_result::Entity>()?
        .filter(eval_result::Column::RunId.eq(run))
        .order_by_asc(eval_result::Column::CaseId)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter().map(CaseResult::try_from).collect()
}

async fn set_state(tx: &Tx, id: Uuid, state: RunState) -> Result<(), Error> {
    let setting = tx
        .update_many::<Entity>()?
        .filter(Column::Id.eq(id))
        .col_expr(Column::State, Expr::value(state.as_str()));
    setting.exec(tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// Ends a run that has not ended.
async fn end(
    tx: &Tx,
    id: Uuid,
    state: RunState,
    reason: &str,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Error> {
    let open = [RunState::Queued.as_str(), RunState::Running.as_str()];
    let ending = tx
        .update_many::<Entity>()?
        .filter(Column::Id.eq(id))
        .filter(Column::State.is_in(open))
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::ErrorReason, Expr::value(reason))
        .col_expr(Column::EndTime, Expr::value(now));
    ending.exec(tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// Deletes the runs of a suite beyond the newest `kept`, with the conversations they led.
pub(super) async fn delete_conversations(tx: &Tx, suite_id: Uuid, kept: u64) -> Result<(), Error> {
    let runs: Vec<Uuid> = tx
        .find::<Entity>()?
        .filter(Column::SuiteId.eq(suite_id))
        .order_by_desc(Column::CreateTime)
        .order_by_desc(Column::Id)
        .select_only()
        .column(Column::Id)
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    for run in runs.into_iter().skip(kept) {
        let led = results(tx, run).await?;
        let led = led.iter().map(|result| result.conversation_id);
        let deleting = tx
            .delete_many::<conversation::Entity>()?
            .filter(conversation::Column::Id.is_in(led));
        deleting.exec(tx).await.map_err(StoreError::from)?;
        let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(run));
        deleting.exec(tx).await.map_err(StoreError::from)?;
    }
    Ok(())
}

impl TryFrom<Model> for Run {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            suite_id: row.suite_id,
            version_id: row.version_id,
            version_number: row.version_number,
            sha256: row.sha256,
            suite_revision: row.suite_revision,
            state: RunState::parse(&row.state).ok_or(Error::Corrupt("eval run"))?,
            error_reason: row.error_reason,
            case_count: row.case_count,
            passed_count: row.passed_count,
            failed_count: row.failed_count,
            cost_micro_usd: row.cost_micro_usd,
            budget_micro_usd: row.budget_micro_usd,
            create_time: row.create_time,
            end_time: row.end_time,
        })
    }
}

impl TryFrom<eval_result::Model> for CaseResult {
    type Error = Error;

    fn try_from(row: eval_result::Model) -> Result<Self, Error> {
        Ok(Self {
            case_id: row.case_id,
            conversation_id: row.conversation_id,
            display_name: row.display_name,
            passed: row.passed,
            error_reason: row.error_reason,
            asserts: from_json(row.asserts, "eval result")?,
            replies: from_json(row.replies, "eval result")?,
            cost_micro_usd: row.cost_micro_usd,
            took_ms: row.took_ms,
        })
    }
}
