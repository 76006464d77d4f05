//! Rows of the agents' settings for the CRM.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
};
use t11_core::{OrgScope, World, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::entity::crm_settings::{Column, Entity, Model};
use super::entity::{agent as agent_row, crm_stage};
use super::{Store, agents, from_json, to_json, versions};
use crate::Error;
use crate::agent::{Agent, State};
use crate::catalog::Catalog;
use crate::crm_settings::{CrmRules, CrmSettings, LOST, Place, Placement, WON, placement};
use crate::jobs::notify::{self, StageGone};
use crate::version::Frozen;

/// In `crm_stages`: every open stage.
const EVERY_OPEN: i64 = 0;

impl Store {
    /// An agent's settings; empty ones when it was never given any.
    pub(crate) async fn crm_settings(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
    ) -> Result<CrmSettings, Error> {
        self.db
            .read(scope, move |tx| async move {
                agents::by_id(&tx, agent_id).await?;
                Ok(of_agent(&tx, agent_id).await?.of_its_rules())
            })
            .await
    }

    /// Replaces an agent's settings with checked ones. Nothing of them is gone: they were checked
    /// against the account. Where an agent has a live version, it goes on working where that says.
    pub(crate) async fn replace_crm_settings(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        rules: CrmRules,
        etag: String,
    ) -> Result<CrmSettings, Error> {
        let now = self.world.now();
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| async move {
                let agent = agents::held(&tx, agent_id).await?;
                let old = row_of(&tx, agent_id).await?;
                let revision = old.as_ref().map_or(0, |row| row.revision);
                t11_core::Etag::of(revision).check(&etag)?;
                let live = versions::live(&tx, &agent).await?;
                if live.is_none() {
                    refuse_taken(&tx, &agent, &rules).await?;
                }
                tx.audit_target(format!("{}/crmSettings", format_name("agents", agent_id)));
                let new = Model {
                    id: old.as_ref().map_or_else(|| world.new_id(), |row| row.id),
                    org_id: tx.org_id()?.0,
                    agent_id,
                    connection_id: rules.connection,
                    rules: to_json(&rules, "crm settings")?,
                    gone: gone_of_live(old.as_ref(), live.as_deref())?,
                    revision: revision + 1,
                    update_time: now,
                };
                let row = save(&tx, old.is_some(), new).await?;
                if live.is_none() {
                    replace_stages(&tx, row.id, &rules, &world).await?;
                }
                Ok(CrmSettings::try_from(row)?.of_its_rules())
            })
            .await
    }

    /// Notes what of all agents' settings the account has no longer, and tells people of the stages
    /// that agents worked on. Revisions stay: nobody has changed the settings.
    pub(crate) async fn note_gone(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        catalog: Catalog,
    ) -> Result<(), Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| async move {
                let rows = of_connection(&tx, connection).await?;
                let mut lost = BTreeMap::new();
                for (agent, draft) in with_agents(&tx, rows).await? {
                    let (agent, settings) = frozen(&tx, agent, draft.clone()).await?;
                    let mut gone = Vec::new();
                    for rules in [&draft.rules, &settings.rules] {
                        if rules.connection == Some(connection) {
                            gone.extend(rules.gone(&catalog));
                        }
                    }
                    gone.sort();
                    gone.dedup();
                    if gone != settings.gone {
                        set_gone(&tx, agent.id, &gone).await?;
                    }
                    if settings.rules.connection != Some(connection) {
                        continue;
                    }
                    for stage in settings.rules.lost_stages(&catalog, &settings.gone) {
                        let agents: &mut Vec<_> = lost.entry(stage).or_default();
                        agents.push((agent.id, agent.display_name.clone()));
                    }
                }
                for (stage, agents) in lost {
                    let gone = StageGone {
                        connection,
                        stage,
                        display_name: catalog.stage_name(stage.0, stage.1),
                        agents,
                        day: world.now().date_naive(),
                    };
                    tx.enqueue(notify::stage_gone(&world, gone)).await?;
                }
                Ok(())
            })
            .await
    }
}

async fn set_gone(tx: &Tx, agent_id: Uuid, gone: &[String]) -> Result<(), Error> {
    let gone = to_json(&gone, "crm settings")?;
    tx.update_many::<Entity>()?
        .filter(Column::AgentId.eq(agent_id))
        .col_expr(Column::Gone, sea_orm::sea_query::Expr::value(gone))
        .exec(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(())
}

/// What of the live version is gone, as far as it is known.
fn gone_of_live(old: Option<&Model>, live: Option<&Frozen>) -> Result<serde_json::Value, Error> {
    let gone = match (old, live) {
        (Some(old), Some(live)) => {
            let settings = CrmSettings {
                rules: live.snapshot.crm.clone(),
                ..CrmSettings::try_from(old.clone())?
            };
            settings.of_its_rules().gone
        }
        _ => Vec::new(),
    };
    to_json(&gone, "crm settings")
}

/// Every setting of a connection, as a draft or where its agent works, held.
async fn of_connection(tx: &Tx, connection: Uuid) -> Result<Vec<Model>, Error> {
    let working: Vec<Uuid> = tx
        .find::<crm_stage::Entity>()?
        .select_only()
        .column(crm_stage::Column::SettingsId)
        .filter(crm_stage::Column::ConnectionId.eq(connection))
        .distinct()
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let of_it = Condition::any()
        .add(Column::ConnectionId.eq(connection))
        .add(Column::Id.is_in(working));
    let rows = tx
        .find::<Entity>()?
        .filter(of_it)
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(tx)
        .await;
    Ok(rows.map_err(StoreError::from)?)
}

/// Who answers on a stage and channel of a connection, or why nobody does.
pub(super) async fn agent_at(
    tx: &Tx,
    connection: Uuid,
    pipeline_id: i64,
    stage_id: i64,
    channel: &str,
) -> Result<Placement, Error> {
    use crm_stage::Column as Stage;
    let mut stages = vec![stage_id];
    if stage_id != WON && stage_id != LOST {
        stages.push(EVERY_OPEN);
    }
    let settings = tx
        .find::<crm_stage::Entity>()?
        .select_only()
        .column(Stage::SettingsId)
        .filter(Stage::ConnectionId.eq(connection))
        .filter(Stage::PipelineId.eq(pipeline_id))
        .filter(Stage::StageId.is_in(stages))
        .into_query();
    let rows = tx
        .find::<Entity>()?
        .filter(Column::Id.in_subquery(settings))
        .order_by_asc(Column::Id)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let place = Place {
        pipeline_id,
        stage_id,
        channel,
    };
    let mut candidates = Vec::new();
    for (agent, settings) in with_agents(tx, rows).await? {
        candidates.push(frozen(tx, agent, settings).await?);
    }
    Ok(placement(candidates, place))
}

/// An agent as it answers clients, with where it works: as its live version has it, where there is
/// one.
pub(super) async fn answering(tx: &Tx, agent: Agent) -> Result<(Agent, CrmSettings), Error> {
    let settings = of_agent(tx, agent.id).await?;
    frozen(tx, agent, settings).await
}

async fn frozen(
    tx: &Tx,
    agent: Agent,
    settings: CrmSettings,
) -> Result<(Agent, CrmSettings), Error> {
    let Some(live) = versions::live(tx, &agent).await? else {
        return Ok((agent, settings));
    };
    let rules = live.snapshot.crm.clone();
    Ok((
        agent.answering_from(live),
        CrmSettings { rules, ..settings },
    ))
}

/// Has an agent work where `rules` say.
pub(super) async fn place(
    tx: &Tx,
    agent_id: Uuid,
    rules: &CrmRules,
    world: &World,
) -> Result<(), Error> {
    match row_of(tx, agent_id).await? {
        Some(row) => replace_stages(tx, row.id, rules, world).await,
        // It was never given any settings.
        None => Ok(()),
    }
}

/// Makes checked rules those of the draft.
pub(super) async fn replace_draft(
    tx: &Tx,
    agent_id: Uuid,
    rules: &CrmRules,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(row) = row_of(tx, agent_id).await? else {
        return Ok(());
    };
    let new = Model {
        connection_id: rules.connection,
        rules: to_json(rules, "crm settings")?,
        revision: row.revision + 1,
        update_time: now,
        ..row
    };
    save(tx, true, new).await.map(drop)
}

async fn with_agents(tx: &Tx, rows: Vec<Model>) -> Result<Vec<(Agent, CrmSettings)>, Error> {
    let ids = rows.iter().map(|row| row.agent_id);
    let found = tx
        .find::<agent_row::Entity>()?
        .filter(agent_row::Column::Id.is_in(ids))
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let mut agents = Vec::new();
    for row in found {
        agents.push(Agent::try_from(row)?);
    }
    let mut both = Vec::new();
    for row in rows {
        let settings = CrmSettings::try_from(row)?;
        let agent = agents.iter().find(|agent| agent.id == settings.agent_id);
        if let Some(agent) = agent {
            both.push((agent.clone(), settings));
        }
    }
    Ok(both)
}

/// Refuses that an active agent answers by itself where another does.
pub(super) async fn refuse_active(tx: &Tx, agent: Agent) -> Result<(), Error> {
    if agent.state != State::Active {
        return Ok(());
    }
    let (agent, settings) = answering(tx, agent).await?;
    refuse_taken(tx, &agent, &settings.rules).await
}

/// Refuses that a second agent answers by itself where an active one does. Every setting of the
/// connection is held meanwhile, so that two do not take a stage at once.
pub(super) async fn refuse_taken(tx: &Tx, agent: &Agent, rules: &CrmRules) -> Result<(), Error> {
    let Some(connection) = rules.connection else {
        return Ok(());
    };
    let rows = of_connection(tx, connection).await?;
    let others = rows.into_iter().filter(|row| row.agent_id != agent.id);
    for (other, settings) in with_agents(tx, others.collect()).await? {
        let (other, settings) = frozen(tx, other, settings).await?;
        let mode = agent.settings.answer_mode;
        let met = rules.meets(mode, &settings.rules, other.settings.answer_mode);
        if let (State::Active, Some((pipeline_id, stage_id))) = (other.state, met) {
            return Err(Error::StageTaken {
                agent: other.id,
                display_name: other.display_name,
                pipeline_id,
                stage_id,
            });
        }
    }
    Ok(())
}

pub(super) async fn of_agent(tx: &Tx, agent_id: Uuid) -> Result<CrmSettings, Error> {
    match row_of(tx, agent_id).await? {
        Some(row) => row.try_into(),
        None => Ok(CrmSettings::none(agent_id)),
    }
}

async fn row_of(tx: &Tx, agent_id: Uuid) -> Result<Option<Model>, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::AgentId.eq(agent_id));
    Ok(chosen.one(tx).await.map_err(StoreError::from)?)
}

async fn save(tx: &Tx, known: bool, row: Model) -> Result<Model, Error> {
    let row = row.into_active_model();
    let saved = if known {
        row.reset_all().update(tx).await
    } else {
        row.insert(tx).await
    };
    Ok(saved.map_err(StoreError::from)?)
}

async fn replace_stages(
    tx: &Tx,
    settings_id: Uuid,
    rules: &CrmRules,
    world: &World,
) -> Result<(), Error> {
    let old = tx
        .delete_many::<crm_stage::Entity>()?
        .filter(crm_stage::Column::SettingsId.eq(settings_id));
    old.exec(tx).await.map_err(StoreError::from)?;
    let (Some(connection_id), org_id) = (rules.connection, tx.org_id()?.0) else {
        return Ok(());
    };
    let mut rows = Vec::new();
    for pipeline in &rules.pipelines {
        let all = pipeline.all_stages.then_some(EVERY_OPEN);
        let stages = pipeline.stages.iter().map(|stage| stage.stage_id);
        for stage_id in stages.chain(all) {
            let row = crm_stage::Model {
                id: world.new_id(),
                org_id,
                settings_id,
                connection_id,
                pipeline_id: pipeline.pipeline_id,
                stage_id,
            };
            rows.push(row.into_active_model());
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let inserting = crm_stage::Entity::insert_many(rows);
    let inserted = inserting.exec_without_returning(tx).await;
    inserted.map_err(StoreError::from)?;
    Ok(())
}

impl TryFrom<Model> for CrmSettings {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            agent_id: row.agent_id,
            rules: from_json(row.rules, "crm settings")?,
            gone: from_json(row.gone, "crm settings")?,
            revision: row.revision,
            update_time: Some(row.update_time),
        })
    }
}
