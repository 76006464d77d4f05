//! Words for the stable names of a live conversation.

use crate::api::crm::Account;
use crate::i18n::text;
use crate::ui::Tone;

/// Channels by the names that people know them under.
pub(crate) fn channel_word(channel: &str) -> String {
    let known = match channel {
        "telegram" => "Telegram",
        "waba" | "whatsapp" | "com.amocrm.amocrmwa" => "WhatsApp",
        "instagram" | "instagram_business" => "Instagram",
        "facebook" => "Facebook",
        "viber" => "Viber",
        "vk" => "VK",
        "avito" => "Avito",
        "tiktok" | "tiktok_kommo" => "TikTok",
        "onlinechat" => "Online chat",
        other => other,
    };
    known.to_owned()
}

pub(crate) fn handoff_words(reason: &str) -> &'static str {
    let t = text::inbox();
    match reason {
        "human_wrote" => t.handoff_human_wrote,
        "taken_over" => t.handoff_taken_over,
        "human_requested" => t.handoff_human_requested,
        "legal_threat" => t.handoff_legal_threat,
        "objection_repeated" => t.handoff_objection_repeated,
        "no_answer" => t.handoff_no_answer,
        "model_failed" => t.handoff_model_failed,
        "budget" => t.handoff_budget,
        "crm_failed" => t.handoff_crm_failed,
        _ => t.handoff_other,
    }
}

/// How an outgoing message fared.
pub(super) fn delivery_words(delivery: &str) -> Option<(&'static str, Tone)> {
    let t = text::inbox();
    Some(match delivery {
        "queued" => (t.delivery_queued, Tone::Neutral),
        "accepted" => (t.delivery_accepted, Tone::Neutral),
        "delivered" => (t.delivery_delivered, Tone::Neutral),
        "read" => (t.delivery_read, Tone::Success),
        "unknown" => (t.delivery_unknown, Tone::Warn),
        "failed" => (t.delivery_failed, Tone::Danger),
        "suppressed" => (t.delivery_suppressed, Tone::Warn),
        _ => return None,
    })
}

/// Why it was not delivered; a reason without words stands for itself.
pub(super) fn delivery_reason(reason: &str) -> String {
    let t = text::inbox();
    let words = match reason {
        "superseded" => t.reason_superseded,
        "human" | "taken_over" | "human_wrote" => t.reason_human,
        "opted_out" => t.reason_opted_out,
        "QUOTA_EXCEEDED" | "KOMMO_QUOTA_USED_UP" => t.reason_quota,
        "WINDOW_CLOSED" | "CHANNEL_WINDOW" => t.reason_window,
        "NEEDS_REAUTH" | "CONNECTION_STATE" | "KOMMO_UNAUTHORIZED" => t.reason_reauth,
        "NO_REPLY_TRANSPORT" => t.reason_no_transport,
        other => other,
    };
    words.to_owned()
}

/// What came instead of text.
pub(super) fn content_word(content_type: &str) -> Option<&'static str> {
    let t = text::inbox();
    Some(match content_type {
        "" | "text" => return None,
        "voice" | "audio" => t.content_voice,
        "picture" | "image" => t.content_picture,
        "video" => t.content_video,
        "file" | "document" => t.content_file,
        "sticker" => t.content_sticker,
        "location" => t.content_location,
        "contact" => t.content_contact,
        _ => t.content_other,
    })
}

/// Pipeline, stage and its colour, if the account still has them.
pub(super) fn stage_of(
    accounts: &[Account],
    connection: &str,
    pipeline_id: i64,
    stage_id: i64,
) -> Option<(String, String, String)> {
    let account = accounts
        .iter()
        .find(|account| account.connection.name == connection)?;
    let pipeline = account
        .pipelines
        .iter()
        .find(|pipeline| pipeline.pipeline_id == pipeline_id)?;
    let stage = pipeline
        .stages
        .iter()
        .find(|stage| stage.stage_id == stage_id)?;
    Some((
        pipeline.display_name.clone(),
        stage.display_name.clone(),
        stage.color.clone(),
    ))
}
