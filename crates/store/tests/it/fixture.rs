//! A table of notes, and callers of two organizations.

use sea_orm::ActiveValue;
use sea_orm::entity::prelude::*;
use sea_orm_migration::SchemaManager;
use t11_core::{Caller, OrgId, OrgScope, Permission};
use t11_migrations::table;
use t11_store::testing::TestDb;
use t11_store::{Db, OrgOwned, StoreError, System, Tx};

#[expect(unreachable_pub, reason = "the macros of sea-orm need it")]
pub(crate) mod note {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub org_id: Uuid,
        pub text: String,
        pub create_time: DateTimeUtc,
        pub labels: Json,
        pub body: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl OrgOwned for note::Entity {
    const ORG: Self::Column = note::Column::OrgId;
}

pub(crate) async fn migrate(db: Db) -> Result<(), StoreError> {
    t11_migrations::migrate("crm", &db).await?;
    db.migrate(|tx| async move {
        let transaction = tx.savepoint().await?;
        let manager = SchemaManager::new(&transaction);
        let columns = [
            table::id(),
            table::text("text"),
            table::timestamp("create_time"),
            table::json("labels"),
            table::blob("body"),
        ];
        let notes = table::new("notes", columns);
        table::create_for_tenants(&manager, "notes", notes).await?;
        table::unique(&manager, "notes", &["org_id", "text"]).await?;
        table::has_children(&manager, "notes").await?;
        let mut links = table::new("links", [table::id(), table::uuid("note_id")]);
        links.foreign_key(&mut table::belongs_to("note_id", "notes"));
        table::create_for_tenants(&manager, "links", links).await?;
        transaction.commit().await?;
        Ok(())
    })
    .await
}

pub(crate) async fn database() -> TestDb {
    TestDb::new(migrate).await
}

/// Tests of what only SQLite does.
pub(crate) async fn sqlite() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "sqlite://{}",
        folder.path().join("deep/er/t11.db").display()
    );
    let config = t11_store::DatabaseConfig::new(url);
    let db = Db::connect(&config, t11_core::World::system())
        .await
        .unwrap();
    migrate(db.clone()).await.unwrap();
    (folder, db)
}

pub(crate) fn org(number: u128) -> OrgId {
    OrgId(Uuid::from_u128(number))
}

pub(crate) fn scope(number: u128) -> OrgScope {
    Caller::service("test", org(number))
        .require(Permission::AgentsWrite)
        .unwrap()
}

pub(crate) fn new_note(org: OrgId, text: &str) -> note::ActiveModel {
    let world = t11_core::World::system();
    note::ActiveModel {
        id: ActiveValue::Set(world.new_id()),
        org_id: ActiveValue::Set(org.0),
        text: ActiveValue::Set(text.to_owned()),
        create_time: ActiveValue::Set(world.now()),
        labels: ActiveValue::Set(serde_json::json!({ "языки": ["ru", "en"] })),
        body: ActiveValue::Set(vec![0, 159, 146, 150]),
    }
}

pub(crate) async fn add_note(tx: &Tx, text: &str) -> Result<note::Model, StoreError> {
    Ok(new_note(tx.org_id()?, text).insert(tx).await?)
}

pub(crate) async fn write_note(db: &Db, org: u128, text: &str) -> Result<note::Model, StoreError> {
    let text = text.to_owned();
    db.write(
        &scope(org),
        move |tx| async move { add_note(&tx, &text).await },
    )
    .await
}

/// The texts of all organizations, sorted.
pub(crate) async fn texts(db: &Db) -> Vec<String> {
    let notes = db
        .read(System("test"), |tx| async move {
            note::Entity::find()
                .all(&tx)
                .await
                .map_err(StoreError::from)
        })
        .await
        .unwrap();
    let mut texts: Vec<_> = notes.into_iter().map(|note| note.text).collect();
    texts.sort();
    texts
}
