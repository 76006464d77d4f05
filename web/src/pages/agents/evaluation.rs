//! The tab of what an agent is tried with: suites, their cases, their runs.

mod asserts;
mod case_form;
mod history;
mod run;
mod suite;
mod suite_form;
pub(crate) mod suites;
mod words;
