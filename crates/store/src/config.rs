//! Where a service's database is and how it is used.

use std::fmt;

use serde::Deserialize;

use crate::StoreError;

/// The two databases the product runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// A file (or memory) of this process.
    Sqlite,
    /// A server, version 14 or newer.
    Postgres,
}

/// Where a service's database is and how it is used.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite://path/t11.db`, `sqlite::memory:` or `postgres://user:password@host/database`, to
    /// which `?pgbouncer=true` is added for a pooler in transaction mode without prepared
    /// statements (`PgBouncer` before 1.21).
    pub url: String,
    /// Most connections, opened when needed: to the server on PostgreSQL, for reading on SQLite,
    /// whose one writing connection comes on top.
    pub max_connections: u32,
    /// Milliseconds a call waits for a connection that others use, or for room in the queue of
    /// SQLite's writer, before it is answered with `RESOURCE_EXHAUSTED`: within
    /// a second, all in all.
    pub acquire_timeout_ms: u64,
    /// Milliseconds one statement (on PostgreSQL, where 8 s is the most) or one writing transaction
    /// (on SQLite) may run before it is stopped.
    pub statement_timeout_ms: u64,
    /// PostgreSQL only: the schema that holds the service's tables; default `public`.
    /// Letters a-z, digits and `_`.
    pub schema: Option<String>,
    /// PostgreSQL only: the role that every transaction but a migration acts as; default: that of
    /// the URL. It owns nothing and is made by the first migration if it may be. Letters a-z,
    /// digits and `_`.
    pub role: Option<String>,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: "sqlite://t11.db".to_owned(),
            max_connections: 8,
            acquire_timeout_ms: 750,
            statement_timeout_ms: 30_000,
            schema: None,
            role: None,
        }
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url", &self.masked_url())
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout_ms", &self.acquire_timeout_ms)
            .field("statement_timeout_ms", &self.statement_timeout_ms)
            .field("schema", &self.schema)
            .field("role", &self.role)
            .finish()
    }
}

impl DatabaseConfig {
    /// The default configuration for `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }

    /// Which database the URL names.
    ///
    /// # Errors
    /// [`StoreError::Config`] when the URL is for neither.
    pub fn engine(&self) -> Result<Engine, StoreError> {
        match self.url.split_once(':') {
            Some(("sqlite", _)) => Ok(Engine::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Engine::Postgres),
            _ => Err(StoreError::Config(
                "the database URL must start with `sqlite:` or `postgres:`".to_owned(),
            )),
        }
    }

    /// The same database for one service of those that share the URL: on PostgreSQL a schema of
    /// its name and the role `t11_<service>` unless others are set, on SQLite a file of its own
    /// (`t11.db` → `t11-agents.db`).
    #[must_use]
    pub fn for_service(&self, service: &str) -> Self {
        let mut config = self.own_of_service(service);
        if matches!(self.engine(), Ok(Engine::Sqlite)) && !self.is_memory() {
            config.url = file_for_service(&self.url, service);
        }
        config
    }

    /// The same database for the one service that has it to itself: as
    /// [`for_service`](Self::for_service), but a SQLite file keeps its name.
    #[must_use]
    pub fn own_of_service(&self, service: &str) -> Self {
        let mut config = self.clone();
        if matches!(self.engine(), Ok(Engine::Postgres)) {
            config.schema.get_or_insert_with(|| service.to_owned());
            config.role.get_or_insert_with(|| format!("t11_{service}"));
        }
        config
    }

    /// The URL without its password, for logs.
    pub fn masked_url(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return self.url.clone();
        };
        // The host begins after the last `@`, for passwords may hold unescaped ones.
        match rest.rsplit_once('@') {
            Some((credentials, host)) => {
                let user = credentials.split(':').next().unwrap_or_default();
                format!("{scheme}://{user}:***@{host}")
            }
            None => self.url.clone(),
        }
    }

    pub(crate) fn is_memory(&self) -> bool {
        self.url.contains(":memory:") || self.url.contains("mode=memory")
    }

    /// The schema, checked, because it is written into statements.
    pub(crate) fn schema_name(&self) -> Result<&str, StoreError> {
        checked("schema", self.schema.as_deref().unwrap_or("public"))
    }

    /// The role, checked, because it is written into statements.
    pub(crate) fn role_name(&self) -> Result<Option<&str>, StoreError> {
        self.role
            .as_deref()
            .map(|name| checked("role", name))
            .transpose()
    }
}

fn checked<'a>(what: &str, name: &'a str) -> Result<&'a str, StoreError> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let rest_well = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if starts_well && rest_well && name.len() <= 63 {
        Ok(name)
    } else {
        Err(StoreError::Config(format!(
            "`{name}` is not a {what} name (a-z, 0-9, _)"
        )))
    }
}

fn file_for_service(url: &str, service: &str) -> String {
    let (path, query) = url
        .split_once('?')
        .map_or((url, None), |(p, q)| (p, Some(q)));
    let (folder, file) = path.rsplit_once('/').map_or(("", path), |(d, f)| (d, f));
    let file = match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem}-{service}.{extension}"),
        _ => format!("{file}-{service}"),
    };
    let path = if path.contains('/') {
        format!("{folder}/{file}")
    } else {
        file
    };
    query.map_or(path.clone(), |query| format!("{path}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_service(url: &str) -> DatabaseConfig {
        DatabaseConfig::new(url).for_service("agents")
    }

    #[test]
    fn services_that_share_a_url_get_a_file_or_a_schema_each() {
        assert_eq!(
            for_service("sqlite://data/t11.db").url,
            "sqlite://data/t11-agents.db"
        );
        assert_eq!(
            for_service("sqlite:///d.x/t11?mode=rwc").url,
            "sqlite:///d.x/t11-agents?mode=rwc"
        );
        assert_eq!(for_service("sqlite:t11.db").url, "sqlite:t11-agents.db");
        assert_eq!(for_service("sqlite::memory:").url, "sqlite::memory:");
        let postgres = for_service("postgres://u@h/d");
        assert_eq!(postgres.url, "postgres://u@h/d");
        assert_eq!(postgres.schema.as_deref(), Some("agents"));
        assert_eq!(postgres.role.as_deref(), Some("t11_agents"));
        let own = DatabaseConfig::new("sqlite:a.db").own_of_service("agents");
        assert_eq!(own.url, "sqlite:a.db");
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in ["postgres://u:p@ss@h:1/d", "postgresql://u:secret@h/d"] {
            let shown = format!("{:?}", DatabaseConfig::new(url));
            assert!(
                !shown.contains("secret") && !shown.contains("ss@"),
                "{shown}"
            );
            assert!(shown.contains("u:***@h"), "{shown}");
        }
    }

    #[test]
    fn other_databases_and_schema_names_are_refused() {
        assert!(DatabaseConfig::new("mysql://h/d").engine().is_err());
        for bad in ["", "Agents", "a\"; drop", "1a"] {
            let config = DatabaseConfig {
                schema: Some(bad.to_owned()),
                ..Default::default()
            };
            assert!(config.schema_name().is_err(), "{bad}");
        }
    }
}
