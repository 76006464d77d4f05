use leptos::prelude::*;

use crate::api::Problem;
use crate::api::conversations::{self, Turn, TurnStep};
use crate::task;

/// What the panel shows.
#[derive(Clone, Debug, Default)]
pub(crate) enum Shown {
    #[default]
    Nothing,
    /// The steps of the running turn.
    Running,
    Loading,
    Turn(Box<Turn>),
    Failed(Problem),
}

/// How one answer came about, as far as the reader asked.
#[derive(Clone, Copy)]
pub(crate) struct Trace {
    pub(crate) shown: RwSignal<Shown>,
    /// The passage that a press on a source asks to see: `p1`.
    pub(crate) passage: RwSignal<String>,
    /// On a narrow screen the trace is a sheet.
    pub(crate) open: RwSignal<bool>,
    /// Of the turn that is running.
    pub(crate) steps: Signal<Vec<TurnStep>>,
}

impl Trace {
    pub(crate) fn new(steps: Signal<Vec<TurnStep>>) -> Self {
        Self {
            shown: RwSignal::new(Shown::Nothing),
            passage: RwSignal::new(String::new()),
            open: RwSignal::new(false),
            steps,
        }
    }

    /// Opens the trace of a turn, at a passage if one is named.
    pub(crate) fn show(self, turn: String, passage: String) {
        self.passage.set(passage);
        self.open.set(true);
        let is_shown = self.shown.with_untracked(|shown| match shown {
            Shown::Turn(shown) => shown.name == turn,
            Shown::Nothing | Shown::Running | Shown::Loading | Shown::Failed(_) => false,
        });
        if is_shown || turn.is_empty() {
            return;
        }
        self.shown.set(Shown::Loading);
        task::spawn(async move {
            let shown = match conversations::turn(turn).await {
                Ok(turn) => Shown::Turn(Box::new(turn)),
                Err(problem) => Shown::Failed(problem),
            };
            // The page may have been left meanwhile.
            let _ = self.shown.try_set(shown);
        });
    }
}
