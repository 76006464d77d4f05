use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "price_items")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub version_id: Uuid,
    pub item_index: i32,
    pub sku: String,
    pub display_name: String,
    pub aliases: Json,
    pub unit: String,
    pub price_minor: i64,
    pub currency: String,
    pub price_from: bool,
    pub max_discount_percent: i32,
    pub valid_from_date: String,
    pub valid_until_date: String,
    pub search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
