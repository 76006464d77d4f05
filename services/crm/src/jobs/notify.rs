//! Notifications that crm raises, and what it tells agents of an account; they run the jobs.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use prost::Message as _;
use t11_core::{Role, World, format_name};
use t11_proto::accounts::v1::{NotificationAudience, NotificationType, RaiseNotification};
use t11_proto::agents::v1::CatalogChange;
use t11_runtime::notification::raise;
use t11_store::NewJob;
use uuid::Uuid;

/// The job by which agents hear that an account is set up differently.
const NOTE_CATALOG: &str = "agents.note_catalog";

/// An account that people are told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) connection: Uuid,
    /// What people call it.
    pub(crate) display_name: String,
}

/// Kommo takes the tokens of `version` no more.
pub(crate) fn needs_reauth(world: &World, account: Account, version: i64) -> NewJob {
    let key = format!("needs_reauth/{}/{version}", account.connection);
    problem(
        world,
        account,
        key,
        [("problem", "needs_reauth".to_owned())],
    )
}

/// The account has switched the integration off.
pub(crate) fn disabled(world: &World, account: Account) -> NewJob {
    let day = world.now().date_naive();
    let key = format!("disabled/{}/{day}", account.connection);
    problem(world, account, key, [("problem", "disabled".to_owned())])
}

/// The messages of `month` are used up.
pub(crate) fn quota_exceeded(world: &World, account: Account, month: &str, limit: i32) -> NewJob {
    let key = format!("quota_exceeded/{}/{month}", account.connection);
    let parameters = [
        ("problem", "quota_exceeded".to_owned()),
        ("month", month.to_owned()),
        ("limit", limit.to_string()),
    ];
    problem(world, account, key, parameters)
}

/// The token ends soon and cannot be renewed.
pub(crate) fn token_expiring(world: &World, account: Account, ends: DateTime<Utc>) -> NewJob {
    let notification = RaiseNotification {
        r#type: NotificationType::CrmTokenExpiring.into(),
        dedupe_key: format!("token_expiring/{}/{}", account.connection, ends.timestamp()),
        ..of(
            account,
            [(
                "expire_time",
                ends.to_rfc3339_opts(SecondsFormat::Secs, true),
            )],
        )
    };
    raise(world, &notification)
}

fn problem<const N: usize>(
    world: &World,
    account: Account,
    dedupe_key: String,
    parameters: [(&str, String); N],
) -> NewJob {
    let notification = RaiseNotification {
        r#type: NotificationType::IntegrationError.into(),
        dedupe_key,
        ..of(account, parameters)
    };
    raise(world, &notification)
}

/// For owners and admins, of an account.
fn of<const N: usize>(account: Account, parameters: [(&str, String); N]) -> RaiseNotification {
    let named = parameters.into_iter();
    let mut named: HashMap<_, _> = named
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    named.insert("account".to_owned(), account.display_name);
    RaiseNotification {
        parameters: named,
        resource: format_name("connections", account.connection),
        audience: Some(NotificationAudience {
            role: Role::Admin.to_string(),
            email: String::new(),
        }),
        ..RaiseNotification::default()
    }
}

/// Tells agents that an account is set up differently.
pub(crate) fn catalog_changed(world: &World, connection: Uuid) -> NewJob {
    let connection = format_name("connections", connection);
    let payload = CatalogChange {
        connection: connection.clone(),
    };
    NewJob {
        ordering_key: Some(format!("catalog/{connection}")),
        resource: connection,
        ..NewJob::new(
            world.new_id(),
            "agents",
            NOTE_CATALOG,
            payload.encode_to_vec(),
        )
    }
}
