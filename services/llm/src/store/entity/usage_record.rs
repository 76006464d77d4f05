//! One call of a model.
#![expect(
    unreachable_pub,
    reason = "sea-orm derives public items from the entity"
)]

use sea_orm::entity::prelude::*;
use t11_store::OrgOwned;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_records")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub request_id: Uuid,
    pub create_time: DateTimeUtc,
    /// `2026-11-21`, the day of `create_time` in UTC: both databases group by it alike.
    pub day: String,
    pub purpose: String,
    pub agent: String,
    pub provider: String,
    pub model: String,
    /// `providerKeys/{provider_key}`; empty = the platform's.
    pub provider_key: String,
    /// No provider was asked: the answer is that of an equal request.
    pub cached: bool,
    pub generation: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub cached_tokens: i64,
    pub cost_nano_usd: i64,
    pub cost_known: bool,
    pub attempts: i32,
    pub first_token_ms: Option<i32>,
    pub total_ms: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl OrgOwned for Entity {
    const ORG: Column = Column::OrgId;
}
