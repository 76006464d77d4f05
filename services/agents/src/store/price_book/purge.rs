//! Old versions of price books go: each holds up to 200,000 items that nobody asks for.

use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryResult,
    QuerySelect as _, Statement,
};
use t11_store::{StoreError, System, Tx};
use uuid::Uuid;

use super::super::Store;
use super::super::entity::{agent_version, price_book, price_book_version};
use crate::Error;

/// Versions of a book that stay beside the live one: the newest, to go back to.
const KEPT: i64 = 2;
/// A younger version stays too: whoever imported it may be at work with it, or repeat the request.
const KEPT_FOR: TimeDelta = TimeDelta::days(1);

const PURGE: System = System("purge of old price book versions");

const OUTDATED: &str = "SELECT org_id, id FROM (\
    SELECT v.org_id, v.id, v.create_time, \
    ROW_NUMBER() OVER (PARTITION BY v.org_id ORDER BY v.number DESC) AS place \
    FROM price_book_versions v JOIN price_books b ON b.org_id = v.org_id \
    WHERE b.live_version_id IS NULL OR v.id <> b.live_version_id) others \
    WHERE place > $1 AND create_time < $2 AND NOT EXISTS (SELECT 1 FROM agent_versions a \
    WHERE a.org_id = others.org_id AND a.price_version_id = others.id AND a.pinned)";

impl Store {
    /// Deletes the versions of all organizations that are neither live nor among the newest
    /// `KEPT` others nor younger than `KEPT_FOR`, and that no kept version of an agent names prices
    /// of; how many. Each goes in a commit of its own.
    pub(crate) async fn purge_price_versions(&self) -> Result<u64, Error> {
        let before = self.world.now() - KEPT_FOR;
        let outdated: Vec<(Uuid, Uuid)> = self
            .db
            .read(PURGE, move |tx| async move {
                let values = [KEPT.into(), before.into()];
                let backend = tx.get_database_backend();
                let asked = Statement::from_sql_and_values(backend, OUTDATED, values);
                let rows = tx.query_all_raw(asked).await.map_err(StoreError::from)?;
                rows.iter().map(pair).collect()
            })
            .await?;
        let mut deleted = 0;
        for (org_id, id) in outdated {
            deleted += self
                .db
                .write(
                    PURGE,
                    move |tx| async move { delete(&tx, org_id, id).await },
                )
                .await?;
        }
        Ok(deleted)
    }
}

fn pair(row: &QueryResult) -> Result<(Uuid, Uuid), Error> {
    let id = |column: &str| row.try_get("", column).map_err(StoreError::from);
    Ok((id("org_id")?, id("id")?))
}

/// Deletes a version with its items, unless it was made live or taken by an agent meanwhile.
async fn delete(tx: &Tx, org_id: Uuid, id: Uuid) -> Result<u64, Error> {
    use price_book_version::{Column, Entity};
    // Whoever makes a version live, or takes it for an agent, holds this row first.
    let book = price_book::Entity::find_by_id(org_id).lock_exclusive();
    let book = book.one(tx).await.map_err(StoreError::from)?;
    if book.and_then(|book| book.live_version_id) == Some(id) {
        return Ok(0);
    }
    if is_pinned(tx, org_id, id).await? {
        return Ok(0);
    }
    let deleting = Entity::delete_many()
        .filter(Column::OrgId.eq(org_id))
        .filter(Column::Id.eq(id));
    let deleted = deleting.exec(tx).await.map_err(StoreError::from)?;
    Ok(deleted.rows_affected)
}

async fn is_pinned(tx: &Tx, org_id: Uuid, id: Uuid) -> Result<bool, Error> {
    use agent_version::{Column, Entity};
    let pinning = Entity::find()
        .filter(Column::OrgId.eq(org_id))
        .filter(Column::PriceVersionId.eq(id))
        .filter(Column::Pinned.eq(true));
    let found = pinning.limit(1).one(tx).await.map_err(StoreError::from)?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests {
    use sea_orm::PaginatorTrait as _;
    use sea_orm::sea_query::Expr;
    use t11_core::PageRequest;

    use super::super::super::entity::price_item;
    use super::super::super::testing::TestStore;
    use super::super::{Imported, NewVersion};
    use super::*;
    use crate::price_book::{NewItem, State, Version};

    async fn import(store: &TestStore, publish: bool) -> Version {
        let item = NewItem {
            sku: "OSLO".to_owned(),
            display_name: "Диван".to_owned(),
            aliases: Vec::new(),
            unit: String::new(),
            price_minor: 4_500_000,
            currency: "RUB".to_owned(),
            price_from: false,
            max_discount_percent: 0,
            valid_from: None,
            valid_until: None,
        };
        let imported = Imported {
            items: vec![item],
            errors: Vec::new(),
            bad_rows: 0,
        };
        let new = NewVersion {
            file_name: "Прайс.csv".to_owned(),
            imported,
            skip_bad_rows: false,
            publish,
            request_id: None,
        };
        store.create_price_version(&store.scope, new).await.unwrap()
    }

    /// Makes all versions up to `number` older than they are.
    async fn age(store: &TestStore, number: i32) {
        let long_ago = store.world.now() - TimeDelta::days(2);
        let aging = store.db.write(&store.scope, move |tx| async move {
            use price_book_version::{Column, Entity};
            let aging = tx
                .update_many::<Entity>()?
                .filter(Column::Number.lte(number))
                .col_expr(Column::CreateTime, Expr::value(long_ago));
            aging.exec(&tx).await.map_err(StoreError::from)?;
            Ok::<_, Error>(())
        });
        aging.await.unwrap();
    }

    async fn left(store: &TestStore) -> Vec<(i32, State)> {
        let page = PageRequest {
            size: 100,
            cursor: None,
        };
        let versions = store.price_versions(&store.scope, page).await.unwrap();
        let versions = versions.items.iter();
        versions.map(|v| (v.number, v.state)).collect()
    }

    async fn items(store: &TestStore) -> u64 {
        let counting = store.db.read(&store.scope, |tx| async move {
            let items = tx.find::<price_item::Entity>()?;
            Ok::<_, Error>(items.count(&tx).await.map_err(StoreError::from)?)
        });
        counting.await.unwrap()
    }

    #[tokio::test]
    async fn the_live_version_and_the_two_newest_others_stay() {
        let store = TestStore::new().await;
        let first = import(&store, true).await;
        for _ in 0..4 {
            import(&store, true).await;
        }
        import(&store, false).await;
        store
            .publish_price_version(&store.scope, first.id)
            .await
            .unwrap();
        assert_eq!(store.purge_price_versions().await.unwrap(), 0, "all young");
        age(&store, 3).await;
        assert_eq!(store.purge_price_versions().await.unwrap(), 2);
        age(&store, 6).await;
        assert_eq!(store.purge_price_versions().await.unwrap(), 1);
        let expected = [(6, State::Draft), (5, State::Retired), (1, State::Live)];
        assert_eq!(left(&store).await, expected);
        assert_eq!(items(&store).await, 3, "items go with their version");
        assert_eq!(store.purge_price_versions().await.unwrap(), 0);
        assert_eq!(import(&store, false).await.number, 7);
    }

    #[tokio::test]
    async fn what_was_made_live_meanwhile_stays_and_what_is_gone_cannot_be_made_live() {
        let store = TestStore::new().await;
        let (first, second) = (import(&store, true).await, import(&store, true).await);
        let org_id = store.scope.org().0;
        let purge = async |id| {
            let deleting = store.db.write(
                PURGE,
                move |tx| async move { delete(&tx, org_id, id).await },
            );
            deleting.await.unwrap()
        };
        assert_eq!(purge(second.id).await, 0);
        assert_eq!(purge(first.id).await, 1);
        let publishing = store.publish_price_version(&store.scope, first.id).await;
        assert!(publishing.is_err(), "{publishing:?}");
        assert_eq!(left(&store).await, [(2, State::Live)]);
    }
}
