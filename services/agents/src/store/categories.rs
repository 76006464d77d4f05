//! Rows of the category tree.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgScope, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::category::{ActiveModel, Column, Entity, Model};
use super::entity::source;
use crate::Error;
use crate::category::{Category, NewCategory, Tree};

/// Categories of an organization at most.
const MOST: u64 = 1_000;

impl Store {
    /// The whole tree, parents before children.
    pub(crate) async fn categories(&self, scope: &OrgScope) -> Result<Vec<Category>, Error> {
        let all = self
            .db
            .read(scope, |tx| async move { all(&tx).await })
            .await?;
        Ok(parents_first(all))
    }

    /// Adds a category; a known request id answers with the one it made.
    pub(crate) async fn create_category(
        &self,
        scope: &OrgScope,
        new: NewCategory,
        request_id: Option<Uuid>,
    ) -> Result<Category, Error> {
        let id = self.world.new_id();
        self.db
            .write(scope, move |tx| async move {
                if let Some(made) = made_by(&tx, request_id).await? {
                    return Ok(made);
                }
                let tree = Tree::of(&all(&tx).await?);
                tree.may_hang(None, new.parent)?;
                tx.audit_target(format_name("categories", id));
                let row = Model {
                    id,
                    org_id: tx.org_id()?.0,
                    parent_id: new.parent.unwrap_or_default(),
                    name_key: new.display_name.to_lowercase(),
                    display_name: new.display_name.clone(),
                    description: new.description,
                    sort_order: new.sort_order,
                    request_id,
                    revision: 1,
                };
                let inserted = row.into_active_model().insert(&tx).await;
                let row = inserted.map_err(|error| taken(error.into(), &new.display_name))?;
                Ok(category(row, 0))
            })
            .await
    }

    /// Replaces the named fields.
    pub(crate) async fn update_category(
        &self,
        scope: &OrgScope,
        id: Uuid,
        given: NewCategory,
        fields: Vec<String>,
        etag: String,
    ) -> Result<Category, Error> {
        self.db
            .write(scope, move |tx| async move {
                let all = held(&tx).await?;
                let now = all.iter().find(|category| category.id == id).cloned();
                let now = now.ok_or_else(|| Error::not_found("categories", id))?;
                now.etag().check(&etag)?;
                let changed = merged(&now, given, &fields).check()?;
                if changed.parent != now.parent {
                    Tree::of(&all).may_hang(Some(id), changed.parent)?;
                }
                tx.audit_target(format_name("categories", id));
                let row = ActiveModel {
                    id: ActiveValue::Unchanged(id),
                    parent_id: ActiveValue::Set(changed.parent.unwrap_or_default()),
                    name_key: ActiveValue::Set(changed.display_name.to_lowercase()),
                    display_name: ActiveValue::Set(changed.display_name.clone()),
                    description: ActiveValue::Set(changed.description),
                    sort_order: ActiveValue::Set(changed.sort_order),
                    revision: ActiveValue::Set(now.revision + 1),
                    ..Default::default()
                };
                let saved = row.update(&tx).await;
                let row = saved.map_err(|error| taken(error.into(), &changed.display_name))?;
                Ok(category(row, now.source_count))
            })
            .await
    }

    /// Deletes a category without children; its sources move to its parent.
    pub(crate) async fn delete_category(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                let all = held(&tx).await?;
                let found = all.iter().find(|category| category.id == id);
                let parent = found
                    .ok_or_else(|| Error::not_found("categories", id))?
                    .parent;
                if all.iter().any(|category| category.parent == Some(id)) {
                    return Err(Error::CategoryHasChildren);
                }
                tx.audit_target(format_name("categories", id));
                let version = super::sources::next_index_version(&tx).await?;
                tx.update_many::<source::Entity>()?
                    .filter(source::Column::CategoryId.eq(id))
                    .col_expr(
                        source::Column::CategoryId,
                        sea_orm::sea_query::Expr::value(parent),
                    )
                    .col_expr(
                        source::Column::IndexVersion,
                        sea_orm::sea_query::Expr::value(version),
                    )
                    .exec(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                deleting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(())
            })
            .await
    }
}

pub(super) async fn all(tx: &Tx) -> Result<Vec<Category>, Error> {
    let rows = tx
        .find::<Entity>()?
        .order_by_asc(Column::SortOrder)
        .order_by_asc(Column::NameKey)
        .limit(MOST)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let counts = counts(tx).await?;
    let of = |row: Model| {
        let count = counts.get(&row.id).copied().unwrap_or(0);
        category(row, count)
    };
    Ok(rows.into_iter().map(of).collect())
}

/// The same, held until the transaction ends: where one may hang depends on all of them.
async fn held(tx: &Tx) -> Result<Vec<Category>, Error> {
    let rows = tx.find::<Entity>()?.order_by_asc(Column::Id);
    rows.lock_exclusive()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    all(tx).await
}

async fn counts(tx: &Tx) -> Result<HashMap<Uuid, u64>, Error> {
    let rows: Vec<(Option<Uuid>, i64)> = tx
        .find::<source::Entity>()?
        .select_only()
        .column(source::Column::CategoryId)
        .column_as(source::Column::Id.count(), "count")
        .group_by(source::Column::CategoryId)
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let known = |(id, count): (Option<Uuid>, i64)| Some((id?, u64::try_from(count).unwrap_or(0)));
    Ok(rows.into_iter().filter_map(known).collect())
}

/// Refuses a category that is not the organization's.
pub(super) async fn check(tx: &Tx, id: Option<Uuid>) -> Result<(), Error> {
    let Some(id) = id else { return Ok(()) };
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    match found.map_err(StoreError::from)? {
        Some(_) => Ok(()),
        None => Err(Error::not_found("categories", id)),
    }
}

async fn made_by(tx: &Tx, request_id: Option<Uuid>) -> Result<Option<Category>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let found = tx
        .find::<Entity>()?
        .filter(Column::RequestId.eq(request_id))
        .one(tx)
        .await;
    Ok(found.map_err(StoreError::from)?.map(|row| category(row, 0)))
}

fn merged(now: &Category, given: NewCategory, fields: &[String]) -> NewCategory {
    let named = |field: &str| fields.iter().any(|named| named == field);
    NewCategory {
        parent: if named("parent") {
            given.parent
        } else {
            now.parent
        },
        display_name: if named("display_name") {
            given.display_name
        } else {
            now.display_name.clone()
        },
        description: if named("description") {
            given.description
        } else {
            now.description.clone()
        },
        sort_order: if named("sort_order") {
            given.sort_order
        } else {
            now.sort_order
        },
    }
}

fn taken(error: StoreError, display_name: &str) -> Error {
    let columns = ["org_id", "parent_id", "name_key"];
    if error.is_conflict_on("knowledge_categories", &columns) {
        Error::CategoryNameTaken(display_name.to_owned())
    } else {
        error.into()
    }
}

fn category(row: Model, source_count: u64) -> Category {
    Category {
        id: row.id,
        parent: Some(row.parent_id).filter(|id| !id.is_nil()),
        display_name: row.display_name,
        description: row.description,
        sort_order: row.sort_order,
        revision: row.revision,
        source_count,
    }
}

fn parents_first(all: Vec<Category>) -> Vec<Category> {
    fn add(all: &[Category], parent: Option<Uuid>, ordered: &mut Vec<Category>) {
        for category in all.iter().filter(|category| category.parent == parent) {
            ordered.push(category.clone());
            add(all, Some(category.id), ordered);
        }
    }
    let mut ordered = Vec::with_capacity(all.len());
    add(&all, None, &mut ordered);
    ordered
}
