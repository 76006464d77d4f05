//! The tabs of an agent that are about the CRM: where it works, and what it may see and change.

mod account;
mod channels;
mod fields;
pub(super) mod form;
pub(super) mod inputs;
pub(crate) mod leads_contacts;
mod matrix;
mod moves;
pub(crate) mod pipelines;
mod stage;
