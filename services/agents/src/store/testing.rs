//! A store over a database of its own: a SQLite file, or with `T11_TEST_DATABASE_URL` set a
//! PostgreSQL schema.

use std::ops::Deref;

use t11_core::{Caller, OrgId, OrgScope, Permission, World};
use t11_store::testing::TestDb;
use uuid::Uuid;

use super::Store;
use crate::source::{Kind, NewSource, Reader};

pub(super) struct TestStore {
    store: Store,
    pub(super) scope: OrgScope,
    /// Removed with the store.
    _db: TestDb,
}

impl TestStore {
    pub(super) async fn new() -> Self {
        let db = TestDb::new(|db| async move { t11_migrations::migrate("agents", &db).await });
        let (db, world) = (db.await, World::system());
        Self {
            store: Store::new(db.db(), world.clone()),
            scope: scope(OrgId(world.new_id())),
            _db: db,
        }
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// The right of the service to work for the organization.
pub(super) fn scope(org: OrgId) -> OrgScope {
    let service = Caller::service("agents", org);
    service.require(Permission::Internal).unwrap()
}

/// An article that waits to be read.
pub(super) async fn article(store: &TestStore, display_name: &str) -> Uuid {
    let new = NewSource {
        id: World::system().new_id(),
        kind: Kind::Article,
        display_name: display_name.to_owned(),
        category: None,
        content: "text".to_owned(),
        uri: String::new(),
        document_type: None,
        storage_path: String::new(),
        size_bytes: 4,
        sha256: String::new(),
        request_id: None,
    };
    store.create_source(&store.scope, new).await.unwrap().id
}

/// The first lease of the job that reads the source.
pub(super) async fn reader(store: &TestStore, source: Uuid) -> Reader {
    let source = store.source(&store.scope, source).await.unwrap();
    Reader {
        job: source.job.unwrap(),
        fence: 1,
    }
}
