//! A call that runs.
#![expect(
    unreachable_pub,
    reason = "sea-orm derives public items from the entity"
)]

use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reservations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub request_id: Uuid,
    pub purpose: String,
    pub agent: String,
    pub provider: String,
    pub model: String,
    pub amount_nano_usd: i64,
    pub create_time: DateTimeUtc,
    pub expire_time: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
