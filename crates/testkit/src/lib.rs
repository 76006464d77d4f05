//! What tests share: servers that stand for the outside world and speak its wire, not mocks.
//! Only ever a dev-dependency.

pub mod fake_model;
