//! What a database can answer instead of rows.

use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr};
use t11_core::{Fault, FaultKind};

/// The database did not do what was asked.
///
/// `Display` is fit for a client; the statement and the driver's words are only in `source`.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A unique index forbids the row. Its name is the same on both databases when it was made
    /// with [`constraint_name`]; see [`StoreError::is_conflict_on`].
    #[error("a record with the same `{constraint}` exists")]
    Conflict {
        /// Name of the index, or `<table>_pkey`.
        constraint: String,
    },
    /// The row belongs to one that does not exist (any more), or others still belong to it.
    #[error("a record that this one belongs to, or that belongs to it, forbids the change")]
    Reference,
    /// No connection, no room in the queue, a lock not given, a deadlock: trying again may help.
    #[error("the database does not answer")]
    Unavailable(#[source] Option<DbErr>),
    /// The statement or the transaction ran longer than `statement_timeout_ms`.
    #[error("the database took too long")]
    Timeout,
    /// Ours to mend.
    #[error("the database refused the request")]
    Internal(#[source] DbErr),
    /// A tenant table was asked for with [`System`](crate::System) access, or for an organization
    /// other than the scope's.
    #[error("the transaction is not for this organization")]
    WrongOrganization,
    /// The closure panicked; its changes were rolled back.
    #[error("the request could not be finished")]
    Panicked,
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(String),
}

impl StoreError {
    /// Whether the unique index over these columns (in this order) forbade the row.
    pub fn is_conflict_on(&self, table: &str, columns: &[&str]) -> bool {
        matches!(self, Self::Conflict { constraint } if *constraint == constraint_name(table, columns))
    }

    /// Whether any unique index or primary key forbade the row.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    pub(crate) fn internal(message: &str) -> Self {
        Self::Internal(DbErr::Custom(message.to_owned()))
    }
}

impl Fault for StoreError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Conflict { .. } => FaultKind::AlreadyExists,
            Self::Reference => FaultKind::Precondition,
            Self::Unavailable(_) => FaultKind::Unavailable,
            Self::Timeout => FaultKind::Timeout,
            Self::Internal(_) | Self::WrongOrganization | Self::Panicked | Self::Config(_) => {
                FaultKind::Internal
            }
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "ALREADY_EXISTS",
            Self::Reference => "REFERENCE_BROKEN",
            Self::Unavailable(_) => "DATABASE_UNAVAILABLE",
            Self::Timeout => "DATABASE_TIMEOUT",
            Self::Internal(_) | Self::WrongOrganization | Self::Panicked | Self::Config(_) => {
                "DATABASE_FAILED"
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Unavailable(_)).then_some(Duration::from_secs(1))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let known = match &error {
            DbErr::ConnectionAcquire(_) => Some(Self::Unavailable(Some(error.clone()))),
            DbErr::Conn(RuntimeErr::SqlxError(source))
            | DbErr::Exec(RuntimeErr::SqlxError(source))
            | DbErr::Query(RuntimeErr::SqlxError(source)) => classify(source, &error),
            _ => None,
        };
        known.unwrap_or(Self::Internal(error))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
    }
}

fn classify(source: &sqlx::Error, error: &DbErr) -> Option<StoreError> {
    let unavailable = || StoreError::Unavailable(Some(error.clone()));
    match source {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            if database.is_unique_violation() {
                let constraint = match database.constraint() {
                    Some(name) => name.to_owned(),
                    None => sqlite_constraint(&code, database.message()),
                };
                return Some(StoreError::Conflict { constraint });
            }
            if database.is_foreign_key_violation() {
                return Some(StoreError::Reference);
            }
            match database.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
                Some(_) => sqlite_is_unavailable(&code).then(unavailable),
                None if code == "57014" => Some(StoreError::Timeout),
                None => postgres_is_unavailable(&code).then(unavailable),
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Some(unavailable()),
        _ => None,
    }
}

/// BUSY, LOCKED, FULL and CANTOPEN, in their low byte (<https://sqlite.org/rescode.html>).
fn sqlite_is_unavailable(code: &str) -> bool {
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 13 | 14))
}

/// Lost connections, a lack of resources, shutdowns, serialization failures, deadlocks and locks
/// not given (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn postgres_is_unavailable(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "53"))
        || matches!(
            code,
            "40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03" | "25P03"
        )
}

/// The name of the unique index over `columns` of `table`: `uq_<table>_<column>_…`, cut to the 63
/// bytes that PostgreSQL keeps. SQLite reports columns, PostgreSQL names; with names made here
/// both give the same [`StoreError::Conflict`].
pub fn constraint_name(table: &str, columns: &[&str]) -> String {
    let mut name = format!("uq_{table}_{}", columns.join("_"));
    name.truncate(63);
    name
}

/// `UNIQUE constraint failed: agents.org_id, agents.name` → `uq_agents_org_id_name`, and
/// `agents_pkey` when the code says that it is the primary key.
fn sqlite_constraint(code: &str, message: &str) -> String {
    const CONSTRAINT_PRIMARYKEY: &str = "1555";
    let rest = message
        .strip_prefix("UNIQUE constraint failed: ")
        .unwrap_or(message);
    if let Some(index) = rest.strip_prefix("index '") {
        return index.trim_end_matches('\'').to_owned();
    }
    let mut table = "";
    let mut columns = Vec::new();
    for part in rest.split(", ") {
        let (owner, column) = part.split_once('.').unwrap_or(("", part));
        table = owner;
        columns.push(column);
    }
    // An id that is taken is told by whichever index is looked at first.
    if code == CONSTRAINT_PRIMARYKEY || columns == ["org_id", "id"] {
        format!("{table}_pkey")
    } else {
        constraint_name(table, &columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_conflicts_get_the_names_postgres_gives() {
        let of = |code, rest: &str| {
            sqlite_constraint(code, &format!("UNIQUE constraint failed: {rest}"))
        };
        assert_eq!(
            of("2067", "agents.org_id, agents.name"),
            "uq_agents_org_id_name"
        );
        assert_eq!(of("1555", "agents.id"), "agents_pkey");
        assert_eq!(of("2067", "agents.org_id, agents.id"), "agents_pkey");
        assert_eq!(
            of("2067", "index 'uq_users_lower_email'"),
            "uq_users_lower_email"
        );
    }

    #[test]
    fn the_drivers_words_are_not_shown() {
        let error = StoreError::from(DbErr::Custom("SELECT secret FROM users".to_owned()));
        assert!(!error.to_string().contains("secret"));
        assert_eq!(error.kind(), FaultKind::Internal);
    }

    #[test]
    fn transient_codes() {
        assert!(sqlite_is_unavailable("5") && sqlite_is_unavailable("517"));
        assert!(!sqlite_is_unavailable("19"));
        assert!(postgres_is_unavailable("40P01") && postgres_is_unavailable("08006"));
        assert!(!postgres_is_unavailable("23503"));
    }
}
