//! Calls to the platform. The only folder that knows gRPC: pages get messages, streams of
//! messages, and [`Problem`]s.

pub(crate) mod accounts;
pub(crate) mod agents;
pub(crate) mod api_keys;
pub(crate) mod automation;
pub(crate) mod budgets;
mod call;
pub(crate) mod completions;
pub(crate) mod conversations;
pub(crate) mod crm;
pub(crate) mod crm_settings;
pub(crate) mod evaluation;
pub(crate) mod events;
mod frames;
pub(crate) mod inbox;
pub(crate) mod jobs;
pub(crate) mod knowledge;
pub(crate) mod live;
pub(crate) mod models;
pub(crate) mod notifications;
pub(crate) mod playbook;
pub(crate) mod prices;
pub(crate) mod privacy;
mod problem;
pub(crate) mod provider_keys;
pub(crate) mod routes;
mod transport;
mod upload;
pub(crate) mod usage;
pub(crate) mod versions;

pub(crate) use problem::{Problem, ProblemKind};
pub(crate) use upload::{UploadHandle, UploadProgress};

use std::cell::RefCell;
use std::rc::Rc;

use prost_types::FieldMask;

thread_local! {
    static SESSION_ENDED: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Calls `listener` whenever the server no longer knows the session.
pub(crate) fn on_session_end(listener: impl Fn() + 'static) {
    SESSION_ENDED.set(Some(Rc::new(listener)));
}

fn tell_session_end() {
    let listener = SESSION_ENDED.with_borrow(Clone::clone);
    if let Some(listener) = listener {
        listener();
    }
}

/// The mask of an update.
fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask {
        paths: paths.iter().map(|&path| path.to_owned()).collect(),
    })
}

/// A fresh random UUID: makes repeating a call harmless.
pub(crate) fn request_id() -> String {
    let mut bytes = [0u8; 16];
    crate::browser::fill_random(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
