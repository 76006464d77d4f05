//! The tabs of an agent about what it does by itself: triggers and sequences.

mod acts;
mod executions;
mod hits;
pub(in crate::pages::agents) mod parts;
mod preview;
mod sequence_form;
pub(crate) mod sequences;
mod steps;
mod trial;
mod trigger_form;
pub(crate) mod triggers;
pub(crate) mod words;
