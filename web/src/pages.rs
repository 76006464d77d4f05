//! One file a screen or a part of one: a page wires, the kit draws.

pub(crate) mod agents;
pub(crate) mod chat;
pub(crate) mod dashboard;
mod door;
pub(crate) mod inbox;
pub(crate) mod integrations;
pub(crate) mod jobs;
pub(crate) mod knowledge;
pub(crate) mod models;
pub(crate) mod not_found;
pub(crate) mod notifications;
pub(crate) mod plays;
pub(crate) mod prices;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod sign_up;
pub(crate) mod turn;
