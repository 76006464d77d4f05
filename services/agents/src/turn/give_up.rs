//! The end of a turn that no model could answer: the client hears that a person will.

use super::run::{Inbound, reply_language};
use super::tools;
use super::trace::{Outcome, Report, Sentence, State};
use super::words::Standard;

/// Why a person takes over then.
const REASON: &str = "model_failed";

/// The failed turn as one that hands over to a person.
pub fn give_up(report: Report, inbound: &Inbound) -> Report {
    let words = Standard::HandOff.text(reply_language(inbound));
    let own = |kind, text| tools::own(kind, text, inbound.mode, inbound.now);
    let actions = [own("hand_off", REASON), own("create_task", &inbound.text)];
    Report {
        state: State::Sent,
        outcome: Outcome::HandedOff,
        handoff_reason: REASON.to_owned(),
        sentences: vec![Sentence {
            text: words.to_owned(),
            passage_ids: Vec::new(),
        }],
        // What a model has proposed before it failed is not done.
        actions: actions.into(),
        ..report
    }
}
