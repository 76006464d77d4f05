use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connections")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) org_id: Uuid,
    pub(crate) host: String,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) create_time: DateTimeUtc,
    pub(crate) kind: Option<String>,
    pub(crate) account_id: Option<i64>,
    pub(crate) account_display_name: String,
    pub(crate) currency: String,
    pub(crate) time_zone: String,
    pub(crate) scopes: Option<Json>,
    pub(crate) api_domain: Option<String>,
    pub(crate) amojo_id: Option<String>,
    pub(crate) drive_url: Option<String>,
    pub(crate) is_unsorted_on: bool,
    pub(crate) reply_transport: String,
    pub(crate) reply_field_id: Option<i64>,
    pub(crate) reply_bot_id: Option<i64>,
    pub(crate) calls_per_second: i32,
    pub(crate) quota_limit: i32,
    pub(crate) quota_used: i32,
    pub(crate) quota_month: String,
    pub(crate) state: String,
    pub(crate) update_time: Option<DateTimeUtc>,
    pub(crate) webhook_state: String,
    pub(crate) webhook_events: Option<Json>,
    pub(crate) webhook_check_time: Option<DateTimeUtc>,
    pub(crate) last_event_time: Option<DateTimeUtc>,
    pub(crate) mismatch_time: Option<DateTimeUtc>,
    pub(crate) other_bot_time: Option<DateTimeUtc>,
    pub(crate) last_sync_time: Option<DateTimeUtc>,
    pub(crate) sync_due_time: Option<DateTimeUtc>,
    pub(crate) sync_job: Option<Uuid>,
    pub(crate) sync_beat_time: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
