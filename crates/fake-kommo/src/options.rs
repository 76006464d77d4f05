//! How a fake is started.

use std::net::{Ipv4Addr, SocketAddr};

use crate::clock::ClockMode;
use crate::oauth::Integration;
use crate::rate::RateLimit;

/// What a fake is started with.
#[derive(Debug, Clone)]
pub struct FakeKommoOptions {
    /// Where the first account lives; a loopback address. Port 0 is any free one. Further accounts
    /// are at free ports of the same address.
    pub address: SocketAddr,
    pub clock: ClockMode,
    pub accounts: Vec<Template>,
    pub integrations: Vec<Integration>,
    pub rate_limit: RateLimit,
}

/// What an account holds when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// `acme`: a pipeline with two stages of its own, two people, a few fields, nobody has written.
    Acme,
    /// A language school in the middle of its day, with its words in this language.
    School(Language),
}

/// The language of a demonstration account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Russian,
}

impl Default for FakeKommoOptions {
    /// One account `acme` on a free port, a running clock, no app.
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: ClockMode::Running,
            accounts: vec![Template::Acme],
            integrations: Vec::new(),
            rate_limit: RateLimit::default(),
        }
    }
}

impl FakeKommoOptions {
    /// The default with this app.
    pub fn with(integration: Integration) -> Self {
        Self {
            integrations: vec![integration],
            ..Self::default()
        }
    }

    /// A clock that stands at this Unix second.
    #[must_use]
    pub fn frozen_at(mut self, seconds: i64) -> Self {
        self.clock = ClockMode::Frozen(seconds);
        self
    }

    /// Without a limit of requests.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.rate_limit.per_second = 0;
        self
    }

    /// A demonstration account at a fixed address.
    pub fn demo(address: SocketAddr, language: Language, integration: Integration) -> Self {
        Self {
            address,
            accounts: vec![Template::School(language)],
            ..Self::with(integration)
        }
    }
}
