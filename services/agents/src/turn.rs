//! One turn: from a client's message to an answer, or to silence with a reason.
//!
//! The steps are those of [`StepKind`], in that order, each a module with its own tests. The model
//! proposes; what is said and done is decided here, by plain code. The live pipeline and the test
//! chat run the same steps; in a [`Mode::Test`] or [`Mode::Eval`] effects on the CRM are shown and not done.

pub mod answer;
pub mod classify;
pub mod conditions;
pub mod context;
pub mod gates;
pub mod generate;
pub mod give_up;
pub mod guard;
pub mod hard_rules;
pub mod known;
pub mod language;
pub mod pace;
pub mod plays;
pub mod ports;
pub mod prompt;
pub mod run;
pub mod skip_rules;
pub mod tools;
pub mod trace;
pub mod triggers;
pub mod window;
pub mod words;

pub use give_up::give_up;
pub use known::{Editions, Known};
pub use language::Language;
pub use ports::{
    Completion, Found, Model, ModelEvent, ModelFault, ModelRequest, ModelStream, Observer, Sources,
};
pub use run::{Following, Inbound, Mode, Past, follow_up, run};
pub use tools::Effect;
pub use trace::{
    Action, ActionState, Outcome, Passage, PassageKind, PromptMessage, PromptRole, Report,
    Sentence, State, Step, StepKind, Usage, Verdict,
};
