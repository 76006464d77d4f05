//! What a schema must not have on PostgreSQL, asked of the catalogue; run with
//! `T11_TEST_DATABASE_URL` set. Every query lists the offenders of one rule.
//!
//! The rules are those that multi-tenant systems have been broken by (compare the database lints
//! of Supabase's `splinter`), and those that our code counts on.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may stop at the first surprise"
)]

use sea_orm_migration::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use t11_migrations::{SERVICES, migrate};
use t11_store::testing::TestDb;
use t11_store::{Engine, StoreError};

struct Lint {
    name: &'static str,
    /// Gives one column, the offender's name. `ours` is the tables of the schema, `tenants` those
    /// with an organization.
    query: &'static str,
    /// Offenders that are known, and why. May only shrink.
    known: &'static [&'static str],
}

const LINTS: &[Lint] = &[
    Lint {
        name: "a tenant table without forced row security",
        query: "SELECT relname FROM tenants WHERE NOT (relrowsecurity AND relforcerowsecurity)",
        // Read for all organizations at once: jobs of the relay, and counts by which the queue is
        // fair.
        known: &["outbox", "queue_orgs"],
    },
    Lint {
        name: "row security without a policy",
        query: "SELECT relname FROM ours WHERE relrowsecurity \
                AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = ours.oid)",
        known: &[],
    },
    Lint {
        name: "a policy without row security",
        query: "SELECT relname FROM ours WHERE NOT relrowsecurity \
                AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = ours.oid)",
        known: &[],
    },
    Lint {
        name: "a policy that does not name the organization",
        query: "SELECT ours.relname || '.' || p.polname FROM pg_policy p \
                JOIN ours ON ours.oid = p.polrelid \
                WHERE pg_get_expr(p.polqual, p.polrelid) IS NULL \
                OR pg_get_expr(p.polqual, p.polrelid) NOT LIKE '%org_id = %app.organization_id%' \
                OR coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'org_id') NOT LIKE '%org_id%'",
        known: &[],
    },
    Lint {
        name: "a policy for some commands or roles only",
        query: "SELECT ours.relname || '.' || p.polname FROM pg_policy p \
                JOIN ours ON ours.oid = p.polrelid \
                WHERE p.polcmd <> '*' OR NOT p.polpermissive OR p.polroles <> '{0}'",
        known: &[],
    },
    Lint {
        name: "a view or materialized view, which row security may not reach",
        query: "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('v', 'm') \
                AND c.relnamespace = current_schema()::regnamespace",
        known: &[],
    },
    Lint {
        name: "a function that runs with its owner's rights, or finds tables by the caller's path",
        query: "SELECT f.proname FROM pg_proc f \
                WHERE f.pronamespace = current_schema()::regnamespace AND (f.prosecdef \
                OR NOT EXISTS (SELECT 1 FROM unnest(f.proconfig) s WHERE s LIKE 'search_path=%'))",
        known: &[],
    },
    Lint {
        name: "a table without a primary key",
        query: "SELECT relname FROM ours WHERE NOT EXISTS \
                (SELECT 1 FROM pg_index i WHERE i.indrelid = ours.oid AND i.indisprimary)",
        known: &[],
    },
    Lint {
        name: "a unique index that could tell one tenant of another's rows",
        query: "SELECT ix.relname FROM pg_index i JOIN tenants ON tenants.oid = i.indrelid \
                JOIN pg_class ix ON ix.oid = i.indexrelid WHERE i.indisunique \
                AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = i.indrelid \
                    AND a.attnum = ANY (i.indkey) AND a.attname = 'org_id') \
                AND NOT (i.indisprimary AND i.indnkeyatts = 1 AND EXISTS \
                    (SELECT 1 FROM pg_attribute a WHERE a.attrelid = i.indrelid \
                     AND a.attnum = i.indkey[0] AND a.attname IN ('id', 'position')))",
        known: UNIQUE_IN_THE_WORLD,
    },
    Lint {
        name: "a foreign key that could join two tenants",
        query: "SELECT f.conname FROM pg_constraint f JOIN tenants child ON child.oid = f.conrelid \
                JOIN tenants parent ON parent.oid = f.confrelid WHERE f.contype = 'f' \
                AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = f.conrelid \
                    AND a.attnum = ANY (f.conkey) AND a.attname = 'org_id')",
        known: &[],
    },
    Lint {
        name: "a foreign key without an index that serves it",
        query: "SELECT f.conname FROM pg_constraint f JOIN ours ON ours.oid = f.conrelid \
                WHERE f.contype = 'f' AND NOT EXISTS (SELECT 1 FROM pg_index i \
                    WHERE i.indrelid = f.conrelid AND \
                    f.conkey <@ (i.indkey::int2[])[0:array_length(f.conkey, 1) - 1])",
        known: &[],
    },
    Lint {
        name: "two indexes over the same columns",
        query: "SELECT x.relname FROM pg_index a JOIN pg_index b ON a.indrelid = b.indrelid \
                AND a.indkey = b.indkey AND a.indexrelid > b.indexrelid \
                AND a.indpred IS NOT DISTINCT FROM b.indpred \
                JOIN ours ON ours.oid = a.indrelid JOIN pg_class x ON x.oid = a.indexrelid",
        known: &[],
    },
    Lint {
        name: "something that everybody may do",
        query: "SELECT relname FROM ours WHERE EXISTS \
                (SELECT 1 FROM aclexplode(relacl) g WHERE g.grantee = 0)",
        known: &[],
    },
    Lint {
        name: "a right of the service beyond reading and writing rows",
        query: "SELECT relname || ' ' || g.privilege_type FROM ours, aclexplode(relacl) g \
                WHERE g.grantee <> ours.relowner \
                AND g.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')",
        known: &[],
    },
];

/// Unique whoever the tenant is, over values that are drawn at random or given by the platform: no
/// tenant can ask with them for another's.
const UNIQUE_IN_THE_WORLD: &[&str] = &[
    "session_tokens_pkey",
    "uq_api_keys_key_id",
    "uq_organization_invites_secret_hash",
    // A person belongs to one organization; who joins has proved to be the person.
    "uq_organization_members_user_id",
    // An account of Kommo belongs to one organization; who connects it has proved to hold it.
    "uq_connections_account_id",
    "uq_webhook_secrets_secret_hash",
    "uq_outbox_id",
    // Ids of jobs and keys of schedules are made by our services, from ids of their own.
    "uq_jobs_id",
    "schedules_pkey",
];

const TABLES: &str = "WITH ours AS (SELECT c.* FROM pg_class c WHERE c.relkind IN ('r', 'p') \
     AND c.relnamespace = current_schema()::regnamespace), \
     tenants AS (SELECT ours.* FROM ours JOIN pg_attribute a ON a.attrelid = ours.oid \
     AND a.attname = 'org_id' AND NOT a.attisdropped) ";

async fn migrated(service: &'static str) -> Option<TestDb> {
    let db = TestDb::new(|db| async move { migrate(service, &db).await }).await;
    (db.engine() == Engine::Postgres).then_some(db)
}

/// What the rules find, `rule: offender`.
async fn findings(db: &TestDb) -> Vec<String> {
    let mut findings = Vec::new();
    for lint in LINTS {
        let query = format!(
            "{TABLES} SELECT found::text FROM ({}) f (found) ORDER BY 1",
            lint.query
        );
        let statement = Statement::from_string(DbBackend::Postgres, query);
        let offenders = db
            .read(t11_store::System("test"), move |tx| async move {
                let rows = tx.query_all_raw(statement).await?;
                let names = rows.iter().map(|row| row.try_get_by_index::<String>(0));
                Ok::<_, StoreError>(names.collect::<Result<Vec<_>, _>>()?)
            })
            .await
            .unwrap();
        let new = offenders
            .iter()
            .filter(|name| !lint.known.contains(&name.as_str()));
        findings.extend(new.map(|name| format!("{}: {name}", lint.name)));
    }
    findings
}

#[tokio::test]
async fn no_schema_breaks_a_rule() {
    let mut all = Vec::new();
    for service in SERVICES {
        if let Some(db) = migrated(service).await {
            all.extend(
                findings(&db)
                    .await
                    .into_iter()
                    .map(|finding| format!("{service}: {finding}")),
            );
        }
    }
    assert!(all.is_empty(), "{all:#?}");
}

/// Each line of damage must be seen by the rule that it breaks.
#[tokio::test]
async fn damage_is_found() {
    const DAMAGE: &[(&str, &str)] = &[
        ("DROP POLICY own_organization ON agents", "without a policy"),
        (
            "ALTER TABLE agents NO FORCE ROW LEVEL SECURITY",
            "without forced row security",
        ),
        (
            "ALTER TABLE agents DISABLE ROW LEVEL SECURITY",
            "a policy without row security",
        ),
        (
            "CREATE POLICY open ON agents USING (true)",
            "does not name the organization",
        ),
        (
            "CREATE POLICY reading ON agents FOR SELECT USING \
             (org_id = NULLIF(current_setting('app.organization_id', true), '')::uuid)",
            "some commands",
        ),
        (
            "ALTER TABLE turns ADD COLUMN y uuid, \
             ADD FOREIGN KEY (org_id, y) REFERENCES agents (org_id, id)",
            "without an index",
        ),
        ("CREATE VIEW v AS SELECT * FROM agents", "a view"),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "owner's rights",
        ),
        (
            "CREATE UNIQUE INDEX u ON agents (display_name)",
            "tell one tenant",
        ),
        ("CREATE TABLE t (a int)", "without a primary key"),
        (
            "ALTER TABLE turns ADD COLUMN x uuid REFERENCES agents (id)",
            "could join two tenants",
        ),
        ("CREATE INDEX i ON agents (org_id, id)", "the same columns"),
        ("GRANT SELECT ON agents TO PUBLIC", "everybody"),
        (
            "GRANT TRUNCATE ON agents TO t11_test",
            "beyond reading and writing",
        ),
    ];
    for (statement, rule) in DAMAGE {
        let Some(db) = migrated("agents").await else {
            return;
        };
        db.migrate(move |tx| async move {
            tx.execute_unprepared(statement).await?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        let findings = findings(&db).await;
        assert!(
            findings.iter().any(|finding| finding.contains(rule)),
            "{statement}: {findings:?}"
        );
    }
}
