use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) org_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) user_agent: Option<String>,
    pub(crate) client_address: Option<String>,
    pub(crate) remember: bool,
    pub(crate) create_time: DateTimeUtc,
    pub(crate) last_used_time: DateTimeUtc,
    pub(crate) expire_time: DateTimeUtc,
    pub(crate) rotate_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
