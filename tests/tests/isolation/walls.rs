//! The walls between tenants, taken down one at a time: the predicate of a table's queries, and on
//! PostgreSQL its row security. With both of a table gone the probe must notice; with one gone, the
//! other must hold.

use t11_store::{Db, Engine, StoreError};
use t11_tests::TestMesh;

use crate::doors::{Door, Reach};
use crate::probe::{Findings, Probe};
use crate::tenant::Tenant;

/// Tables of tenants' things, by service. Each holds what some RPC gives out by itself; what is
/// read only with a row of one of these (messages, chunks, items) is behind that row's wall, and
/// sessions are behind their person's.
const TABLES: &[(&str, &str)] = &[
    ("accounts", "api_keys"),
    ("accounts", "audit_records"),
    ("accounts", "organization_invites"),
    ("accounts", "organization_members"),
    ("agents", "agents"),
    ("agents", "conversations"),
    ("agents", "eval_suites"),
    ("agents", "knowledge_categories"),
    ("agents", "knowledge_sources"),
    ("agents", "price_book_versions"),
    ("crm", "connections"),
    ("crm", "credentials"),
    ("jobs", "jobs"),
    ("llm", "provider_keys"),
    ("llm", "routes"),
    ("llm", "usage_records"),
];
/// Read for all organizations at once, and so without row security (`migrations/tests/lints.rs`).
const WITHOUT_POLICY: &[&str] = &["outbox", "queue_orgs"];

/// A new tenant asks for all that another new one has, past edge and as its owner: no check of a
/// role stands before the walls.
async fn probed(
    mesh: &TestMesh,
    reach: &Reach,
    service: Option<&'static str>,
    tear_down: impl AsyncFnOnce(),
) -> Findings {
    let victim = Tenant::new(&mesh.stranger(), reach).await;
    let asker = Tenant::new(&mesh.stranger(), reach).await;
    tear_down().await;
    let probe = Probe {
        reach,
        asker: &asker,
        people: vec![&asker.owner],
        victim: &victim,
        doors: &[Door::Direct],
        service,
    };
    probe.run().await
}

fn assert_noticed(wall: &str, findings: &Findings) {
    assert!(
        !findings.leaks.is_empty(),
        "{wall}: {} attempts found nothing",
        findings.total()
    );
    eprintln!("{wall} taken down: {:?}", findings.by_rpc());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predicate_left_out_is_noticed() {
    let mesh = TestMesh::start().await;
    let reach = Reach::of(&mesh);
    let databases = mesh.databases();
    for (service, table) in TABLES {
        let Some(db) = databases
            .get(*service)
            .filter(|db| db.engine() == Engine::Sqlite)
        else {
            eprintln!("not run: predicates are the only wall on SQLite alone");
            break;
        };
        let tear_down = async || db.leave_out_organization(|of| of == *table);
        let findings = probed(&mesh, &reach, Some(service), tear_down).await;
        db.leave_out_organization(|_| false);
        assert_noticed(table, &findings);
    }
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_security_holds_alone_and_its_loss_is_noticed() {
    let mesh = TestMesh::start().await;
    let reach = Reach::of(&mesh);
    let databases = mesh.databases();
    if databases.values().all(|db| db.engine() == Engine::Postgres) && !databases.is_empty() {
        for db in databases.values() {
            db.leave_out_organization(|of| !WITHOUT_POLICY.contains(&of));
        }
        let findings = probed(&mesh, &reach, None, async || {}).await;
        let leaks: Vec<_> = findings.leaks.iter().map(ToString::to_string).collect();
        assert!(leaks.is_empty(), "row security alone: {leaks:#?}");
        for (service, table) in TABLES {
            let db = &databases[*service];
            let tear_down = async || row_security(db, "DISABLE", table).await;
            let findings = probed(&mesh, &reach, Some(service), tear_down).await;
            row_security(db, "ENABLE", table).await;
            assert_noticed(table, &findings);
        }
    } else {
        eprintln!("not run: row security is PostgreSQL's");
    }
    mesh.stop().await;
}

async fn row_security(db: &Db, word: &str, table: &str) {
    use sea_orm_migration::sea_orm::ConnectionTrait as _;
    let statement = format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY");
    let altered = db.migrate(|tx| async move {
        tx.execute_unprepared(&statement).await?;
        Ok::<_, StoreError>(())
    });
    altered.await.unwrap();
}
