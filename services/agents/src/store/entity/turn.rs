use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "turns")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub conversation_id: Uuid,
    pub agent_id: Uuid,
    pub request_id: Option<Uuid>,
    pub mode: String,
    pub state: String,
    pub outcome: String,
    pub skip_reason: String,
    pub error_reason: String,
    pub error_message: String,
    pub passages: Json,
    pub prompt: Json,
    pub actions: Json,
    pub model: String,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub cost_micro_usd: i64,
    pub total_ms: i32,
    pub first_token_ms: i32,
    pub lexical_only: bool,
    pub create_time: DateTimeUtc,
    pub expire_time: DateTimeUtc,
    pub fence: i64,
    pub control_epoch: i64,
    pub inbound_sequence: i64,
    pub version_id: Option<Uuid>,
    pub version_number: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
