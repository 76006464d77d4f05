//! What a server and its roles must not be. Each of these has cost others their tenants' data.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::{StoreError, Tx};

/// A question whose answer must be no, and what to say when it is yes.
struct Refusal {
    query: &'static str,
    says: &'static str,
}

/// Whatever the environment: with one of these, row security does not bind the service, or a
/// commit that was acknowledged may be lost with the server's process.
const ALWAYS: &[Refusal] = &[
    Refusal {
        query: "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user",
        says: "the service's database role bypasses row security; let services act as \
               `t11_<service>` (deploy/postgres/roles.sql)",
    },
    Refusal {
        query: "SELECT EXISTS (SELECT 1 FROM pg_class c \
                WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
                AND pg_get_userbyid(c.relowner) = current_user)",
        says: "the service's database role owns its tables, so it could change or empty them; let \
               the migrator own them (deploy/postgres/roles.sql)",
    },
    Refusal {
        query: "SELECT EXISTS (SELECT 1 FROM pg_class c \
                WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
                AND has_table_privilege(c.oid, 'TRUNCATE'))",
        says: "the service's database role may TRUNCATE, which heeds no row security; revoke it",
    },
    Refusal {
        query: "SELECT current_setting('synchronous_commit') = 'off'",
        says: "`synchronous_commit` is off: acknowledged work would be lost with the server; turn \
               it on",
    },
];

const IN_PRODUCTION: &[Refusal] = &[
    Refusal {
        query: "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user",
        says: "the service logs in to the database as a superuser, or as a login that bypasses row \
               security; give it `t11_<service>` (deploy/postgres/roles.sql)",
    },
    Refusal {
        query: "SELECT EXISTS (SELECT 1 FROM pg_class c \
                WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
                AND pg_get_userbyid(c.relowner) = session_user)",
        says: "the service logs in to the database as the owner of its tables; give it \
               `t11_<service>` (deploy/postgres/roles.sql)",
    },
    Refusal {
        query: "SELECT current_setting('fsync') = 'off' \
                OR current_setting('full_page_writes') = 'off'",
        says: "`fsync` or `full_page_writes` is off: the database would not survive a loss of \
               power; turn both on",
    },
];

/// What keeps a service from using this database, in words for its operator. Asked in a
/// transaction of the service's own role.
pub(in crate::db) async fn refusals(
    tx: &Tx,
    is_production: bool,
) -> Result<Vec<String>, StoreError> {
    let more = if is_production { IN_PRODUCTION } else { &[] };
    let mut refusals = Vec::new();
    for refusal in ALWAYS.iter().chain(more) {
        let query = Statement::from_string(DbBackend::Postgres, refusal.query);
        let row = tx.query_one_raw(query).await?;
        let row = row.ok_or_else(|| StoreError::internal("a check gave no row"))?;
        if row.try_get_by_index::<bool>(0)? {
            refusals.push(refusal.says.to_owned());
        }
    }
    Ok(refusals)
}
