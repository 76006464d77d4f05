//! What a database can answer instead of rows.

use std::time::Duration;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
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
    /// No connection, a lock not given, a deadlock: trying again may help.
    #[error("the database does not answer")]
    Unavailable(#[source] Option<DbErr>),
    /// All connections are at work, or the queue of SQLite's writer is full, for longer than
    /// `acquire_timeout_ms`.
    #[error("the database has more work than it can do")]
    Busy,
    /// The disk of the database has no room; what is stored can still be read.
    #[error("there is no room left where the database keeps its data")]
    Full(#[source] DbErr),
    /// The disk of the database cannot be relied on.
    #[error("the disk of the database has failed")]
    Failed(#[source] DbErr),
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
            Self::Unavailable(_) | Self::Failed(_) => FaultKind::Unavailable,
            Self::Busy | Self::Full(_) => FaultKind::Exhausted,
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
            Self::Busy => "DATABASE_BUSY",
            Self::Full(_) => "STORAGE_FULL",
            Self::Failed(_) => "STORAGE_FAILED",
            Self::Timeout => "DATABASE_TIMEOUT",
            Self::Internal(_) | Self::WrongOrganization | Self::Panicked | Self::Config(_) => {
                "DATABASE_FAILED"
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Unavailable(_) | Self::Busy).then_some(Duration::from_secs(1))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let known = match &error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Some(Self::Busy),
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
                Some(_) => of_sqlite(&code, error),
                None => of_postgres(&code, error),
            }
        }
        sqlx::Error::PoolTimedOut => Some(StoreError::Busy),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Some(StoreError::Unavailable(Some(error.clone()))),
        _ => None,
    }
}

/// By the low byte of <https://sqlite.org/rescode.html>.
fn of_sqlite(code: &str, error: &DbErr) -> Option<StoreError> {
    /// The index of the write-ahead log cannot grow: of all that IOERR says, this is a lack of room.
    const IOERR_SHMSIZE: u32 = 4874;
    let code: u32 = code.parse().ok()?;
    Some(match code & 0xff {
        // BUSY, LOCKED, CANTOPEN
        5 | 6 | 14 => StoreError::Unavailable(Some(error.clone())),
        // FULL
        13 => StoreError::Full(error.clone()),
        10 if code == IOERR_SHMSIZE => StoreError::Full(error.clone()),
        // IOERR, CORRUPT, NOTADB
        10 | 11 | 26 => StoreError::Failed(error.clone()),
        _ => return None,
    })
}

/// By <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_postgres(code: &str, error: &DbErr) -> Option<StoreError> {
    Some(match code {
        "53100" => StoreError::Full(error.clone()),
        "58030" => StoreError::Failed(error.clone()),
        "57014" => StoreError::Timeout,
        // Serialization failures, deadlocks, locks not given, shutdowns.
        "40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03" | "25P03" => {
            StoreError::Unavailable(Some(error.clone()))
        }
        // Lost connections, a lack of resources.
        _ if code.starts_with("08") || code.starts_with("53") => {
            StoreError::Unavailable(Some(error.clone()))
        }
        _ => return None,
    })
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
    fn codes_say_what_to_do() {
        let error = DbErr::Custom(String::new());
        let reason = |told: Option<StoreError>| told.map(|error| error.reason().to_owned());
        let expected = |reason: Option<&str>| reason.map(ToOwned::to_owned);
        for (code, wanted) in [
            ("5", Some("DATABASE_UNAVAILABLE")),
            ("517", Some("DATABASE_UNAVAILABLE")),
            ("13", Some("STORAGE_FULL")),
            ("4874", Some("STORAGE_FULL")),
            ("1034", Some("STORAGE_FAILED")),
            ("11", Some("STORAGE_FAILED")),
            ("19", None),
        ] {
            assert_eq!(reason(of_sqlite(code, &error)), expected(wanted), "{code}");
        }
        for (code, wanted) in [
            ("40P01", Some("DATABASE_UNAVAILABLE")),
            ("08006", Some("DATABASE_UNAVAILABLE")),
            ("53300", Some("DATABASE_UNAVAILABLE")),
            ("53100", Some("STORAGE_FULL")),
            ("57014", Some("DATABASE_TIMEOUT")),
            ("23503", None),
        ] {
            assert_eq!(
                reason(of_postgres(code, &error)),
                expected(wanted),
                "{code}"
            );
        }
    }
}
