//! Notifications that agents raises; accounts runs the jobs.

use std::collections::HashMap;

use chrono::NaiveDate;
use t11_core::{Role, World, format_name};
use t11_proto::accounts::v1::{NotificationAudience, NotificationType, RaiseNotification};
use t11_runtime::notification::raise;
use t11_store::NewJob;
use uuid::Uuid;

/// Most characters of the agents' names.
const MOST_CHARS: usize = 300;

/// That agents pause on a stage, for the account has it no longer.
pub(crate) struct StageGone {
    pub(crate) connection: Uuid,
    /// Pipeline and stage.
    pub(crate) stage: (i64, i64),
    /// May be empty.
    pub(crate) display_name: String,
    /// Who worked there, by id and name. At least one.
    pub(crate) agents: Vec<(Uuid, String)>,
    /// When it was seen: a stage may go, come back, and go again.
    pub(crate) day: NaiveDate,
}

pub(crate) fn stage_gone(world: &World, gone: StageGone) -> NewJob {
    let names: Vec<_> = gone.agents.iter().map(|(_, name)| name.as_str()).collect();
    let names = names.join(", ");
    let parameters = [
        ("problem", "stage_gone".to_owned()),
        ("stage", gone.display_name),
        ("agents", names.chars().take(MOST_CHARS).collect()),
    ];
    let (pipeline, stage) = gone.stage;
    let (connection, day) = (gone.connection, gone.day);
    let first = gone.agents.first();
    let notification = RaiseNotification {
        r#type: NotificationType::IntegrationError.into(),
        parameters: named(parameters),
        resource: first.map_or_else(String::new, |(id, _)| format_name("agents", *id)),
        dedupe_key: format!("stage_gone/{connection}/{pipeline}/{stage}/{day}"),
        audience: Some(everyone_from(Role::Admin)),
    };
    raise(world, &notification)
}

/// An answer waits for a person: told once a conversation, for the inbox shows the rest.
pub(crate) fn draft_waiting(world: &World, conversation: Uuid, client: &str) -> NewJob {
    let notification = RaiseNotification {
        r#type: NotificationType::DraftWaiting.into(),
        parameters: named([("client", client.to_owned())]),
        resource: format_name("conversations", conversation),
        dedupe_key: format!("draft_waiting/{conversation}"),
        audience: Some(everyone_from(Role::Operator)),
    };
    raise(world, &notification)
}

/// A client waits for a person.
pub(crate) struct Handoff {
    pub(crate) conversation: Uuid,
    pub(crate) control_epoch: i64,
    /// What the client calls itself; may be empty.
    pub(crate) client: String,
    pub(crate) reason: String,
    /// Of the person who is responsible; may be empty.
    pub(crate) responsible: String,
}

pub(crate) fn handoff_waiting(world: &World, handoff: Handoff) -> NewJob {
    let (conversation, epoch) = (handoff.conversation, handoff.control_epoch);
    let notification = RaiseNotification {
        r#type: NotificationType::HandoffWaiting.into(),
        parameters: named([("client", handoff.client), ("reason", handoff.reason)]),
        resource: format_name("conversations", conversation),
        dedupe_key: format!("handoff/{conversation}/{epoch}"),
        audience: Some(NotificationAudience {
            email: handoff.responsible,
            ..everyone_from(Role::Admin)
        }),
    };
    raise(world, &notification)
}

/// Everyone with this role or a stronger one.
fn everyone_from(role: Role) -> NotificationAudience {
    NotificationAudience {
        role: role.to_string(),
        email: String::new(),
    }
}

fn named<const N: usize>(parameters: [(&str, String); N]) -> HashMap<String, String> {
    let named = parameters.into_iter();
    named
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
