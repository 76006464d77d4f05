//! Live conversations: what happens to them in one commit each, with the jobs that follow.
//!
//! Every change holds its conversation first, so that of two that come at once the second decides
//! by what the first has left.

mod automation;
mod drafts;
mod events;
mod firings;
mod handoffs;
mod held;
mod inbox;
mod replies;
mod reply_kind;
mod steps;
mod turns;

pub(crate) use drafts::{Draft, DraftState};
pub(crate) use firings::{Firing, FiringBeginning, FiringEnd, Moment};
pub(crate) use replies::{Outgoing, Sending};
pub(crate) use steps::{StepBeginning, StepEnd};
pub(crate) use turns::{LiveBeginning, LiveEnd};
