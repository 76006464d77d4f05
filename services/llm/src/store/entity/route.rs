//! A name for models, and which they are.
#![expect(
    unreachable_pub,
    reason = "sea-orm derives public items from the entity"
)]

use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "routes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub alias: String,
    pub targets: Json,
    pub hedge_delay_ms: i32,
    /// Null = answers are not kept.
    pub cache_ttl_seconds: Option<i32>,
    pub update_time: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
