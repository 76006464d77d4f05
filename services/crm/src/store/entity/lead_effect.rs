//! What is done to leads.

use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lead_effects")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) org_id: Uuid,
    pub(crate) connection_id: Uuid,
    pub(crate) idempotency_key: Uuid,
    pub(crate) lead_id: i64,
    pub(crate) effect: Json,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) reason: String,
    pub(crate) detail: String,
    pub(crate) before: Option<Json>,
    pub(crate) after: Option<Json>,
    pub(crate) created_id: Option<String>,
    pub(crate) fence: i64,
    pub(crate) begin_time: Option<DateTimeUtc>,
    pub(crate) act_time: Option<DateTimeUtc>,
    pub(crate) create_time: DateTimeUtc,
    pub(crate) end_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
