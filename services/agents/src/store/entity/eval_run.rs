use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "eval_runs")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub suite_id: Uuid,
    pub version_id: Option<Uuid>,
    pub version_number: i32,
    pub sha256: String,
    pub suite_revision: i64,
    pub state: String,
    pub error_reason: String,
    pub case_count: i32,
    pub passed_count: i32,
    pub failed_count: i32,
    pub cost_micro_usd: i64,
    pub budget_micro_usd: i64,
    pub request_id: Option<Uuid>,
    pub create_time: DateTimeUtc,
    pub end_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
