//! A transaction on a connection: one round trip to begin it, one for each statement, one to end it.

use sea_orm::sea_query::Values;
use sea_orm::{DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor as _, Postgres};
use tokio::sync::Mutex;

use super::pool::Held;

/// A transaction. Dropped before its end it is rolled back.
pub(crate) struct Session {
    /// Its statements run one after the other.
    held: Mutex<Held>,
}

impl Session {
    /// Begins with `opening`: statements without parameters, `BEGIN` the first of them. A connection
    /// on which that fails is closed.
    pub(super) async fn begin(mut held: Held, opening: String) -> Result<Self, DbErr> {
        let begun = match held.connection() {
            Ok(connection) => connection.execute(AssertSqlSafe(opening)).await,
            Err(error) => Err(error),
        };
        match begun {
            Ok(_) => {
                held.begin_work();
                Ok(Self {
                    held: Mutex::new(held),
                })
            }
            Err(error) => {
                held.close();
                Err(exec_err(error))
            }
        }
    }

    pub(crate) async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut held = self.held.lock().await;
        let connection = held.connection().map_err(exec_err)?;
        let done = connection.execute(query(statement)).await;
        done.map(Into::into).map_err(exec_err)
    }

    pub(crate) async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut held = self.held.lock().await;
        let connection = held.connection().map_err(exec_err)?;
        let done = connection.execute(AssertSqlSafe(sql)).await;
        done.map(Into::into).map_err(exec_err)
    }

    pub(crate) async fn query_one_raw(
        &self,
        statement: Statement,
    ) -> Result<Option<QueryResult>, DbErr> {
        let mut held = self.held.lock().await;
        let connection = held.connection().map_err(query_err)?;
        let row = connection.fetch_optional(query(statement)).await;
        Ok(row.map_err(query_err)?.map(Into::into))
    }

    pub(crate) async fn query_all_raw(
        &self,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let mut held = self.held.lock().await;
        let connection = held.connection().map_err(query_err)?;
        let rows = connection.fetch_all(query(statement)).await;
        Ok(rows
            .map_err(query_err)?
            .into_iter()
            .map(Into::into)
            .collect())
    }

    /// Commits. After an error nobody knows whether it has.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.end("COMMIT").await
    }

    pub(crate) async fn roll_back(self) -> Result<(), DbErr> {
        self.end("ROLLBACK").await
    }

    async fn end(self, how: &'static str) -> Result<(), DbErr> {
        let mut held = self.held.into_inner();
        let connection = held.connection().map_err(exec_err)?;
        connection.execute(how).await.map_err(exec_err)?;
        held.give_back();
        Ok(())
    }
}

/// Prepared once on each connection.
fn query(statement: Statement) -> Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn exec_err(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn query_err(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
