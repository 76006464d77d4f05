//! What becomes of an organization's calls when its keys do not serve.
#![expect(
    unreachable_pub,
    reason = "sea-orm derives public items from the entity"
)]

use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_key_policies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub fallback_to_platform_key: bool,
    pub update_time: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
