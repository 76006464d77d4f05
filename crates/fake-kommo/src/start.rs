//! A running fake, and what is steered for all its accounts at once.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::delivery::{self, Delivery};
use crate::fault::Fault;
use crate::handle::Account;
use crate::kommo::{Kommo, base};
use crate::oauth::{Decision, Integration, Rotation};
use crate::options::{FakeKommoOptions, Template};
use crate::rate::RateLimit;
use crate::seed;
use crate::server;
use crate::state::{Called, State};

/// A running fake. Stops when dropped.
pub struct FakeKommo {
    kommo: Arc<Kommo>,
    address: SocketAddr,
}

impl Drop for FakeKommo {
    fn drop(&mut self) {
        self.kommo.stop();
    }
}

impl FakeKommo {
    /// Starts a fake.
    ///
    /// # Errors
    /// When an address is not of this machine's loopback, or is taken.
    #[expect(clippy::unused_async, reason = "must run inside a runtime")]
    pub async fn start(options: FakeKommoOptions) -> io::Result<Self> {
        if !options.address.ip().is_loopback() {
            let kind = io::ErrorKind::InvalidInput;
            return Err(io::Error::new(kind, "only a loopback address is served"));
        }
        let state = State::new(Clock::new(options.clock), String::new());
        let kommo = Arc::new(Kommo::new(state));
        let address = server::listen(&kommo, options.address)?;
        kommo.with(|state| {
            state.api_domain = address.to_string();
            state.oauth.integrations = options.integrations;
            state.rate.limit = options.rate_limit;
        });
        let fake = Self { kommo, address };
        for (index, template) in options.accounts.into_iter().enumerate() {
            fake.add_account(index, template)?;
        }
        let engine = delivery::run(fake.kommo.clone());
        fake.kommo.keep(server::spawn(engine));
        Ok(fake)
    }

    fn add_account(&self, index: usize, template: Template) -> io::Result<()> {
        let address = match index {
            0 => self.address,
            _ => server::listen(&self.kommo, SocketAddr::from((self.address.ip(), 0)))?,
        };
        self.kommo.with(|state| {
            let now = state.clock.millis();
            let account = seed::account(template, index, base(address), now);
            state.accounts.push(account);
        });
        Ok(())
    }

    /// The first account.
    pub fn account(&self) -> Account {
        let mut accounts = self.accounts();
        accounts.swap_remove(0)
    }

    /// Every account, in the order of the options.
    pub fn accounts(&self) -> Vec<Account> {
        let ids = self.kommo.look(|state| {
            let accounts = state.accounts.iter();
            accounts.map(|account| account.id).collect::<Vec<_>>()
        });
        let ids = ids.into_iter();
        ids.map(|id| Account::new(self.kommo.clone(), id)).collect()
    }

    /// `http://127.0.0.1:9400/oauth`: what `KOMMO_OAUTH_URL` is set to.
    pub fn oauth_url(&self) -> String {
        format!("{}/oauth", base(self.address))
    }

    /// `127.0.0.1:9400,127.0.0.1:9401`: what `KOMMO_TEST_HOSTS` is set to.
    pub fn hosts(&self) -> String {
        let accounts = self.accounts();
        let hosts: Vec<String> = accounts.iter().map(Account::host).collect();
        hosts.join(",")
    }

    /// Where a person plays the client.
    pub fn demo_url(&self) -> String {
        format!("{}/_demo", base(self.address))
    }

    /// Registers a further app.
    pub fn add_integration(&self, integration: Integration) {
        self.kommo
            .with(|state| state.oauth.integrations.push(integration));
    }

    /// Unix seconds of the fake's clock.
    pub fn now(&self) -> i64 {
        self.kommo.look(|state| state.clock.seconds())
    }

    /// Moves the clock on; what falls due is then sent.
    pub fn advance(&self, by: Duration) {
        self.kommo.with(|state| state.clock.advance(by));
    }

    /// Sets the clock to this Unix second.
    pub fn set_clock(&self, seconds: i64) {
        self.kommo.with(|state| state.clock.set(seconds));
    }

    /// Waits until everything that is due was sent and answered, or was given up on.
    pub async fn settle(&self) {
        self.kommo.until(|state| state.is_settled()).await;
    }

    /// Waits until this is so. Looks again at each request, delivery and act.
    pub async fn until(&self, is_so: impl Fn() -> bool) {
        let mut changes = self.kommo.subscribe();
        loop {
            changes.borrow_and_update();
            if is_so() {
                return;
            }
            // The sender lives as long as `self`.
            drop(changes.changed().await);
        }
    }

    /// Waits until this many requests to a route were answered.
    pub async fn until_called(&self, route: &str, count: usize) {
        self.until(|| self.count(route) >= count).await;
    }

    /// What is to go wrong next. Faults for one route befall it in the order they were given.
    pub fn fault(&self, fault: Fault) {
        self.kommo.with(|state| state.faults.push(fault));
    }

    /// No more faults.
    pub fn clear_faults(&self) {
        self.kommo.with(|state| state.faults.clear());
    }

    pub fn set_rate_limit(&self, limit: RateLimit) {
        self.kommo.with(|state| {
            state.rate.limit = limit;
            state.rate.is_blocked = false;
        });
    }

    /// Every request so far, refused ones too.
    pub fn calls(&self) -> Vec<Called> {
        self.kommo.look(|state| state.calls.clone())
    }

    /// How many requests to a route so far, refused ones too: `POST /api/v4/leads/{id}/notes`.
    pub fn count(&self, route: &str) -> usize {
        self.kommo.look(|state| {
            let calls = state.calls.iter();
            calls.filter(|call| call.route == route).count()
        })
    }

    /// Most requests seen in any one second of real time, refused ones too.
    pub fn peak_rate(&self) -> usize {
        self.kommo.look(|state| state.rate.peak)
    }

    /// How many requests were refused because there were too many.
    pub fn refused_for_rate(&self) -> usize {
        self.kommo.look(|state| state.rate.refused)
    }

    /// Every try to deliver something, in the order they ended.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.kommo.look(|state| state.deliveries.clone())
    }

    /// How many deliveries may be in flight at once; by default one, so that they keep their order.
    pub fn set_parallel_deliveries(&self, count: usize) {
        self.kommo
            .with(|state| state.parallel_deliveries = count.max(1));
    }

    /// Whether a webhook's address must answer before it is saved; by default it must.
    pub fn set_webhook_probes(&self, probes: bool) {
        self.kommo.with(|state| state.probes_webhooks = probes);
    }

    /// What the person at the authorize page does.
    pub fn set_decision(&self, decision: Decision) {
        self.kommo.with(|state| state.oauth.decision = decision);
    }

    /// Who sits at the authorize page; by default the first administrator.
    pub fn set_granting_user(&self, user_id: i64) {
        self.kommo.with(|state| state.oauth.user_id = Some(user_id));
    }

    pub fn set_rotation(&self, rotation: Rotation) {
        self.kommo.with(|state| state.oauth.rotation = rotation);
    }
}
