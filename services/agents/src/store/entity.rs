//! Rows as they lie in the tables.

pub(super) mod action;
pub(super) mod agent;
pub(super) mod category;
pub(super) mod chunk;
pub(super) mod conversation;
pub(super) mod crm_settings;
pub(super) mod crm_stage;
pub(super) mod draft;
pub(super) mod memory;
pub(super) mod message;
pub(super) mod objection_response;
pub(super) mod play_use;
pub(super) mod price_book;
pub(super) mod price_book_version;
pub(super) mod price_item;
pub(super) mod reply;
pub(super) mod script;
pub(super) mod sequence;
pub(super) mod sequence_execution;
pub(super) mod source;
pub(super) mod trigger;
pub(super) mod trigger_hit;
pub(super) mod turn;
pub(super) mod turn_step;
pub(super) mod version;
