use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub conversation_id: Uuid,
    pub sequence: i64,
    pub author: String,
    pub content: String,
    pub sentences: Json,
    pub turn_id: Option<Uuid>,
    pub create_time: DateTimeUtc,
    pub connection_id: Option<Uuid>,
    pub external_id: Option<String>,
    pub event: String,
    pub verdict: String,
    pub delivery: String,
    pub delivery_reason: String,
    pub content_type: String,
    pub author_display_name: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
