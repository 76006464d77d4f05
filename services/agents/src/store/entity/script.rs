use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "scripts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub agent_id: Option<Uuid>,
    pub display_name: String,
    pub name_key: String,
    pub script_type: String,
    pub content: String,
    pub variables: Json,
    pub stages: Json,
    pub languages: Json,
    pub verbatim: bool,
    pub state: String,
    pub usage_count: i64,
    pub success_count: i64,
    pub search_key: String,
    pub request_id: Option<Uuid>,
    pub revision: i64,
    pub create_time: DateTimeUtc,
    pub update_time: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
