//! What the role of a service may do: read and write rows, and nothing else.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, RuntimeErr, Statement};

use crate::{StoreError, Tx};

/// Lets `role` use the tables of `schema`, and makes it when it is missing. Every migration ends
/// with this, so a new table is never without it. The names are checked ones.
pub(super) async fn grant(tx: &Tx, schema: &str, role: &str) -> Result<(), StoreError> {
    // Roles are of the whole server: migrations of other schemas may be granting to the same one.
    // No table is locked by waiting for them, so this wait is not cut short.
    tx.execute_unprepared("SELECT set_config('lock_timeout', '0', true)")
        .await?;
    tx.execute_unprepared("SELECT pg_advisory_xact_lock(hashtextextended('t11.roles', 0))")
        .await?;
    if !exists(tx, role).await? {
        create(tx, role).await?;
    }
    let statements = [
        format!("GRANT USAGE ON SCHEMA \"{schema}\" TO \"{role}\""),
        format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"{schema}\" TO \"{role}\""
        ),
        format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA \"{schema}\" TO \"{role}\""),
    ];
    for statement in statements {
        tx.execute_unprepared(&statement).await?;
    }
    keep_history(tx, schema, role).await
}

async fn exists(tx: &Tx, role: &str) -> Result<bool, StoreError> {
    let query = "SELECT 1 FROM pg_roles WHERE rolname = $1";
    let query = Statement::from_sql_and_values(DbBackend::Postgres, query, [role.into()]);
    Ok(tx.query_one_raw(query).await?.is_some())
}

/// Whoever made the role may also act as it: so one login serves for every service. The lock is of
/// one database; that another's migration makes the role at this moment is worth another try.
async fn create(tx: &Tx, role: &str) -> Result<(), StoreError> {
    let statements = [
        format!("CREATE ROLE \"{role}\" NOLOGIN"),
        format!("GRANT \"{role}\" TO CURRENT_USER"),
    ];
    for statement in statements {
        tx.execute_unprepared(&statement).await.map_err(|error| {
            match sql_state(&error).as_deref() {
                Some(INSUFFICIENT_PRIVILEGE) => StoreError::Config(format!(
                    "the database role `{role}` is missing and this login may not make it: run \
                     deploy/postgres/roles.sql as an administrator of the server"
                )),
                Some(DUPLICATE_OBJECT | UNIQUE_VIOLATION | INTERNAL_ERROR) => {
                    StoreError::Unavailable(Some(error))
                }
                _ => error.into(),
            }
        })?;
    }
    Ok(())
}

/// The list of applied migrations is the migrator's own.
async fn keep_history(tx: &Tx, schema: &str, role: &str) -> Result<(), StoreError> {
    let history = format!("\"{schema}\".\"seaql_migrations\"");
    let query = "SELECT 1 WHERE to_regclass($1) IS NOT NULL";
    let query =
        Statement::from_sql_and_values(DbBackend::Postgres, query, [history.clone().into()]);
    if tx.query_one_raw(query).await?.is_some() {
        let revoke = format!("REVOKE INSERT, UPDATE, DELETE ON {history} FROM \"{role}\"");
        tx.execute_unprepared(&revoke).await?;
    }
    Ok(())
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const INSUFFICIENT_PRIVILEGE: &str = "42501";
const DUPLICATE_OBJECT: &str = "42710";
const UNIQUE_VIOLATION: &str = "23505";
/// "tuple concurrently updated".
const INTERNAL_ERROR: &str = "XX000";
/// What setting a role that is not there answers.
const INVALID_PARAMETER_VALUE: &str = "22023";

/// Says what to do about a role that cannot be taken.
pub(super) fn explain(error: DbErr, role: Option<&str>) -> StoreError {
    let Some(role) = role else {
        return error.into();
    };
    match sql_state(&error).as_deref() {
        Some(INVALID_PARAMETER_VALUE) => StoreError::Config(format!(
            "the database role `{role}` is missing: run `t11 migrate`"
        )),
        Some(INSUFFICIENT_PRIVILEGE) => StoreError::Config(format!(
            "this database login may not act as `{role}`: log in as it, or `GRANT {role} TO` the \
             login"
        )),
        _ => error.into(),
    }
}

fn sql_state(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return None;
    };
    Some(error.as_database_error()?.code()?.into_owned())
}
