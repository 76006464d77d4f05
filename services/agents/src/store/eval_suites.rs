//! Rows of suites and of their cases.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_core::{Etag, OrgScope, Violations, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::entity::eval_case;
use super::entity::eval_suite::{Column, Entity, Model};
use super::{Store, agents, conversations, eval_runs, from_json, to_json, turns};
use crate::Error;
use crate::conversation::Author;
use crate::evaluation::{
    Assert, Case, MOST_CASES, MOST_SUITES, NewCase, NewSuite, Said, Setup, Suite,
};
use crate::turn::guard::guard;

impl Store {
    /// Adds a suite; a known request id answers with the one it made.
    pub(crate) async fn create_eval_suite(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        given: NewSuite,
        request_id: Option<Uuid>,
    ) -> Result<Suite, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                agents::held(&tx, agent_id).await?;
                if let Some(made) = made_by(&tx, request_id).await? {
                    return Ok(made);
                }
                let others = tx.find::<Entity>()?.filter(Column::AgentId.eq(agent_id));
                if others.count(&tx).await.map_err(StoreError::from)? >= MOST_SUITES {
                    return Err(Error::EvalFull);
                }
                tx.audit_target(format_name("evalSuites", id));
                let row = Model {
                    id,
                    org_id: tx.org_id()?.0,
                    agent_id,
                    name_key: given.display_name.to_lowercase(),
                    display_name: given.display_name,
                    required_for_publish: given.required_for_publish,
                    budget_micro_usd: given.budget_micro_usd,
                    request_id,
                    revision: 1,
                    create_time: now,
                    update_time: now,
                };
                let display_name = row.display_name.clone();
                let inserting = row.into_active_model().insert(&tx).await;
                let row = inserting.map_err(|error| taken(error.into(), display_name))?;
                Ok(suite_of(row, 0))
            })
            .await
    }

    /// One suite.
    pub(crate) async fn eval_suite(&self, scope: &OrgScope, id: Uuid) -> Result<Suite, Error> {
        self.db
            .read(scope, move |tx| async move { by_id(&tx, id).await })
            .await
    }

    /// All suites of an agent, by name.
    pub(crate) async fn eval_suites(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
    ) -> Result<Vec<Suite>, Error> {
        self.db
            .read(scope, move |tx| async move {
                agents::by_id(&tx, agent_id).await?;
                of_agent(&tx, agent_id).await
            })
            .await
    }

    /// Replaces a suite.
    pub(crate) async fn update_eval_suite(
        &self,
        scope: &OrgScope,
        id: Uuid,
        given: NewSuite,
        etag: String,
    ) -> Result<Suite, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let old = held(&tx, id).await?;
                Etag::of(old.revision).check(&etag)?;
                tx.audit_target(format_name("evalSuites", id));
                let row = Model {
                    name_key: given.display_name.to_lowercase(),
                    display_name: given.display_name.clone(),
                    required_for_publish: given.required_for_publish,
                    budget_micro_usd: given.budget_micro_usd,
                    revision: old.revision + 1,
                    update_time: now,
                    ..old
                };
                let saving = row.into_active_model().reset_all().update(&tx).await;
                saving.map_err(|error| taken(error.into(), given.display_name))?;
                by_id(&tx, id).await
            })
            .await
    }

    /// Deletes a suite with its cases and runs.
    pub(crate) async fn delete_eval_suite(
        &self,
        scope: &OrgScope,
        id: Uuid,
        etag: String,
    ) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                let old = held(&tx, id).await?;
                Etag::of(old.revision).check(&etag)?;
                tx.audit_target(format_name("evalSuites", id));
                eval_runs::delete_conversations(&tx, id, 0).await?;
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                deleting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(())
            })
            .await
    }

    /// Adds a case; a known request id answers with the one it made.
    pub(crate) async fn create_eval_case(
        &self,
        scope: &OrgScope,
        suite_id: Uuid,
        given: NewCase,
        request_id: Option<Uuid>,
    ) -> Result<Case, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                insert_case(&tx, id, suite_id, given, request_id, now).await
            })
            .await
    }

    /// Makes a case of what a client has said up to a turn, personal data masked.
    pub(crate) async fn copy_turn(
        &self,
        scope: &OrgScope,
        suite_id: Uuid,
        (conversation_id, turn_id): (Uuid, Uuid),
        request_id: Option<Uuid>,
    ) -> Result<Case, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                let given = case_of(&tx, conversation_id, turn_id).await?;
                insert_case(&tx, id, suite_id, given, request_id, now).await
            })
            .await
    }

    /// All cases of a suite, the oldest first.
    pub(crate) async fn eval_cases(
        &self,
        scope: &OrgScope,
        suite_id: Uuid,
    ) -> Result<Vec<Case>, Error> {
        self.db
            .read(scope, move |tx| async move {
                by_id(&tx, suite_id).await?;
                cases(&tx, suite_id).await
            })
            .await
    }

    /// Replaces a case.
    pub(crate) async fn update_eval_case(
        &self,
        scope: &OrgScope,
        (suite_id, id): (Uuid, Uuid),
        given: NewCase,
        etag: String,
    ) -> Result<Case, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                // First, so that what is not found is the case, whoever has the suite.
                case_row(&tx, suite_id, id).await?;
                let suite = held(&tx, suite_id).await?;
                let old = case_row(&tx, suite_id, id).await?;
                Etag::of(old.revision).check(&etag)?;
                tx.audit_target(case_name(suite_id, id));
                let case = Case {
                    given,
                    revision: old.revision + 1,
                    update_time: now,
                    ..Case::try_from(old.clone())?
                };
                let row = case_row_of(&tx, &case, old.request_id)?;
                let saving = row.into_active_model().reset_all().update(&tx).await;
                saving.map_err(StoreError::from)?;
                touch(&tx, suite, now).await?;
                Ok(case)
            })
            .await
    }

    /// Deletes a case; results of runs stay.
    pub(crate) async fn delete_eval_case(
        &self,
        scope: &OrgScope,
        (suite_id, id): (Uuid, Uuid),
        etag: String,
    ) -> Result<(), Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                // First, so that what is not found is the case, whoever has the suite.
                case_row(&tx, suite_id, id).await?;
                let suite = held(&tx, suite_id).await?;
                let old = case_row(&tx, suite_id, id).await?;
                Etag::of(old.revision).check(&etag)?;
                tx.audit_target(case_name(suite_id, id));
                let deleting = tx
                    .delete_many::<eval_case::Entity>()?
                    .filter(eval_case::Column::Id.eq(id));
                deleting.exec(&tx).await.map_err(StoreError::from)?;
                touch(&tx, suite, now).await
            })
            .await
    }
}

fn case_name(suite_id: Uuid, id: Uuid) -> String {
    format!("evalSuites/{suite_id}/cases/{id}")
}

pub(super) async fn by_id(tx: &Tx, id: Uuid) -> Result<Suite, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    let row = found.map_err(StoreError::from)?;
    let row = row.ok_or_else(|| Error::not_found("evalSuites", id))?;
    let counts = case_counts(tx, vec![id]).await?;
    Ok(suite_of(row, counts.get(&id).copied().unwrap_or(0)))
}

pub(super) async fn of_agent(tx: &Tx, agent_id: Uuid) -> Result<Vec<Suite>, Error> {
    let rows = tx
        .find::<Entity>()?
        .filter(Column::AgentId.eq(agent_id))
        .order_by_asc(Column::NameKey)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let counts = case_counts(tx, rows.iter().map(|row| row.id).collect()).await?;
    let suites = rows.into_iter().map(|row| {
        let count = counts.get(&row.id).copied().unwrap_or(0);
        suite_of(row, count)
    });
    Ok(suites.collect())
}

pub(super) async fn held(tx: &Tx, id: Uuid) -> Result<Model, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let found = chosen.lock_exclusive().one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.ok_or_else(|| Error::not_found("evalSuites", id))
}

/// The cases of a suite, the oldest first.
pub(super) async fn cases(tx: &Tx, suite_id: Uuid) -> Result<Vec<Case>, Error> {
    let rows = tx
        .find::<eval_case::Entity>()?
        .filter(eval_case::Column::SuiteId.eq(suite_id))
        .order_by_asc(eval_case::Column::Id)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter().map(Case::try_from).collect()
}

async fn case_counts(tx: &Tx, suites: Vec<Uuid>) -> Result<HashMap<Uuid, i32>, Error> {
    let rows: Vec<Uuid> = tx
        .find::<eval_case::Entity>()?
        .filter(eval_case::Column::SuiteId.is_in(suites))
        .select_only()
        .column(eval_case::Column::SuiteId)
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let mut counts = HashMap::new();
    for suite in rows {
        *counts.entry(suite).or_insert(0) += 1;
    }
    Ok(counts)
}

async fn case_row(tx: &Tx, suite_id: Uuid, id: Uuid) -> Result<eval_case::Model, Error> {
    let of = Condition::all()
        .add(eval_case::Column::Id.eq(id))
        .add(eval_case::Column::SuiteId.eq(suite_id));
    let found = tx.find::<eval_case::Entity>()?.filter(of).one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.ok_or_else(|| Error::NotFound(case_name(suite_id, id)))
}

async fn insert_case(
    tx: &Tx,
    id: Uuid,
    suite_id: Uuid,
    given: NewCase,
    request_id: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Case, Error> {
    let suite = held(tx, suite_id).await?;
    if let Some(made) = case_made_by(tx, suite_id, request_id).await? {
        return Ok(made);
    }
    let others = tx
        .find::<eval_case::Entity>()?
        .filter(eval_case::Column::SuiteId.eq(suite_id));
    if others.count(tx).await.map_err(StoreError::from)? >= MOST_CASES {
        return Err(Error::EvalFull);
    }
    tx.audit_target(case_name(suite_id, id));
    let case = Case {
        id,
        suite_id,
        given,
        revision: 1,
        create_time: now,
        update_time: now,
    };
    let row = case_row_of(tx, &case, request_id)?;
    let inserting = row.into_active_model().insert(tx).await;
    inserting.map_err(StoreError::from)?;
    touch(tx, suite, now).await?;
    Ok(case)
}

/// What was said before a turn as the history, and what it answered as the client's text.
async fn case_of(tx: &Tx, conversation_id: Uuid, turn_id: Uuid) -> Result<NewCase, Error> {
    const BEFORE: u64 = 20;
    let turn = turns::by_id(tx, conversation_id, turn_id).await?;
    let (asked, before) = conversations::around(tx, conversation_id, &turn, BEFORE).await?;
    let masked = |text: &str| guard(text).masked;
    let texts: Vec<_> = asked.iter().map(|one| masked(&one.content)).collect();
    // A case has a message a line.
    let words: Vec<_> = texts
        .iter()
        .flat_map(|text| text.split_whitespace())
        .collect();
    let text: String = words.join(" ").chars().take(4_000).collect();
    let history = before.iter().filter(|one| !one.content.trim().is_empty());
    let history = history.map(|one| Said {
        from_client: one.author == Author::Client,
        text: masked(&one.content).chars().take(4_000).collect(),
    });
    let outcome = turn.report.map(|report| report.outcome.as_str().to_owned());
    let mut violations = Violations::default();
    let case = NewCase {
        display_name: text.chars().take(160).collect(),
        enabled: true,
        setup: Setup {
            history: history.collect(),
            ..Setup::default()
        },
        client_texts: vec![text],
        asserts: outcome
            .map(|outcome| Assert::Outcome { outcome })
            .into_iter()
            .collect(),
    };
    // A turn that answered nothing, as a step of a sequence, is no case.
    let case = case.check(&mut violations);
    violations.check()?;
    Ok(case)
}

/// A case has changed: runs of the suite as it was do not count any more.
async fn touch(tx: &Tx, suite: Model, now: DateTime<Utc>) -> Result<(), Error> {
    let row = Model {
        revision: suite.revision + 1,
        update_time: now,
        ..suite
    };
    let saving = row.into_active_model().reset_all().update(tx).await;
    saving.map_err(StoreError::from)?;
    Ok(())
}

async fn made_by(tx: &Tx, request_id: Option<Uuid>) -> Result<Option<Suite>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let chosen = tx
        .find::<Entity>()?
        .filter(Column::RequestId.eq(request_id));
    match chosen.one(tx).await.map_err(StoreError::from)? {
        Some(row) => by_id(tx, row.id).await.map(Some),
        None => Ok(None),
    }
}

async fn case_made_by(
    tx: &Tx,
    suite_id: Uuid,
    request_id: Option<Uuid>,
) -> Result<Option<Case>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let chosen = tx
        .find::<eval_case::Entity>()?
        .filter(eval_case::Column::SuiteId.eq(suite_id))
        .filter(eval_case::Column::RequestId.eq(request_id));
    let found = chosen.one(tx).await.map_err(StoreError::from)?;
    found.map(Case::try_from).transpose()
}

fn taken(error: StoreError, display_name: String) -> Error {
    if error.is_conflict_on("eval_suites", &["org_id", "agent_id", "name_key"]) {
        Error::EvalSuiteNameTaken(display_name)
    } else {
        error.into()
    }
}

fn suite_of(row: Model, case_count: i32) -> Suite {
    Suite {
        id: row.id,
        agent_id: row.agent_id,
        given: NewSuite {
            display_name: row.display_name,
            required_for_publish: row.required_for_publish,
            budget_micro_usd: row.budget_micro_usd,
        },
        case_count,
        revision: row.revision,
        create_time: row.create_time,
        update_time: row.update_time,
    }
}

fn case_row_of(tx: &Tx, case: &Case, request_id: Option<Uuid>) -> Result<eval_case::Model, Error> {
    let given = &case.given;
    Ok(eval_case::Model {
        id: case.id,
        org_id: tx.org_id()?.0,
        suite_id: case.suite_id,
        display_name: given.display_name.clone(),
        enabled: given.enabled,
        setup: to_json(&given.setup, "eval case")?,
        client_texts: to_json(&given.client_texts, "eval case")?,
        asserts: to_json(&given.asserts, "eval case")?,
        request_id,
        revision: case.revision,
        create_time: case.create_time,
        update_time: case.update_time,
    })
}

impl TryFrom<eval_case::Model> for Case {
    type Error = Error;

    fn try_from(row: eval_case::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            suite_id: row.suite_id,
            given: NewCase {
                display_name: row.display_name,
                enabled: row.enabled,
                setup: from_json(row.setup, "eval case")?,
                client_texts: from_json(row.client_texts, "eval case")?,
                asserts: from_json(row.asserts, "eval case")?,
            },
            revision: row.revision,
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}
