//! What an agent does by itself, as its company has set it: triggers, which fire when something
//! happens, and sequences of messages to clients who do not answer.

mod act;
mod hours;
mod sequence;
mod trigger;

pub use act::Act;
pub use hours::{Quiet, next_time};
pub use sequence::{
    Execution, ExecutionState, NewSequence, Sequence, Start, StartedBy, Step, step_times,
};
pub use trigger::{Armed, Hit, Kept, NewTrigger, Outcome, Trigger, TriggerKind};

/// Triggers or sequences of an agent at most.
pub const MOST: u64 = 100;
/// A year.
const MOST_MINUTES: i32 = 525_600;
