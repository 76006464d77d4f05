use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "triggers")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub agent_id: Uuid,
    pub display_name: String,
    pub enabled: bool,
    pub kind: String,
    pub keywords: Json,
    pub condition: String,
    pub pipeline_id: i64,
    pub stage_id: i64,
    pub after_minutes: i32,
    pub acts: Json,
    pub reply: String,
    pub max_per_chat: i32,
    pub max_per_day: i32,
    pub position: i32,
    pub hit_count: i64,
    pub last_hit_time: Option<DateTimeUtc>,
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
