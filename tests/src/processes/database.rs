//! A database of its own for each mesh.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use t11_core::World;
use t11_store::testing::URL_VARIABLE;
use url::Url;

use super::SERVICES;

/// A new database on the server of the tests; dropped with the value.
pub struct OwnDatabase {
    server: PgConnectOptions,
    pub(super) name: String,
    /// Where it is, with the login of the tests.
    pub url: String,
}

impl OwnDatabase {
    /// One on the server that the tests are given, if they are.
    pub async fn given() -> Option<Self> {
        let server = std::env::var(URL_VARIABLE).ok()?;
        Some(Self::make(&server).await)
    }

    pub(super) async fn make(server: &str) -> Self {
        let name = format!("t11_mesh_{}", World::system().new_id().simple());
        let mut url = Url::parse(server).unwrap();
        url.set_path(&name);
        let database = Self {
            server: server.parse().unwrap(),
            name,
            url: url.into(),
        };
        let create = format!("CREATE DATABASE {}", database.name);
        execute(&database.server, create).await.unwrap();
        database
    }

    /// Lets each service log in as its own role, which owns nothing, as in production. Roles are of
    /// the whole server: other meshes do the same to them at the same time.
    pub(super) async fn let_services_in(&self) {
        let roles = SERVICES.iter().filter(|service| **service != "edge");
        let let_in = roles.map(|service| format!("ALTER ROLE t11_{service} LOGIN NOINHERIT;"));
        let in_turn = "SELECT pg_advisory_xact_lock(hashtextextended('t11.tests', 0));";
        let statements = format!("{in_turn}{}", let_in.collect::<String>());
        execute(&self.server, statements).await.unwrap();
    }

    /// Where it is, with the login of a service; nobody is asked for a password.
    pub(super) fn url_of(&self, service: &str) -> String {
        let mut url = Url::parse(&self.url).unwrap();
        url.set_username(&format!("t11_{service}")).unwrap();
        url.set_password(None).unwrap();
        url.into()
    }

    /// Tells the server how large the tables are and what is in them, as it finds out by itself
    /// within a minute: until then it plans for empty ones.
    pub(super) async fn analyze(&self) -> Result<(), sqlx::Error> {
        execute(&self.url.parse()?, "ANALYZE".to_owned()).await
    }
}

async fn execute(server: &PgConnectOptions, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = server.connect().await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = self.server.clone();
        // The test's runtime may be of one thread, which is here.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime
                .block_on(execute(&server, drop_it))
                .map_err(std::io::Error::other)
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("the database `{}` was left behind", self.name);
        }
    }
}
