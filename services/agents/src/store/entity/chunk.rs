use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "knowledge_chunks")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub source_id: Uuid,
    pub chunk_index: i32,
    pub content: String,
    pub heading_path: Json,
    pub page: i32,
    pub char_start: i32,
    pub char_end: i32,
    pub token_count: i32,
    pub language: String,
    pub content_hash: Vec<u8>,
    pub terms: Vec<u8>,
    pub embedding: Option<Vec<u8>>,
    pub embedding_model: String,
    pub retired: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
