//! Work that outlives a call: the handlers of the service's jobs.

pub(crate) mod apply_effect;
pub(crate) mod fire;
pub(crate) mod handle_crm_event;
pub(crate) mod ingest;
pub(crate) mod note_catalog;
pub(crate) mod note_delivery;
pub(crate) mod note_verdict;
pub(crate) mod notify;
pub(crate) mod run_eval;
pub(crate) mod run_step;
pub(crate) mod run_turn;
pub(crate) mod send_reply;
pub(crate) mod send_webhook;
pub(crate) mod tell_handoff;

use t11_runtime::JobFailure;

/// A job whose payload says nothing that can be done.
fn malformed(words: &str) -> JobFailure {
    JobFailure {
        reason: "JOB_MALFORMED".to_owned(),
        message: words.to_owned(),
        permanent: true,
        retry_after: None,
    }
}
