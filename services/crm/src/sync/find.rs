//! What an account is set up with, as Kommo has it now.

use serde::Serialize;
use serde_json::{Value, json};
use t11_core::OrgScope;
use t11_kommo::client::{
    Account, CustomField, EntityKind, LossReason, Pipeline, Source, Stage, StageKind, TaskType,
    User,
};
use t11_kommo::id::StatusId;
use t11_kommo::{Client, Error as KommoError, Lane};
use uuid::Uuid;

use crate::catalog::{Entity, FieldFacts, Item, PipelineFacts, SourceFacts, StageFacts, UserFacts};
use crate::error::Error;
use crate::kommo::Kommo;

/// Most things of one kind that are read.
const MOST: usize = 10_000;
const FIELDS_OF: [EntityKind; 3] = [
    EntityKind::Leads,
    EntityKind::Contacts,
    EntityKind::Companies,
];

/// Everything that could be read. A kind that the token may not read is left out, and what is known
/// of it stays.
pub(super) async fn catalog(
    kommo: &Kommo,
    scope: &OrgScope,
    connection: Uuid,
    account: &Account,
) -> Result<Vec<(Entity, Vec<Item>)>, Error> {
    let ask = Ask {
        kommo,
        scope,
        connection,
    };
    let mut found = vec![(Entity::TaskType, task_types(account.task_types()))];
    let pipelines = ask
        .of(|client| async move { client.pipelines().await })
        .await?;
    if let Some(pipelines) = pipelines {
        let stages = pipelines.iter().flat_map(stages).collect();
        found.push((Entity::Pipeline, pipelines.iter().map(pipeline).collect()));
        found.push((Entity::Stage, stages));
    }
    let users = ask
        .of(|client| async move { client.users()?.collect(MOST).await })
        .await?;
    if let Some(users) = users {
        found.push((Entity::User, users.iter().map(user).collect()));
    }
    if let Some(fields) = ask.of(fields).await? {
        found.push((Entity::CustomField, fields));
    }
    let reasons = ask
        .of(|client| async move { client.loss_reasons().await })
        .await?;
    if let Some(reasons) = reasons {
        found.push((Entity::LossReason, loss_reasons(&reasons)));
    }
    let sources = ask
        .of(|client| async move { client.sources().await })
        .await?;
    if let Some(sources) = sources {
        found.push((Entity::Source, sources.iter().map(source).collect()));
    }
    Ok(found)
}

struct Ask<'a> {
    kommo: &'a Kommo,
    scope: &'a OrgScope,
    connection: Uuid,
}

impl Ask<'_> {
    /// `None` for what the token may not read, or the account does not have.
    async fn of<T, F, Fut>(&self, call: F) -> Result<Option<T>, Error>
    where
        F: Fn(Client) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, KommoError>> + Send,
    {
        let asked = self
            .kommo
            .with(self.scope, self.connection, Lane::Sync, call);
        match asked.await {
            Ok(found) => Ok(Some(found)),
            Err(Error::Kommo(
                KommoError::Forbidden(_)
                | KommoError::NotFound(_)
                | KommoError::PaymentRequired(..),
            )) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn facts(facts: impl Serialize) -> Value {
    json!(facts)
}

fn item(key: impl ToString, name: &str, position: i64) -> Item {
    Item {
        key: key.to_string(),
        display_name: name.to_owned(),
        position,
        facts: Value::Null,
        is_gone: false,
    }
}

fn pipeline(pipeline: &Pipeline) -> Item {
    Item {
        facts: facts(PipelineFacts {
            is_main: pipeline.is_main,
        }),
        is_gone: pipeline.is_archive,
        ..item(pipeline.id, &pipeline.name, pipeline.sort.unwrap_or(0))
    }
}

fn stages(pipeline: &Pipeline) -> impl Iterator<Item = Item> {
    pipeline.stages().iter().map(|stage| Item {
        facts: facts(StageFacts {
            color: stage.color.clone().unwrap_or_default(),
            kind: stage_kind(stage).to_owned(),
        }),
        is_gone: pipeline.is_archive,
        ..item(
            format!("{}/{}", pipeline.id, stage.id),
            &stage.name,
            stage.sort.unwrap_or(0),
        )
    })
}

fn stage_kind(stage: &Stage) -> &'static str {
    match (stage.id, stage.kind) {
        (StatusId::WON, _) => "won",
        (StatusId::LOST, _) => "lost",
        (_, StageKind::Unsorted) => "incoming",
        (_, StageKind::Normal) => "open",
    }
}

/// One who is shut out is gone.
fn user(user: &User) -> Item {
    Item {
        facts: facts(UserFacts {
            email: user.email.clone(),
            is_admin: user.is_admin(),
        }),
        is_gone: !user.is_active(),
        ..item(user.id, &user.name, user.id.0)
    }
}

async fn fields(client: Client) -> Result<Vec<Item>, KommoError> {
    let mut fields = Vec::new();
    for kind in FIELDS_OF {
        let of_kind = client.custom_fields(kind)?.collect(MOST).await?;
        fields.extend(of_kind.iter().map(|one| field(kind, one)));
    }
    Ok(fields)
}

fn field(kind: EntityKind, field: &CustomField) -> Item {
    let options = field.choices.iter();
    let required = field.required_statuses.iter();
    Item {
        facts: facts(FieldFacts {
            code: field.code.clone().unwrap_or_default(),
            field_type: field.kind.as_str().to_owned(),
            options: options
                .map(|choice| (choice.id.0, choice.value.clone()))
                .collect(),
            required_stages: required
                .map(|stage| (stage.pipeline_id.0, stage.status_id.0))
                .collect(),
            is_read_only: field.is_api_only,
        }),
        ..item(
            format!("{}/{}", kind.as_str(), field.id),
            &field.name,
            field.sort.unwrap_or(0),
        )
    }
}

fn task_types(types: &[TaskType]) -> Vec<Item> {
    let types = types.iter().zip(0..);
    types
        .map(|(task_type, position)| item(task_type.id, &task_type.name, position))
        .collect()
}

fn loss_reasons(reasons: &[LossReason]) -> Vec<Item> {
    let reasons = reasons.iter().zip(0..);
    reasons
        .map(|(reason, position)| item(reason.id, &reason.name, position))
        .collect()
}

fn source(source: &Source) -> Item {
    Item {
        facts: facts(SourceFacts {
            channel: source.origin_code.clone().unwrap_or_default(),
        }),
        ..item(source.id, &source.name, source.id.0)
    }
}
