//! What the company says: scripts, and responses to objections.

mod effect;
mod objection_form;
pub(crate) mod objections;
mod placeholders;
mod script_form;
pub(crate) mod scripts;
mod shared;
mod stages;
