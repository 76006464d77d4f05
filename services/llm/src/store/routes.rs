//! Routes of organizations.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _,
};
use t11_core::{OrgScope, format_name};
use t11_store::StoreError;
use uuid::Uuid;

use super::Store;
use super::entity::route::{Column, Entity, Model};
use crate::error::Error;
use crate::route::{MOST_ROUTES, Route, Target};

impl Store {
    /// All routes, by alias.
    pub(crate) async fn routes(&self, scope: &OrgScope) -> Result<Vec<Route>, StoreError> {
        self.db
            .read(scope, |tx| async move {
                let rows = tx.find::<Entity>()?.order_by_asc(Column::Alias);
                let rows = rows.all(&tx).await?.into_iter();
                rows.map(Route::try_from).collect()
            })
            .await
    }

    /// Makes the route of its alias, or replaces it and keeps its id.
    ///
    /// # Errors
    /// [`Error::TooManyRoutes`].
    pub(crate) async fn set_route(&self, scope: &OrgScope, new: Route) -> Result<Route, Error> {
        self.db
            .write(scope, move |tx| async move {
                let found = tx.find::<Entity>()?.filter(Column::Alias.eq(&*new.alias));
                let found = found.one(&tx).await.map_err(StoreError::from)?;
                let known = tx.find::<Entity>()?.count(&tx).await;
                let known = known.map_err(StoreError::from)?;
                if found.is_none() && known >= MOST_ROUTES as u64 {
                    return Err(Error::TooManyRoutes);
                }
                let route = Route {
                    id: found.as_ref().map_or(new.id, |row| row.id),
                    ..new
                };
                tx.audit_target(format_name("routes", route.id));
                let row = Model {
                    id: route.id,
                    org_id: tx.org_id()?.0,
                    alias: route.alias.clone(),
                    targets: serde_json::to_value(&route.targets[..]).map_err(unreadable)?,
                    hedge_delay_ms: millis(route.hedge_delay),
                    cache_ttl_seconds: seconds(route.cache_time),
                    update_time: route.update_time,
                };
                let row = row.into_active_model();
                let saved = match found {
                    Some(_) => row.reset_all().update(&tx).await,
                    None => row.insert(&tx).await,
                };
                saved.map_err(StoreError::from)?;
                Ok(route)
            })
            .await
    }

    pub(crate) async fn delete_route(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                tx.audit_target(format_name("routes", id));
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                let deleted = deleting.exec(&tx).await.map_err(StoreError::from)?;
                match deleted.rows_affected {
                    0 => Err(Error::RouteUnknown),
                    _ => Ok(()),
                }
            })
            .await
    }
}

fn millis(delay: Duration) -> i32 {
    i32::try_from(delay.as_millis()).unwrap_or(i32::MAX)
}

fn seconds(time: Duration) -> Option<i32> {
    let seconds = i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
    Some(seconds).filter(|seconds| *seconds > 0)
}

fn unreadable(error: serde_json::Error) -> StoreError {
    sea_orm::DbErr::Json(error.to_string()).into()
}

impl TryFrom<Model> for Route {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let targets: Vec<Target> = serde_json::from_value(row.targets).map_err(unreadable)?;
        Ok(Self {
            id: row.id,
            alias: row.alias,
            targets: Arc::from(targets),
            hedge_delay: Duration::from_millis(row.hedge_delay_ms.unsigned_abs().into()),
            cache_time: Duration::from_secs(
                row.cache_ttl_seconds.unwrap_or(0).unsigned_abs().into(),
            ),
            update_time: row.update_time,
        })
    }
}
