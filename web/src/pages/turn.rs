//! How one answer came about: shown in the test chat and in live conversations.

mod case;
mod panel;
mod sentences;
mod state;
pub(crate) mod words;

pub(crate) use panel::{TracePanel, TraceSheet};
pub(crate) use sentences::sentences;
pub(crate) use state::{Shown, Trace};
