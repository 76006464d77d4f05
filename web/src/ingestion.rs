//! Words for the steps of reading a source and for what can go wrong, each with its remedy.

use crate::i18n::text;

/// What goes on, by the step's word on the wire.
pub(crate) fn step_word(step: &str) -> &'static str {
    let t = text::ingestion();
    match step {
        "fetch" => t.step_fetch,
        "extract" => t.step_extract,
        "chunk" => t.step_chunk,
        "embed" => t.step_embed,
        "store" => t.step_store,
        _ => t.step_waiting,
    }
}

/// What of Kommo is being read, by the step's word on the wire; nothing for an unknown one.
pub(crate) fn sync_step(step: &str) -> &'static str {
    let t = text::ingestion();
    match step {
        "pipelines" => t.sync_pipelines,
        "users" => t.sync_users,
        "custom_fields" | "fields" => t.sync_fields,
        "leads" => t.sync_leads,
        "contacts" => t.sync_contacts,
        _ => "",
    }
}

/// What went wrong and how to mend it, by the stable reason.
pub(crate) fn error_words(reason: &str) -> (&'static str, &'static str) {
    let t = text::ingestion();
    match reason {
        "UNREADABLE" => (t.unreadable, t.unreadable_fix),
        "EMPTY" | "FILE_EMPTY" => (t.empty, t.empty_fix),
        "PASSWORD" | "FILE_PASSWORD" => (t.password, t.password_fix),
        "OCR_NEEDED" => (t.ocr, t.ocr_fix),
        "BOMB" => (t.bomb, t.bomb_fix),
        "TIMEOUT" | "INTERRUPTED" => (t.timeout, t.timeout_fix),
        "TOO_BIG" | "FILE_TOO_BIG" => (t.too_big, t.too_big_fix),
        "FETCH_DENIED" => (t.fetch_denied, t.fetch_denied_fix),
        "FETCH_FAILED" | "FETCH_TIMEOUT" | "NOT_FOUND" => (t.fetch_failed, t.fetch_failed_fix),
        "FILE_TYPE_UNSUPPORTED" | "TYPE_UNSUPPORTED" => {
            (t.type_unsupported, t.type_unsupported_fix)
        }
        "FILE_TYPE_MISMATCH" | "TYPE_MISMATCH" => (t.type_mismatch, t.type_mismatch_fix),
        "FILE_TRUNCATED" => (t.truncated, t.truncated_fix),
        _ => (t.other, t.other_fix),
    }
}
