use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) org_id: Uuid,
    pub(crate) connection_id: Uuid,
    pub(crate) dedupe_key: String,
    pub(crate) source: String,
    pub(crate) entity: String,
    pub(crate) action: String,
    pub(crate) entity_id: String,
    pub(crate) payload: String,
    pub(crate) state: String,
    pub(crate) state_time: DateTimeUtc,
    pub(crate) verdict: String,
    pub(crate) conversation: String,
    pub(crate) turn: String,
    pub(crate) error_reason: String,
    pub(crate) error_message: String,
    pub(crate) deliveries: i32,
    pub(crate) is_dry_run: bool,
    pub(crate) replays: i32,
    pub(crate) inbox_id: Option<Uuid>,
    pub(crate) receive_time: DateTimeUtc,
    pub(crate) end_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
