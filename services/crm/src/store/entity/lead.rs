use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "leads")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) connection_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) lead_id: i64,
    pub(crate) display_name: String,
    pub(crate) pipeline_id: i64,
    pub(crate) stage_id: i64,
    pub(crate) price: i64,
    pub(crate) responsible_user_id: i64,
    pub(crate) loss_reason_id: i64,
    pub(crate) contact_id: Option<i64>,
    pub(crate) fields: Json,
    pub(crate) tags: Json,
    pub(crate) is_closed: bool,
    pub(crate) is_deleted: bool,
    pub(crate) update_time: Option<DateTimeUtc>,
    pub(crate) read_time: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
