//! Rows as they are stored.

pub(super) mod jobs {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "jobs")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub position: i64,
        pub id: Uuid,
        pub org_id: Uuid,
        pub queue: String,
        pub kind: String,
        pub state: String,
        pub resource: String,
        pub display_name: String,
        pub payload: Option<Vec<u8>>,
        pub priority: i32,
        pub rank: i64,
        pub attempt: i32,
        pub max_attempts: i32,
        pub lost: i32,
        pub timeout_ms: i64,
        pub fence: i64,
        pub worker: Option<String>,
        pub boot: Option<Uuid>,
        pub lease_expire_time: Option<DateTimeUtc>,
        pub cancel_requested: bool,
        pub progress_step: String,
        pub progress_done: i64,
        pub progress_total: i64,
        pub progress_percent: i32,
        pub error_reason: Option<String>,
        pub error_message: Option<String>,
        pub ordering_key: Option<String>,
        pub unique_key: Option<String>,
        pub traceparent: Option<String>,
        pub create_time: DateTimeUtc,
        pub run_time: DateTimeUtc,
        pub start_time: Option<DateTimeUtc>,
        pub end_time: Option<DateTimeUtc>,
        pub update_time: DateTimeUtc,
        pub revision: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl t11_store::OrgOwned for Entity {
        const ORG: Column = Column::OrgId;
    }
}

pub(super) mod job_orgs {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "job_orgs")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub org_id: Uuid,
        pub revision: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl t11_store::OrgOwned for Entity {
        const ORG: Column = Column::OrgId;
    }
}

pub(super) mod queue_orgs {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "queue_orgs")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub queue: String,
        pub pass: i64,
        pub paused: bool,
        pub runnable: bool,
        pub scheduled: i64,
        pub ready: i64,
        pub blocked: i64,
        pub running: i64,
        pub retrying: i64,
        pub dead: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl t11_store::OrgOwned for Entity {
        const ORG: Column = Column::OrgId;
    }
}

pub(super) mod workers {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "workers")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub worker: String,
        pub boot: Uuid,
        pub sequence: i64,
        pub leases: Json,
        pub lost: Json,
        pub past_boots: Json,
        pub seen_time: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod schedules {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "schedules")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub org_id: Uuid,
        pub cron: String,
        pub time_zone: String,
        pub job: Json,
        pub payload: Vec<u8>,
        pub next_run_time: DateTimeUtc,
        pub last_run_time: Option<DateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
