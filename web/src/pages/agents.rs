pub(crate) mod advanced;
mod create;
pub(crate) mod deals;
pub(crate) mod detail;
mod form;
pub(crate) mod general;
mod hours;
pub(crate) mod list;
mod state;
