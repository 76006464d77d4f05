#![doc = include_str!("../README.md")]

pub mod amojo;
pub mod client;
mod de;
mod decimal;
mod error;
pub mod field;
pub mod form;
mod host;
mod http;
pub mod id;
mod integration;
pub mod oauth;
pub mod pace;
pub mod page;
mod problem;
mod sign;
mod token;
pub mod webhook;

pub use client::Client;
pub use decimal::{Decimal, NotDecimal};
pub use error::{Error, FieldProblem, Lack, Problem, Repeat};
pub use host::{AccountHost, HostError, Hosts, KommoUrl};
pub use http::{Http, HttpError, Patience};
pub use integration::Integration;
pub use oauth::OAuth;
pub use pace::{Lane, Pace};
pub use page::Pages;
pub use token::{BotToken, DisableHook, TokenError, WidgetToken};
