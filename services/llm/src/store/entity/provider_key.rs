//! A key of an organization's own.
#![expect(
    unreachable_pub,
    reason = "sea-orm derives public items from the entity"
)]

use sea_orm::entity::prelude::*;
use t11_store::{OrgOwned, Sealed};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub provider: String,
    pub display_name: String,
    pub secret: Sealed,
    pub hint: String,
    pub state: String,
    pub priority: i32,
    pub request_id: Option<Uuid>,
    pub bench_reason: Option<String>,
    pub bench_end_time: Option<DateTimeUtc>,
    pub create_time: DateTimeUtc,
    pub update_time: DateTimeUtc,
    pub last_used_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
