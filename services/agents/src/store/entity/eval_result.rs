use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "eval_results")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub run_id: Uuid,
    pub case_id: Uuid,
    pub conversation_id: Uuid,
    pub display_name: String,
    pub passed: bool,
    pub error_reason: String,
    pub asserts: Json,
    pub replies: Json,
    pub cost_micro_usd: i64,
    pub took_ms: i32,
    pub create_time: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
