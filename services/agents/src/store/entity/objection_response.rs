use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "objection_responses")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub agent_id: Option<Uuid>,
    pub objection_type: String,
    pub phrases: Json,
    pub response: String,
    pub technique: String,
    pub max_discount_percent: Option<i32>,
    pub stages: Json,
    pub escalate_after: i32,
    pub state: String,
    pub usage_count: i64,
    pub success_count: i64,
    pub effectiveness: f64,
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
