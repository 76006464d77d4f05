use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorizations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) org_id: Uuid,
    pub(crate) state_hash: Vec<u8>,
    pub(crate) subject: String,
    pub(crate) connection_id: Option<Uuid>,
    pub(crate) create_time: DateTimeUtc,
    pub(crate) expire_time: DateTimeUtc,
    pub(crate) use_time: Option<DateTimeUtc>,
    pub(crate) made_connection_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
