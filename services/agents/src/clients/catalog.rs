//! The crm service: what an account is set up with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use t11_core::{OrgId, format_name};
use t11_grpc::{Peer, RemoteFault};
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::catalog_service_client::CatalogServiceClient;
use tonic::Status;
use uuid::Uuid;

use crate::Error;
use crate::catalog::{Catalog, Field, LossReason, Pipeline, Stage, User};

/// Accounts remembered; a change is seen after a minute.
const REMEMBERED: usize = 1_000;
const FRESH: Duration = Duration::from_secs(60);

/// The crm service's catalogs.
pub(crate) struct Catalogs {
    peer: Peer,
    known: Cache<(OrgId, Uuid), (Arc<Catalog>, Instant)>,
}

impl Catalogs {
    /// The crm service behind `peer`.
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            known: Cache::new(REMEMBERED),
        }
    }

    /// An account as it was within the last minute: for turns.
    ///
    /// # Errors
    /// The neighbour's refusal.
    pub(crate) async fn recent(&self, org: OrgId, connection: Uuid) -> Result<Arc<Catalog>, Error> {
        if let Some((catalog, read)) = self.known.get(&(org, connection))
            && read.elapsed() < FRESH
        {
            return Ok(catalog);
        }
        self.reread(org, connection).await
    }

    /// An account as crm knows it now, for turns too from now on.
    ///
    /// # Errors
    /// The neighbour's refusal.
    pub(crate) async fn reread(&self, org: OrgId, connection: Uuid) -> Result<Arc<Catalog>, Error> {
        let catalog = Arc::new(self.read(connection).await?);
        let entry = (catalog.clone(), Instant::now());
        self.known.insert((org, connection), entry);
        Ok(catalog)
    }

    /// An account as crm knows it now, asked as the caller.
    ///
    /// # Errors
    /// The neighbour's refusal.
    pub(crate) async fn read(&self, connection: Uuid) -> Result<Catalog, Error> {
        let parent = format_name("connections", connection);
        let client = || CatalogServiceClient::new(self.peer.clone());
        let pipelines = pb::ListPipelinesRequest {
            parent: parent.clone(),
        };
        let users = pb::ListUsersRequest {
            parent: parent.clone(),
        };
        let fields = pb::ListCustomFieldsRequest {
            parent: parent.clone(),
        };
        let reasons = pb::ListLossReasonsRequest { parent };
        let (mut one, mut two, mut three, mut four) = (client(), client(), client(), client());
        let (pipelines, users, fields, reasons) = tokio::try_join!(
            one.list_pipelines(pipelines),
            two.list_users(users),
            three.list_custom_fields(fields),
            four.list_loss_reasons(reasons),
        )
        .map_err(|status| refusal(&status))?;
        let pipelines = pipelines.into_inner().pipelines.into_iter();
        let users = users.into_inner().users.into_iter();
        let fields = fields.into_inner().custom_fields.into_iter();
        let reasons = reasons.into_inner().loss_reasons.into_iter();
        Ok(Catalog {
            pipelines: pipelines.map(pipeline).collect(),
            users: users.map(user).collect(),
            fields: fields.map(field).collect(),
            loss_reasons: reasons.map(loss_reason).collect(),
        })
    }
}

fn refusal(status: &Status) -> Error {
    RemoteFault::from(status).into()
}

fn pipeline(pipeline: pb::Pipeline) -> Pipeline {
    let stages = pipeline.stages.into_iter().map(|stage| Stage {
        stage_id: stage.stage_id,
        display_name: stage.display_name,
        gone: stage.gone,
    });
    Pipeline {
        pipeline_id: pipeline.pipeline_id,
        display_name: pipeline.display_name,
        stages: stages.collect(),
        gone: pipeline.gone,
    }
}

fn user(user: pb::CrmUser) -> User {
    User {
        user_id: user.user_id,
        display_name: user.display_name,
        email: user.email,
        gone: user.gone,
    }
}

fn field(field: pb::CustomField) -> Field {
    let options = field.options.into_iter().map(|option| option.display_name);
    let required = field.required_stages.into_iter();
    Field {
        field_id: field.field_id,
        entity: field.entity,
        display_name: field.display_name,
        code: field.code,
        kind: field.r#type,
        options: options.collect(),
        required_stages: required.map(|at| (at.pipeline_id, at.stage_id)).collect(),
        read_only: field.read_only,
        gone: field.gone,
    }
}

fn loss_reason(reason: pb::LossReason) -> LossReason {
    LossReason {
        loss_reason_id: reason.loss_reason_id,
        display_name: reason.display_name,
    }
}
