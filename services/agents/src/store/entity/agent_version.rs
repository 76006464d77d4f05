use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_versions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub agent_id: Uuid,
    pub number: i32,
    pub snapshot: Json,
    pub sha256: String,
    pub index_version: i64,
    pub price_version_id: Option<Uuid>,
    pub pinned: bool,
    pub note: String,
    pub creator: Option<Uuid>,
    pub override_reason: String,
    pub eval_suite_id: Option<Uuid>,
    pub eval_run_id: Option<Uuid>,
    pub request_id: Option<Uuid>,
    pub create_time: DateTimeUtc,
    pub publish_time: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
