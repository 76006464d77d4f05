//! Messages to clients.

use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) org_id: Uuid,
    pub(crate) connection_id: Uuid,
    pub(crate) idempotency_key: Uuid,
    pub(crate) talk_id: i64,
    pub(crate) chat_id: String,
    pub(crate) lead_id: i64,
    pub(crate) contact_id: i64,
    pub(crate) content: String,
    pub(crate) dry_run: bool,
    pub(crate) state: String,
    pub(crate) transport: String,
    pub(crate) message_id: Option<String>,
    pub(crate) seen_id: Option<String>,
    pub(crate) reason: String,
    pub(crate) detail: String,
    pub(crate) fence: i64,
    pub(crate) send_time: Option<DateTimeUtc>,
    pub(crate) accept_time: Option<DateTimeUtc>,
    /// When to ask how it fares in its channel.
    pub(crate) look_time: Option<DateTimeUtc>,
    pub(crate) create_time: DateTimeUtc,
    pub(crate) update_time: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
