use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "knowledge_sources")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub kind: String,
    pub display_name: String,
    pub name_key: String,
    pub category_id: Option<Uuid>,
    pub state: String,
    pub step: String,
    pub error_reason: String,
    pub error_message: String,
    pub job_id: Option<Uuid>,
    pub reader_fence: i64,
    pub content: String,
    pub uri: String,
    pub document_type: String,
    pub storage_path: String,
    pub size_bytes: i64,
    pub sha256: String,
    pub page_count: i32,
    pub chunk_count: i32,
    pub token_count: i32,
    pub language: String,
    pub enabled: bool,
    pub valid_until_date: String,
    pub request_id: Option<Uuid>,
    pub index_version: i64,
    pub revision: i64,
    pub create_time: DateTimeUtc,
    pub update_time: DateTimeUtc,
    pub process_time: Option<DateTimeUtc>,
    pub reading: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
