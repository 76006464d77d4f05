//! Conversations of the CRM's channels beside those of the test chat.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, Statement};

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_181000_grow_conversations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Box::pin(grow_conversations(manager)).await?;
        grow_messages(manager).await?;
        grow_turns(manager).await?;
        allow_no_agent(manager).await
    }
}

async fn grow_conversations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        // Null in the test chat.
        table::uuid("connection_id").null().take(),
        // Within the connection: `chat:…`, or `talk:…` while no chat is known.
        table::text("chat_key").null().take(),
        table::text("chat_id").default("").take(),
        table::bigint("talk_id").default(0).take(),
        table::bigint("lead_id").default(0).take(),
        table::bigint("contact_id").default(0).take(),
        table::text("client_display_name").default("").take(),
        // Names in lower case, to search in.
        table::text("search_key").default("").take(),
        table::bigint("pipeline_id").default(0).take(),
        table::bigint("stage_id").default(0).take(),
        table::text("controller").default("bot").take(),
        table::uuid("controller_user").null().take(),
        table::bigint("control_epoch").default(0).take(),
        table::text("handoff_reason").default("").take(),
        table::timestamp("resume_time").null().take(),
        table::text("silence_reason").default("").take(),
        table::boolean("has_draft").default(false).take(),
        table::boolean("has_error").default(false).take(),
        table::boolean("unanswered").default(false).take(),
        // Of the client's last message.
        table::bigint("last_inbound").default(0).take(),
        // Up to this one the client's messages have been answered.
        table::bigint("answered").default(0).take(),
        // Of the first message of the burst whose turn has not begun.
        table::timestamp("burst_time").null().take(),
        // The turn that is to run: a job of another ticket does nothing.
        table::uuid("ticket").null().take(),
        // The opening that the client was told of.
        table::timestamp("notice_time").null().take(),
    ];
    for column in columns {
        table::add_column(manager, "conversations", column).await?;
    }
    let of_chat = ["org_id", "connection_id", "chat_key"];
    table::unique(manager, "conversations", &of_chat).await?;
    let of_lead = ["org_id", "connection_id", "lead_id"];
    table::index(manager, "conversations", &of_lead).await?;
    let of_talk = ["org_id", "connection_id", "talk_id"];
    table::index(manager, "conversations", &of_talk).await
}

async fn grow_messages(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("connection_id").null().take(),
        // The CRM's id of it.
        table::text("external_id").null().take(),
        // `events/{event}` that brought it.
        table::text("event").default("").take(),
        // What became of it, once that is known.
        table::text("verdict").default("").take(),
        table::text("delivery").default("").take(),
        table::text("delivery_reason").default("").take(),
        table::text("content_type").default("text").take(),
        table::text("author_display_name").default("").take(),
    ];
    for column in columns {
        table::add_column(manager, "messages", column).await?;
    }
    let external = ["org_id", "connection_id", "external_id"];
    table::unique(manager, "messages", &external).await?;
    table::index(manager, "messages", &["org_id", "turn_id"]).await
}

async fn grow_turns(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        // Of the job that runs it.
        table::bigint("fence").default(0).take(),
        table::bigint("control_epoch").default(0).take(),
        // The newest of the client's messages that it answers.
        table::bigint("inbound_sequence").default(0).take(),
    ];
    for column in columns {
        table::add_column(manager, "turns", column).await?;
    }
    Ok(())
}

/// Nobody answers on some stages: a conversation there has no agent.
async fn allow_no_agent(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Postgres {
        let sql = "ALTER TABLE conversations ALTER COLUMN agent_id DROP NOT NULL";
        connection.execute_unprepared(sql).await?;
        return Ok(());
    }
    // What is on the disk stays as it is: SQLite's own procedure for lifting a constraint
    // (https://sqlite.org/lang_altertable.html#otheralter).
    let number = |sql: &'static str| async move {
        let statement = Statement::from_string(DbBackend::Sqlite, sql);
        let row = connection.query_one_raw(statement).await?;
        let row = row.ok_or_else(|| DbErr::Custom(format!("no answer to `{sql}`")))?;
        row.try_get_by_index::<i64>(0)
    };
    let version = number("PRAGMA schema_version").await?;
    connection
        .execute_unprepared("PRAGMA writable_schema = ON")
        .await?;
    let lift = r#"UPDATE sqlite_schema
        SET sql = replace(sql, '"agent_id" uuid_text NOT NULL', '"agent_id" uuid_text')
        WHERE type = 'table' AND name = 'conversations'"#;
    connection.execute_unprepared(lift).await?;
    let next = format!("PRAGMA schema_version = {}", version + 1);
    connection.execute_unprepared(&next).await?;
    connection
        .execute_unprepared("PRAGMA writable_schema = OFF")
        .await?;
    let held = "SELECT \"notnull\" FROM pragma_table_info('conversations') WHERE name = 'agent_id'";
    if number(held).await? == 0 {
        return Ok(());
    }
    Err(DbErr::Custom(
        "`agent_id` still must not be null".to_owned(),
    ))
}
