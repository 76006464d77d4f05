//! What is edited on both tabs, and the way to change parts of it.

use leptos::prelude::*;

use crate::api::Problem;
use crate::api::crm::{self, Account, CustomField};
use crate::api::crm_settings::{
    self, CrmSettings, PipelineSettings, StageMove, StageMoveMode, StageSettings,
};
use crate::query::Query;

/// A move by its pipeline and its two stages.
pub(super) type MoveKey = (i64, i64, i64);

#[derive(Clone, Copy)]
pub(crate) struct CrmForm {
    pub(super) settings: Query<CrmSettings>,
    pub(super) accounts: Query<Vec<Account>>,
    pub(super) fields: Query<Vec<CustomField>>,
    /// As loaded: what unsaved changes are counted against.
    base: RwSignal<CrmSettings>,
    pub(super) edited: RwSignal<CrmSettings>,
}

impl CrmForm {
    pub(crate) fn new(agent: String) -> Self {
        let settings = Query::once(move || crm_settings::get(agent.clone()));
        let base = RwSignal::new(CrmSettings::default());
        let edited = RwSignal::new(CrmSettings::default());
        Effect::new(move |_| {
            if let Some(loaded) = settings.data.get() {
                base.set(loaded.clone());
                edited.set(loaded);
            }
        });
        let connection = Memo::new(move |_| edited.with(|edited| edited.connection.clone()));
        Self {
            settings,
            accounts: Query::once(crm::accounts),
            fields: Query::keyed(move || connection.get(), fields_of),
            base,
            edited,
        }
    }

    pub(crate) fn is_dirty(self) -> bool {
        self.edited
            .with(|edited| self.base.with(|base| edited != base))
    }

    /// Saves what was changed; nothing when nothing was.
    pub(crate) async fn save(self) -> Result<(), Problem> {
        if !untrack(|| self.is_dirty()) {
            return Ok(());
        }
        let saved = crm_settings::replace(self.edited.get_untracked()).await?;
        self.base.set(saved.clone());
        self.edited.set(saved);
        Ok(())
    }

    /// Puts this form over what somebody else saved meanwhile.
    pub(crate) async fn renew_etag(self) -> Result<(), Problem> {
        let agent = self
            .edited
            .with_untracked(|edited| edited.name.trim_end_matches("/crmSettings").to_owned());
        let newest = crm_settings::get(agent).await?;
        self.edited.update(|edited| edited.etag = newest.etag);
        Ok(())
    }

    pub(crate) fn reload(self) {
        self.settings.reload();
    }

    /// The account where the agent works, if there is one.
    pub(in crate::pages::agents) fn account(self) -> Option<Account> {
        let connection = self.edited.with(|edited| edited.connection.clone());
        let accounts = self.accounts.data.get()?;
        accounts
            .into_iter()
            .find(|account| account.connection.name == connection)
    }

    /// Its connection; empty when the agent works nowhere.
    pub(in crate::pages::agents) fn connection(self) -> String {
        self.edited.with(|edited| edited.connection.clone())
    }

    /// The Salesbots that the agent may run.
    pub(in crate::pages::agents) fn salesbots(self) -> Vec<i64> {
        self.edited.with(|edited| edited.salesbot_ids.clone())
    }

    /// Another account has other pipelines, fields and channels: nothing of the old one stays.
    pub(super) fn choose_account(self, connection: String) {
        self.edited.update(|edited| {
            if edited.connection != connection {
                *edited = CrmSettings {
                    name: edited.name.clone(),
                    etag: edited.etag.clone(),
                    resume_after_hours: edited.resume_after_hours,
                    all_channels: true,
                    connection,
                    ..CrmSettings::default()
                };
            }
        });
    }

    pub(super) fn has_pipeline(self, pipeline_id: i64) -> bool {
        self.edited
            .with(|edited| pipeline_of(edited, pipeline_id).is_some())
    }

    pub(super) fn set_pipeline(self, pipeline_id: i64, is_on: bool) {
        self.edited.update(|edited| {
            edited
                .pipelines
                .retain(|pipeline| pipeline.pipeline_id != pipeline_id);
            if is_on {
                edited.pipelines.push(PipelineSettings {
                    pipeline_id,
                    all_stages: true,
                    stages: Vec::new(),
                });
            } else {
                edited
                    .stage_moves
                    .retain(|one| one.pipeline_id != pipeline_id);
            }
        });
    }

    pub(super) fn has_all_stages(self, pipeline_id: i64) -> bool {
        self.edited.with(|edited| {
            pipeline_of(edited, pipeline_id).is_some_and(|pipeline| pipeline.all_stages)
        })
    }

    pub(super) fn change_pipeline(
        self,
        pipeline_id: i64,
        change: impl FnOnce(&mut PipelineSettings),
    ) {
        self.edited.update(|edited| {
            let pipeline = edited
                .pipelines
                .iter_mut()
                .find(|pipeline| pipeline.pipeline_id == pipeline_id);
            if let Some(pipeline) = pipeline {
                change(pipeline);
            }
        });
    }

    pub(super) fn stage(self, pipeline_id: i64, stage_id: i64) -> Option<StageSettings> {
        self.edited.with(|edited| {
            let stages = &pipeline_of(edited, pipeline_id)?.stages;
            stages
                .iter()
                .find(|stage| stage.stage_id == stage_id)
                .cloned()
        })
    }

    pub(super) fn set_stage(self, pipeline_id: i64, stage_id: i64, is_on: bool) {
        self.change_pipeline(pipeline_id, |pipeline| {
            pipeline.stages.retain(|stage| stage.stage_id != stage_id);
            if is_on {
                pipeline.stages.push(StageSettings {
                    stage_id,
                    ..StageSettings::default()
                });
            }
        });
    }

    /// Changes a stage; one that had no settings gets them.
    pub(super) fn change_stage(
        self,
        pipeline_id: i64,
        stage_id: i64,
        change: impl FnOnce(&mut StageSettings),
    ) {
        self.change_pipeline(pipeline_id, |pipeline| {
            let place = pipeline
                .stages
                .iter()
                .position(|stage| stage.stage_id == stage_id);
            let place = place.unwrap_or_else(|| {
                pipeline.stages.push(StageSettings {
                    stage_id,
                    ..StageSettings::default()
                });
                pipeline.stages.len() - 1
            });
            change(&mut pipeline.stages[place]);
        });
    }

    pub(super) fn move_mode(self, key: MoveKey) -> StageMoveMode {
        self.edited.with(|edited| {
            let found = edited.stage_moves.iter().find(|one| key_of(one) == key);
            match found.map(StageMove::mode) {
                None | Some(StageMoveMode::Unspecified) => StageMoveMode::Never,
                Some(mode) => mode,
            }
        })
    }

    pub(super) fn set_move(self, key: MoveKey, mode: StageMoveMode) {
        self.edited.update(|edited| {
            let place = edited.stage_moves.iter().position(|one| key_of(one) == key);
            match (place, mode) {
                (Some(place), StageMoveMode::Never | StageMoveMode::Unspecified) => {
                    edited.stage_moves.remove(place);
                }
                (Some(place), mode) => edited.stage_moves[place].mode = mode.into(),
                (None, StageMoveMode::Never | StageMoveMode::Unspecified) => {}
                (None, mode) => edited.stage_moves.push(StageMove {
                    pipeline_id: key.0,
                    from_stage_id: key.1,
                    to_stage_id: key.2,
                    mode: mode.into(),
                    ..StageMove::default()
                }),
            }
        });
    }

    pub(super) fn change_move(self, key: MoveKey, change: impl FnOnce(&mut StageMove)) {
        self.edited.update(|edited| {
            if let Some(one) = edited.stage_moves.iter_mut().find(|one| key_of(one) == key) {
                change(one);
            }
        });
    }
}

pub(super) fn key_of(one: &StageMove) -> MoveKey {
    (one.pipeline_id, one.from_stage_id, one.to_stage_id)
}

fn pipeline_of(settings: &CrmSettings, pipeline_id: i64) -> Option<&PipelineSettings> {
    settings
        .pipelines
        .iter()
        .find(|pipeline| pipeline.pipeline_id == pipeline_id)
}

async fn fields_of(connection: String) -> Result<Vec<CustomField>, Problem> {
    if connection.is_empty() {
        return Ok(Vec::new());
    }
    crm::custom_fields(connection).await
}
