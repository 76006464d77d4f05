//! `t11.crm.v1.CatalogService`.

use std::collections::HashMap;

use t11_core::{OrgScope, PageTokens};
use t11_grpc::scope;
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::catalog_service_server::CatalogService;
use tonic::{Request, Response, Status, async_trait};

use super::convert::{parent_connection, timestamp};
use crate::catalog::{Entity, FieldFacts, Item, PipelineFacts, StageFacts, UserFacts};
use crate::error::Error;
use crate::store::{Store, facts};

const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 200;

pub(super) struct Catalog {
    pub(super) store: Store,
    pub(super) page_tokens: PageTokens,
}

impl Catalog {
    async fn items(
        &self,
        scope: &OrgScope,
        parent: &str,
        entity: Entity,
    ) -> Result<Vec<Item>, Error> {
        let connection = parent_connection(parent)?;
        self.store.catalog(scope, connection, entity).await
    }
}

#[async_trait]
impl CatalogService for Catalog {
    async fn list_pipelines(
        &self,
        request: Request<pb::ListPipelinesRequest>,
    ) -> Result<Response<pb::ListPipelinesResponse>, Status> {
        let scope = scope(&request)?;
        let parent = request.into_inner().parent;
        let pipelines = self.items(&scope, &parent, Entity::Pipeline).await?;
        let stages = self.items(&scope, &parent, Entity::Stage).await?;
        let mut stages = by_pipeline(stages);
        let pipelines = pipelines.into_iter().map(|item| pb::Pipeline {
            main: facts::<PipelineFacts>(&item).is_main,
            stages: stages.remove(&item.key).unwrap_or_default(),
            pipeline_id: id(&item.key),
            display_name: item.display_name,
            gone: item.is_gone,
        });
        Ok(Response::new(pb::ListPipelinesResponse {
            pipelines: pipelines.collect(),
        }))
    }

    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        let scope = scope(&request)?;
        let parent = request.into_inner().parent;
        let users = self.items(&scope, &parent, Entity::User).await?;
        let users = users.into_iter().map(|item| {
            let facts = facts::<UserFacts>(&item);
            pb::CrmUser {
                user_id: id(&item.key),
                display_name: item.display_name,
                email: facts.email,
                admin: facts.is_admin,
                gone: item.is_gone,
            }
        });
        Ok(Response::new(pb::ListUsersResponse {
            users: users.collect(),
        }))
    }

    async fn list_custom_fields(
        &self,
        request: Request<pb::ListCustomFieldsRequest>,
    ) -> Result<Response<pb::ListCustomFieldsResponse>, Status> {
        let scope = scope(&request)?;
        let parent = request.into_inner().parent;
        let fields = self.items(&scope, &parent, Entity::CustomField).await?;
        Ok(Response::new(pb::ListCustomFieldsResponse {
            custom_fields: fields.into_iter().map(custom_field).collect(),
        }))
    }

    async fn list_task_types(
        &self,
        request: Request<pb::ListTaskTypesRequest>,
    ) -> Result<Response<pb::ListTaskTypesResponse>, Status> {
        let scope = scope(&request)?;
        let parent = request.into_inner().parent;
        let types = self.items(&scope, &parent, Entity::TaskType).await?;
        let types = there(types).map(|item| pb::TaskType {
            task_type_id: id(&item.key),
            display_name: item.display_name,
        });
        Ok(Response::new(pb::ListTaskTypesResponse {
            task_types: types.collect(),
        }))
    }

    async fn list_loss_reasons(
        &self,
        request: Request<pb::ListLossReasonsRequest>,
    ) -> Result<Response<pb::ListLossReasonsResponse>, Status> {
        let scope = scope(&request)?;
        let parent = request.into_inner().parent;
        let reasons = self.items(&scope, &parent, Entity::LossReason).await?;
        let reasons = there(reasons).map(|item| pb::LossReason {
            loss_reason_id: id(&item.key),
            display_name: item.display_name,
        });
        Ok(Response::new(pb::ListLossReasonsResponse {
            loss_reasons: reasons.collect(),
        }))
    }

    async fn list_channels(
        &self,
        request: Request<pb::ListChannelsRequest>,
    ) -> Result<Response<pb::ListChannelsResponse>, Status> {
        let scope = scope(&request)?;
        let connection = parent_connection(&request.into_inner().parent)?;
        let channels = self.store.channels(&scope, connection).await?;
        let channels = channels.into_iter().map(|channel| pb::Channel {
            channel: channel.channel,
            source_id: channel.source_id,
            display_name: channel.display_name,
            last_message_time: channel.last_message_time.map(timestamp),
        });
        Ok(Response::new(pb::ListChannelsResponse {
            channels: channels.collect(),
        }))
    }

    async fn list_sync_changes(
        &self,
        request: Request<pb::ListSyncChangesRequest>,
    ) -> Result<Response<pb::ListSyncChangesResponse>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let connection = parent_connection(&request.parent)?;
        let arguments = format!("ListSyncChanges/{}/{connection}", scope.org());
        let (size, token) = (request.page_size, &request.page_token);
        let page = self
            .page_tokens
            .read(&arguments, size, token, PAGE_DEFAULT, PAGE_MAX)
            .map_err(Error::from)?;
        let page = self.store.sync_changes(&scope, connection, page).await?;
        let next_page_token = self
            .page_tokens
            .write(&arguments, page.next_cursor.as_deref());
        let changes = page.items.into_iter().map(|change| pb::SyncChange {
            create_time: Some(timestamp(change.create_time)),
            kind: change.kind,
            entity: change.entity,
            entity_id: change.key,
            display_name: change.display_name,
            previous_display_name: change.previous_display_name,
        });
        Ok(Response::new(pb::ListSyncChangesResponse {
            sync_changes: changes.collect(),
            next_page_token,
        }))
    }
}

/// The stages of each pipeline, in Kommo's order.
fn by_pipeline(stages: Vec<Item>) -> HashMap<String, Vec<pb::Stage>> {
    let mut of: HashMap<String, Vec<pb::Stage>> = HashMap::new();
    for item in stages {
        let Some((pipeline, stage)) = item.key.split_once('/') else {
            continue;
        };
        let facts = facts::<StageFacts>(&item);
        of.entry(pipeline.to_owned()).or_default().push(pb::Stage {
            stage_id: id(stage),
            display_name: item.display_name.clone(),
            color: facts.color,
            kind: facts.kind,
            gone: item.is_gone,
        });
    }
    of
}

fn custom_field(item: Item) -> pb::CustomField {
    let facts = facts::<FieldFacts>(&item);
    let (entity, field) = item.key.split_once('/').unwrap_or_default();
    let options = facts.options.into_iter();
    let required = facts.required_stages.into_iter();
    pb::CustomField {
        field_id: id(field),
        entity: entity.to_owned(),
        display_name: item.display_name.clone(),
        code: facts.code,
        r#type: facts.field_type,
        options: options
            .map(|(option_id, display_name)| pb::CustomFieldOption {
                option_id,
                display_name,
            })
            .collect(),
        required_stages: required
            .map(|(pipeline_id, stage_id)| pb::RequiredStage {
                pipeline_id,
                stage_id,
            })
            .collect(),
        read_only: facts.is_read_only,
        gone: item.is_gone,
    }
}

/// Where messages cannot say that a thing is gone, it is left out.
fn there(items: Vec<Item>) -> impl Iterator<Item = Item> {
    items.into_iter().filter(|item| !item.is_gone)
}

/// The number that a key is; keys are made of numbers.
fn id(key: &str) -> i64 {
    key.parse().unwrap_or(0)
}
