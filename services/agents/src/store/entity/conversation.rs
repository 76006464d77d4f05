use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub agent_id: Option<Uuid>,
    pub display_name: String,
    pub channel: String,
    pub language: String,
    pub last_sequence: i64,
    pub turn_count: i32,
    pub cost_micro_usd: i64,
    pub opted_out: bool,
    pub request_id: Option<Uuid>,
    pub create_time: DateTimeUtc,
    pub update_time: DateTimeUtc,
    pub connection_id: Option<Uuid>,
    pub chat_key: Option<String>,
    pub chat_id: String,
    pub talk_id: i64,
    pub lead_id: i64,
    pub contact_id: i64,
    pub client_display_name: String,
    pub search_key: String,
    pub pipeline_id: i64,
    pub stage_id: i64,
    pub controller: String,
    pub controller_user: Option<Uuid>,
    pub control_epoch: i64,
    pub handoff_reason: String,
    pub resume_time: Option<DateTimeUtc>,
    pub silence_reason: String,
    pub has_draft: bool,
    pub has_error: bool,
    pub unanswered: bool,
    pub last_inbound: i64,
    pub answered: i64,
    pub burst_time: Option<DateTimeUtc>,
    pub ticket: Option<Uuid>,
    pub notice_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
