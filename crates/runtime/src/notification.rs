//! Notifications to people: raised in the commit of the change that causes them, kept by accounts.

use prost::Message as _;
use t11_core::World;
use t11_proto::accounts::v1::RaiseNotification;
use t11_store::NewJob;
use uuid::Uuid;

/// The kind of the job that raises a notification; accounts runs it.
pub const RAISE_NOTIFICATION: &str = "accounts.raise_notification";

/// Its queue.
const QUEUE: &str = "accounts";

/// The job that raises `notification`, for `Tx::enqueue`. Raised again with the same dedupe key it
/// tells nobody anew.
pub fn raise(world: &World, notification: &RaiseNotification) -> NewJob {
    raise_as(world.new_id(), notification)
}

/// The same, as the job of this id.
pub fn raise_as(id: Uuid, notification: &RaiseNotification) -> NewJob {
    let payload = notification.encode_to_vec();
    NewJob {
        unique_key: Some(format!("notification/{}", notification.dedupe_key)),
        ..NewJob::new(id, QUEUE, RAISE_NOTIFICATION, payload)
    }
}
