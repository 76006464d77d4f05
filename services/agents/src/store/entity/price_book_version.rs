use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "price_book_versions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub number: i32,
    pub file_name: String,
    pub item_count: i32,
    pub error_count: i32,
    pub skip_bad_rows: bool,
    pub added_count: i32,
    pub changed_count: i32,
    pub removed_count: i32,
    pub errors: Json,
    pub request_id: Option<Uuid>,
    pub create_time: DateTimeUtc,
    pub publish_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
