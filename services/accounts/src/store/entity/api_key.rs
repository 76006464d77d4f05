use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) org_id: Uuid,
    /// By which a key that is shown is found.
    pub(crate) key_id: String,
    pub(crate) key_hash: String,
    pub(crate) prefix: String,
    pub(crate) display_name: String,
    /// Separated by spaces.
    pub(crate) scopes: String,
    pub(crate) creator_id: Uuid,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) create_time: DateTimeUtc,
    pub(crate) expire_time: Option<DateTimeUtc>,
    pub(crate) last_used_time: Option<DateTimeUtc>,
    pub(crate) revoke_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
