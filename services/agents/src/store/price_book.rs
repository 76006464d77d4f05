//! Versions of the price book, their items, and the live one in memory.

mod purge;

use std::sync::Arc;

use chrono::NaiveDate;
use quick_cache::sync::Cache;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgScope, Page, PageRequest, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::agents::contains;
use super::entity::{price_book, price_book_version, price_item};
use super::{Store, from_json, to_json};
use crate::Error;
use crate::price_book::catalogue::Catalogue;
use crate::price_book::import::Imported;
use crate::price_book::{Changes, NewItem, PriceItem, State, Version};

/// Rows of one insert: SQLite allows 32,766 variables a statement.
const ROWS: usize = 1_000;

/// Items kept in memory, of all organizations together.
const REMEMBERED_ITEMS: u64 = 1_000_000;
/// Organizations expected among them.
const REMEMBERED_VERSIONS: usize = 1_000;

/// Live versions in memory, by their ids: a version never changes.
pub(super) type Catalogues = Cache<Uuid, Arc<Catalogue>, ByItems>;

/// A catalogue weighs its items.
#[derive(Debug, Clone)]
pub(super) struct ByItems;

impl quick_cache::Weighter<Uuid, Arc<Catalogue>> for ByItems {
    fn weight(&self, _: &Uuid, catalogue: &Arc<Catalogue>) -> u64 {
        catalogue.items().len() as u64 + 1
    }
}

/// One shard: an entry must fit into its shard, and a list may be a fifth of all.
#[expect(
    clippy::expect_used,
    reason = "both numbers the builder asks for are given"
)]
pub(super) fn catalogues() -> Arc<Catalogues> {
    let options = quick_cache::OptionsBuilder::new()
        .estimated_items_capacity(REMEMBERED_VERSIONS)
        .weight_capacity(REMEMBERED_ITEMS)
        .shards(1)
        .build()
        .expect("complete options");
    Arc::new(Cache::with_options(
        options,
        ByItems,
        Default::default(),
        Default::default(),
    ))
}

/// A price list to keep.
#[derive(Debug, Clone)]
pub(crate) struct NewVersion {
    pub file_name: String,
    pub imported: Imported,
    pub skip_bad_rows: bool,
    /// Make it the live one, if it may be.
    pub publish: bool,
    pub request_id: Option<Uuid>,
}

/// Which items a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct ItemFilter {
    /// `None` = the live one.
    pub version: Option<Uuid>,
    /// Part of the name, an alias or the article, without case.
    pub query: String,
}

impl Store {
    /// Keeps an imported list as a new version, whole or not at all; a known request id answers
    /// with the version it made.
    pub(crate) async fn create_price_version(
        &self,
        scope: &OrgScope,
        new: NewVersion,
    ) -> Result<Version, Error> {
        let changes = self.changes(scope, &new.imported.items).await?;
        let (id, now) = (self.world.new_id(), self.world.now());
        let ids: Vec<_> = new
            .imported
            .items
            .iter()
            .map(|_| self.world.new_id())
            .collect();
        self.db
            .write(scope, move |tx| async move {
                if let Some(made) = made_by(&tx, new.request_id).await? {
                    return Ok(made);
                }
                let book = next_number(&tx).await?;
                tx.audit_target(format_name("versions", id));
                let row = price_book_version::Model {
                    id,
                    org_id: book.org_id,
                    number: book.last_number,
                    file_name: new.file_name,
                    item_count: small(new.imported.items.len()),
                    error_count: small(new.imported.bad_rows),
                    skip_bad_rows: new.skip_bad_rows,
                    added_count: small(changes.added),
                    changed_count: small(changes.changed),
                    removed_count: small(changes.removed),
                    errors: to_json(&new.imported.errors, "price_book_version")?,
                    request_id: new.request_id,
                    create_time: now,
                    publish_time: None,
                };
                let row = row
                    .into_active_model()
                    .insert(&tx)
                    .await
                    .map_err(StoreError::from)?;
                insert_items(&tx, book.org_id, id, ids, new.imported.items).await?;
                let version = version_of(row, book.live_version_id)?;
                if new.publish && version.is_publishable() {
                    return make_live(&tx, version, now).await;
                }
                Ok(version)
            })
            .await
    }

    /// The version that a request made before.
    pub(crate) async fn price_version_of_request(
        &self,
        scope: &OrgScope,
        request_id: Option<Uuid>,
    ) -> Result<Option<Version>, Error> {
        self.db
            .read(
                scope,
                move |tx| async move { made_by(&tx, request_id).await },
            )
            .await
    }

    /// A page of versions, newest first, without the errors of their rows.
    pub(crate) async fn price_versions(
        &self,
        scope: &OrgScope,
        page: PageRequest,
    ) -> Result<Page<Version>, Error> {
        use price_book_version::{Column, Entity};
        self.db
            .read(scope, move |tx| async move {
                let mut chosen = tx.find::<Entity>()?;
                if let Some(last) = page.cursor.as_deref().and_then(|c| c.parse::<i32>().ok()) {
                    chosen = chosen.filter(Column::Number.lt(last));
                }
                let rows = chosen
                    .order_by_desc(Column::Number)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let live = live_version(&tx).await?;
                let page = Page::from_rows(rows, page.size, |row| row.number.to_string());
                let Page { items, next_cursor } = page;
                let items = items.into_iter().map(|row| version_of(row, live));
                Ok(Page {
                    items: items.collect::<Result<_, _>>()?,
                    next_cursor,
                })
            })
            .await
    }

    /// Makes a version the live one.
    pub(crate) async fn publish_price_version(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<Version, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let row = version_row(&tx, id).await?;
                let version = version_of(row, live_version(&tx).await?)?;
                if !version.is_publishable() {
                    return Err(Error::PriceVersionHasErrors {
                        rows: version.error_count,
                    });
                }
                tx.audit_target(format_name("versions", id));
                if version.state == State::Live {
                    return Ok(version);
                }
                make_live(&tx, version, now).await
            })
            .await
    }

    /// A page of items in the order of their file, and how many the filter has.
    pub(crate) async fn price_items(
        &self,
        scope: &OrgScope,
        filter: ItemFilter,
        page: PageRequest,
    ) -> Result<(Page<PriceItem>, u64), Error> {
        use price_item::{Column, Entity};
        self.db
            .read(scope, move |tx| async move {
                let version = match filter.version {
                    Some(id) => Some(version_row(&tx, id).await?.id),
                    None => live_version(&tx).await?,
                };
                let Some(version) = version else {
                    return Ok((
                        Page {
                            items: Vec::new(),
                            next_cursor: None,
                        },
                        0,
                    ));
                };
                let mut chosen = tx.find::<Entity>()?.filter(Column::VersionId.eq(version));
                if !filter.query.is_empty() {
                    chosen = chosen.filter(contains(Column::SearchKey, &filter.query));
                }
                let total = chosen.clone().count(&tx).await.map_err(StoreError::from)?;
                if let Some(last) = page.cursor.as_deref().and_then(|c| c.parse::<i32>().ok()) {
                    chosen = chosen.filter(Column::ItemIndex.gt(last));
                }
                let rows = chosen
                    .order_by_asc(Column::ItemIndex)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let page = Page::from_rows(rows, page.size, |row| row.item_index.to_string());
                let Page { items, next_cursor } = page;
                let items = items.into_iter().map(item_of).collect::<Result<_, _>>()?;
                Ok((Page { items, next_cursor }, total))
            })
            .await
    }

    /// Items of a version valid on `today` that `text` speaks of, best first.
    pub(crate) async fn prices_named(
        &self,
        scope: &OrgScope,
        version: Uuid,
        text: &str,
        today: NaiveDate,
        limit: usize,
    ) -> Result<Vec<PriceItem>, Error> {
        let catalogue = self.catalogue(scope, version).await?;
        Ok(catalogue.named(text, today, limit))
    }

    /// The live version; `None` when nothing was published.
    pub(crate) async fn live_catalogue(
        &self,
        scope: &OrgScope,
    ) -> Result<Option<Arc<Catalogue>>, Error> {
        let live = self
            .db
            .read(scope, |tx| async move { live_version(&tx).await })
            .await?;
        match live {
            Some(version) => self.catalogue(scope, version).await.map(Some),
            None => Ok(None),
        }
    }

    async fn catalogue(&self, scope: &OrgScope, version: Uuid) -> Result<Arc<Catalogue>, Error> {
        let loading = self.catalogues.get_or_insert_async(&version, async {
            let items = self.items_of(scope, version).await?;
            let made = tokio::task::spawn_blocking(move || Catalogue::new(version, items));
            made.await.map(Arc::new).map_err(|_| Error::Interrupted)
        });
        loading.await
    }

    async fn items_of(&self, scope: &OrgScope, version: Uuid) -> Result<Vec<PriceItem>, Error> {
        use price_item::{Column, Entity};
        self.db
            .read(scope, move |tx| async move {
                let rows = tx
                    .find::<Entity>()?
                    .filter(Column::VersionId.eq(version))
                    .order_by_asc(Column::ItemIndex)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                rows.into_iter().map(item_of).collect()
            })
            .await
    }

    async fn changes(&self, scope: &OrgScope, new: &[NewItem]) -> Result<Changes, Error> {
        let live = self.live_catalogue(scope).await?;
        Ok(Changes::between(
            live.as_ref().map_or(&[], |live| live.items()),
            new,
        ))
    }
}

/// How many items agents may name prices of.
pub(super) async fn live_count(tx: &Tx) -> Result<u64, Error> {
    use price_item::{Column, Entity};
    let Some(live) = live_version(tx).await? else {
        return Ok(0);
    };
    let chosen = tx.find::<Entity>()?.filter(Column::VersionId.eq(live));
    Ok(chosen.count(tx).await.map_err(StoreError::from)?)
}

/// Keeps the live version what it is until the transaction ends.
pub(super) async fn hold(tx: &Tx) -> Result<(), Error> {
    let book = tx.find::<price_book::Entity>()?.lock_exclusive();
    book.one(tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// The live version and its number.
pub(super) async fn live(tx: &Tx) -> Result<Option<(Uuid, i32)>, Error> {
    match live_version(tx).await? {
        Some(id) => Ok(Some((id, version_row(tx, id).await?.number))),
        None => Ok(None),
    }
}

pub(super) async fn live_version(tx: &Tx) -> Result<Option<Uuid>, Error> {
    let book = tx
        .find::<price_book::Entity>()?
        .one(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(book.and_then(|book| book.live_version_id))
}

/// Counts one more version; the row stays locked until the commit.
async fn next_number(tx: &Tx) -> Result<price_book::Model, Error> {
    use price_book::{ActiveModel, Column, Entity};
    let row = ActiveModel {
        org_id: ActiveValue::Set(tx.org_id()?.0),
        last_number: ActiveValue::Set(1),
        live_version_id: ActiveValue::Set(None),
    };
    let next = Expr::col((Entity, Column::LastNumber)).add(1);
    let on_conflict = sea_orm::sea_query::OnConflict::column(Column::OrgId)
        .value(Column::LastNumber, next)
        .to_owned();
    let inserting = Entity::insert(row).on_conflict(on_conflict);
    Ok(inserting
        .exec_with_returning(tx)
        .await
        .map_err(StoreError::from)?)
}

async fn insert_items(
    tx: &Tx,
    org_id: Uuid,
    version: Uuid,
    ids: Vec<Uuid>,
    items: Vec<NewItem>,
) -> Result<(), Error> {
    let mut rows = Vec::with_capacity(ROWS);
    for ((index, id), item) in (0..).zip(ids).zip(items) {
        let row = item_row(id, org_id, version, index, item)?;
        rows.push(row.into_active_model());
        if rows.len() == ROWS {
            insert(tx, std::mem::take(&mut rows)).await?;
        }
    }
    insert(tx, rows).await
}

async fn insert(tx: &Tx, rows: Vec<price_item::ActiveModel>) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let inserting = price_item::Entity::insert_many(rows);
    inserting
        .exec_without_returning(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(())
}

async fn make_live(
    tx: &Tx,
    version: Version,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Version, Error> {
    use price_book_version::{Column, Entity};
    let pointing = tx
        .update_many::<price_book::Entity>()?
        .col_expr(price_book::Column::LiveVersionId, Expr::value(version.id));
    pointing.exec(tx).await.map_err(StoreError::from)?;
    let noting = tx
        .update_many::<Entity>()?
        .filter(Column::Id.eq(version.id))
        .col_expr(Column::PublishTime, Expr::value(now));
    let noted = noting.exec(tx).await.map_err(StoreError::from)?;
    if noted.rows_affected == 0 {
        // Purged between its being read and the lock of the book.
        return Err(Error::not_found("versions", version.id));
    }
    Ok(Version {
        state: State::Live,
        publish_time: Some(now),
        ..version
    })
}

async fn made_by(tx: &Tx, request_id: Option<Uuid>) -> Result<Option<Version>, Error> {
    use price_book_version::{Column, Entity};
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let chosen = tx
        .find::<Entity>()?
        .filter(Column::RequestId.eq(request_id));
    let Some(row) = chosen.one(tx).await.map_err(StoreError::from)? else {
        return Ok(None);
    };
    Ok(Some(version_of(row, live_version(tx).await?)?))
}

async fn version_row(tx: &Tx, id: Uuid) -> Result<price_book_version::Model, Error> {
    use price_book_version::{Column, Entity};
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let row = chosen.one(tx).await.map_err(StoreError::from)?;
    row.ok_or_else(|| Error::not_found("versions", id))
}

fn version_of(row: price_book_version::Model, live: Option<Uuid>) -> Result<Version, Error> {
    let state = match row.publish_time {
        _ if live == Some(row.id) => State::Live,
        Some(_) => State::Retired,
        None => State::Draft,
    };
    let count = |count: i32| usize::try_from(count).unwrap_or(0);
    Ok(Version {
        id: row.id,
        number: row.number,
        state,
        file_name: row.file_name,
        item_count: row.item_count,
        error_count: row.error_count,
        skip_bad_rows: row.skip_bad_rows,
        changes: Changes {
            added: count(row.added_count),
            changed: count(row.changed_count),
            removed: count(row.removed_count),
        },
        errors: from_json(row.errors, "price_book_version")?,
        create_time: row.create_time,
        publish_time: row.publish_time,
    })
}

fn item_row(
    id: Uuid,
    org_id: Uuid,
    version_id: Uuid,
    item_index: i32,
    item: NewItem,
) -> Result<price_item::Model, Error> {
    let date = |date: Option<NaiveDate>| date.map(|date| date.to_string()).unwrap_or_default();
    let names = [&item.sku, &item.display_name]
        .into_iter()
        .chain(&item.aliases);
    let search_key = names
        .map(|name| name.to_lowercase())
        .collect::<Vec<_>>()
        .join("\n");
    Ok(price_item::Model {
        id,
        org_id,
        version_id,
        item_index,
        search_key,
        aliases: to_json(&item.aliases, "price_item")?,
        sku: item.sku,
        display_name: item.display_name,
        unit: item.unit,
        price_minor: item.price_minor,
        currency: item.currency,
        price_from: item.price_from,
        max_discount_percent: item.max_discount_percent,
        valid_from_date: date(item.valid_from),
        valid_until_date: date(item.valid_until),
    })
}

fn item_of(row: price_item::Model) -> Result<PriceItem, Error> {
    Ok(PriceItem {
        id: row.id,
        sku: row.sku,
        display_name: row.display_name,
        aliases: from_json(row.aliases, "price_item")?,
        unit: row.unit,
        price_minor: row.price_minor,
        currency: row.currency,
        price_from: row.price_from,
        max_discount_percent: row.max_discount_percent,
        valid_from: row.valid_from_date.parse().ok(),
        valid_until: row.valid_until_date.parse().ok(),
    })
}

fn small(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_list_stays_in_memory() {
        let item = PriceItem {
            id: Uuid::nil(),
            sku: String::new(),
            display_name: String::new(),
            aliases: Vec::new(),
            unit: String::new(),
            price_minor: 0,
            currency: "RUB".to_owned(),
            price_from: false,
            max_discount_percent: 0,
            valid_from: None,
            valid_until: None,
        };
        let catalogues = catalogues();
        for version in 1..=3 {
            let id = Uuid::from_u128(version);
            let longest = Catalogue::new(id, vec![item.clone(); 200_000]);
            catalogues.insert(id, Arc::new(longest));
            assert!(catalogues.get(&id).is_some(), "version {version}");
        }
        let small = Uuid::from_u128(9);
        catalogues.insert(small, Arc::new(Catalogue::new(small, vec![item])));
        assert!(catalogues.get(&small).is_some());
    }
}
