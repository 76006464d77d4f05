//! Tables in the few types that mean the same on both databases.
//!
//! Columns are `NOT NULL`; `.null().take()` makes one that is not:
//!
//! ```
//! # use sea_orm_migration::prelude::*;
//! use t11_migrations::table;
//! # async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
//! let columns = [
//!     table::id(),
//!     table::text("display_name"),
//!     table::uuid("agent_id"),
//!     table::json("labels"),
//!     table::timestamp("create_time"),
//!     table::timestamp("delete_time").null().take(),
//! ];
//! let mut notes = table::new("notes", columns);
//! notes.foreign_key(&mut table::belongs_to("agent_id", "agents"));
//! table::create_for_tenants(manager, "notes", notes).await?;
//! table::unique(manager, "notes", &["org_id", "display_name"]).await?;
//! table::index(manager, "notes", &["org_id", "create_time"]).await
//! # }
//! ```

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;
use t11_store::constraint_name;

/// The column of tenant tables that holds the organization.
pub const ORG_ID: &str = "org_id";

/// `id`, a UUID (`Uuid`), primary key.
pub fn id() -> ColumnDef {
    uuid("id").primary_key().take()
}

/// `position`, a number (`i64`) that grows with every row inserted, primary key.
pub fn position() -> ColumnDef {
    bigint("position").auto_increment().primary_key().take()
}

/// A UUID (`Uuid`).
pub fn uuid(name: &str) -> ColumnDef {
    ColumnDef::new(name.to_owned()).uuid().not_null().take()
}

/// Text of any length (`String`).
pub fn text(name: &str) -> ColumnDef {
    ColumnDef::new(name.to_owned()).text().not_null().take()
}

/// `i32`.
pub fn int(name: &str) -> ColumnDef {
    ColumnDef::new(name.to_owned()).integer().not_null().take()
}

/// `i64`: counts, bytes, micro-USD.
pub fn bigint(name: &str) -> ColumnDef {
    ColumnDef::new(name.to_owned())
        .big_integer()
        .not_null()
        .take()
}

/// `f64`. Not for money.
pub fn double(name: &str) -> ColumnDef {
    ColumnDef::new(name.to_owned()).double().not_null().take()
}

/// `bool`.
pub fn boolean(name: &str) -> ColumnDef {
    ColumnDef::new(name.to_owned()).boolean().not_null().take()
}

/// A point in time (`DateTimeUtc`). Microseconds on PostgreSQL, so write only what
/// `World::now` gives.
pub fn timestamp(name: &str) -> ColumnDef {
    ColumnDef::new(name.to_owned())
        .timestamp_with_time_zone()
        .not_null()
        .take()
}

/// JSON (`Json`, or a type with `FromJsonQueryResult`).
pub fn json(name: &str) -> ColumnDef {
    ColumnDef::new(name.to_owned())
        .json_binary()
        .not_null()
        .take()
}

/// Bytes (`Vec<u8>`, `Sealed`).
pub fn blob(name: &str) -> ColumnDef {
    ColumnDef::new(name.to_owned()).blob().not_null().take()
}

/// A table of these columns.
pub fn new(name: &str, columns: impl IntoIterator<Item = ColumnDef>) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name.to_owned());
    for column in columns {
        table.col(column);
    }
    table
}

/// Adds a column to a table that is there: one that may be null, or with a constant default.
///
/// # Errors
/// What the database answers.
pub async fn add_column(
    manager: &SchemaManager<'_>,
    table: &str,
    mut column: ColumnDef,
) -> Result<(), DbErr> {
    let mut change = Table::alter();
    // SQLite takes one column at a time.
    change.table(table.to_owned()).add_column(&mut column);
    manager.alter_table(change).await
}

/// `column` holds the id of a row of `parent`, with which the row goes. Both tables are of tenants
/// and both rows of the same one: the check of a foreign key heeds no row security. `parent` needs
/// [`has_children`].
pub fn belongs_to(column: &str, parent: &str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from_col(ORG_ID)
        .from_col(column.to_owned())
        .to_tbl(parent.to_owned())
        .to_col(ORG_ID)
        .to_col("id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

/// Lets rows of other tables belong to the rows of this tenant table.
///
/// # Errors
/// What the database answers.
pub async fn has_children(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    unique(manager, table, &[ORG_ID, "id"]).await
}

/// `column` holds the id of a row of `parent`, which is of no tenant, with which the row goes.
pub fn refers_to(column: &str, parent: &str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from_col(column.to_owned())
        .to(parent.to_owned(), "id".to_owned())
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

/// Creates a table whose rows belong to organizations: adds the column `org_id`, and on PostgreSQL
/// the row security that shows a transaction only the rows of its organization.
///
/// # Errors
/// What the database answers.
pub async fn create_for_tenants(
    manager: &SchemaManager<'_>,
    name: &str,
    mut table: TableCreateStatement,
) -> Result<(), DbErr> {
    manager.create_table(table.col(uuid(ORG_ID)).take()).await?;
    if manager.get_database_backend() == DbBackend::Postgres {
        manager
            .get_connection()
            .execute_unprepared(&row_security(name))
            .await?;
    }
    Ok(())
}

/// The setting is '' after a transaction that has set it, hence `NULLIF`. `FORCE` holds even for
/// the table's owner, though not for superusers.
fn row_security(table: &str) -> String {
    format!(
        r#"ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY;
        ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY;
        CREATE POLICY own_organization ON "{table}" USING (
            {ORG_ID} = NULLIF(current_setting('app.organization_id', true), '')::uuid
            OR current_setting('app.system', true) = 'on'
        )"#
    )
}

/// A unique index, named so that `StoreError::is_conflict_on(table, columns)` knows it on both
/// databases. In tenant tables `org_id` comes first, unless the value is unique in the world.
///
/// # Errors
/// What the database answers.
pub async fn unique(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[&str],
) -> Result<(), DbErr> {
    let name = constraint_name(table, columns);
    manager
        .create_index(index_over(name, table, columns).unique().take())
        .await
}

/// An index.
///
/// # Errors
/// What the database answers.
pub async fn index(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[&str],
) -> Result<(), DbErr> {
    let mut name = format!("ix_{table}_{}", columns.join("_"));
    name.truncate(63);
    manager.create_index(index_over(name, table, columns)).await
}

fn index_over(name: String, table: &str, columns: &[&str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table.to_owned());
    for column in columns {
        index.col((*column).to_owned());
    }
    index
}
