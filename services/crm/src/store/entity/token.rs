use sea_orm::entity::prelude::*;
use t11_store::{OrgOwned, Sealed};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tokens")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) connection_id: Uuid,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) access_token: Sealed,
    pub(crate) refresh_token: Option<Sealed>,
    pub(crate) access_expire_time: Option<DateTimeUtc>,
    pub(crate) refresh_due_time: Option<DateTimeUtc>,
    pub(crate) version: i64,
    pub(crate) lease_owner: Option<Uuid>,
    pub(crate) lease_fence: i64,
    pub(crate) lease_until: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
