//! Everything the fake knows, behind one lock.

use serde::Serialize;
use serde_json::Value;

use crate::account::Account;
use crate::clock::Clock;
use crate::delivery::{Delivery, Parcel, Schedule};
use crate::fault::Fault;
use crate::oauth::OAuth;
use crate::rate::Rate;

pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) accounts: Vec<Account>,
    pub(crate) oauth: OAuth,
    /// The host of methods that belong to no account: the first address, for ever.
    pub(crate) api_domain: String,
    pub(crate) faults: Vec<Fault>,
    pub(crate) rate: Rate,
    pub(crate) calls: Vec<Called>,
    /// What is to be sent, each with its account's id.
    pub(crate) queue: Vec<(i64, Parcel)>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) in_flight: usize,
    pub(crate) parallel_deliveries: usize,
    pub(crate) schedule: Schedule,
    /// Whether a webhook's address is looked at before it is saved.
    pub(crate) probes_webhooks: bool,
    request_ids: u64,
}

/// A request that came.
#[derive(Debug, Clone, Serialize)]
pub struct Called {
    /// `POST /api/v4/talks/{id}/send_message`.
    pub route: String,
    /// `/api/v4/talks/77/send_message?…`.
    pub uri: String,
    /// Null when there was none, or none that is JSON.
    pub body: Value,
    /// 0 when the connection was cut instead.
    pub status: u16,
    /// Unix seconds of the fake's clock.
    pub at: i64,
}

impl State {
    pub(crate) fn new(clock: Clock, api_domain: String) -> Self {
        Self {
            clock,
            accounts: Vec::new(),
            oauth: OAuth::default(),
            api_domain,
            faults: Vec::new(),
            rate: Rate::default(),
            calls: Vec::new(),
            queue: Vec::new(),
            deliveries: Vec::new(),
            in_flight: 0,
            parallel_deliveries: 1,
            schedule: Schedule::default(),
            probes_webhooks: true,
            request_ids: 0,
        }
    }

    /// The index of the account that lives at this address.
    pub(crate) fn at(&self, base: &str) -> Option<usize> {
        let mut accounts = self.accounts.iter();
        accounts.position(|account| account.base == base)
    }

    pub(crate) fn index_of(&self, account_id: i64) -> Option<usize> {
        let mut accounts = self.accounts.iter();
        accounts.position(|account| account.id == account_id)
    }

    pub(crate) fn account(&mut self, index: usize) -> &mut Account {
        &mut self.accounts[index]
    }

    /// Lets every account know the time.
    pub(crate) fn tick(&mut self) {
        let now = self.clock.millis();
        for account in &mut self.accounts {
            account.now_millis = now;
        }
    }

    /// Takes over what the accounts want to send.
    pub(crate) fn collect(&mut self) {
        for account in &mut self.accounts {
            let id = account.id;
            let parcels = account.parcels.drain(..);
            self.queue.extend(parcels.map(|parcel| (id, parcel)));
        }
    }

    pub(crate) fn next_request_id(&mut self) -> String {
        self.request_ids += 1;
        format!("{:032x}", self.request_ids)
    }
}
