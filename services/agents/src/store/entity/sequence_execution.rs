use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sequence_executions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub sequence_id: Uuid,
    pub conversation_id: Uuid,
    pub running_in: Option<Uuid>,
    pub state: String,
    pub stop_reason: String,
    pub started_by: String,
    pub next_step: i32,
    pub next_time: Option<DateTimeUtc>,
    pub control_epoch: i64,
    pub inbound_sequence: i64,
    pub create_time: DateTimeUtc,
    pub end_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
