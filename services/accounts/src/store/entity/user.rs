use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) email: String,
    /// In lower case.
    pub(crate) email_key: String,
    pub(crate) display_name: String,
    pub(crate) locale: String,
    pub(crate) theme: String,
    pub(crate) password_hash: String,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) create_time: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
