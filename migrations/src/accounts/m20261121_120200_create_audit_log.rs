//! The audit log: a chain an organization, and where each chain ends.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_120200_create_audit_log"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_records(manager).await?;
        create_heads(manager).await?;
        forbid_changes(manager).await
    }
}

async fn create_records(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        // 1, 2, 3, … in an organization.
        table::bigint("number"),
        table::text("actor"),
        table::text("action"),
        table::text("resource").null().take(),
        table::text("request_id"),
        table::text("client_address").null().take(),
        table::text("error_reason").null().take(),
        table::timestamp("create_time"),
        table::blob("previous_hash"),
        table::blob("hash"),
    ];
    let records = table::new("audit_records", columns);
    table::create_for_tenants(manager, "audit_records", records).await?;
    table::unique(manager, "audit_records", &["org_id", "number"]).await?;
    table::index(manager, "audit_records", &["org_id", "actor", "number"]).await
}

async fn create_heads(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [table::bigint("number"), table::blob("hash")];
    let mut heads = table::new("audit_heads", columns);
    heads.primary_key(Index::create().col(table::ORG_ID));
    table::create_for_tenants(manager, "audit_heads", heads).await
}

/// Records are only ever added: a mistake in the code meets an error instead of the log.
async fn forbid_changes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DbBackend::Sqlite => SQLITE,
        _ => POSTGRES,
    };
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(statement)
            .await?;
    }
    Ok(())
}

const SQLITE: &[&str] = &[
    "CREATE TRIGGER audit_records_keep_on_update BEFORE UPDATE ON audit_records
     BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END",
    "CREATE TRIGGER audit_records_keep_on_delete BEFORE DELETE ON audit_records
     BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END",
];

const POSTGRES: &[&str] = &[
    "CREATE FUNCTION keep_audit_records() RETURNS trigger LANGUAGE plpgsql
     SET search_path = '' AS
     $$ BEGIN RAISE EXCEPTION 'audit records are never changed'; END $$",
    "CREATE TRIGGER audit_records_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_records
     FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_records()",
];
