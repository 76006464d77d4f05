//! Subscriptions of an account's webhooks, and what becomes of an event for each.

mod manners;
mod names;
mod routes;

use serde_json::{Value, json};

pub use self::manners::Manners;
pub(crate) use self::routes::{PATH, routes};
use crate::account::Account;
use crate::delivery::{Parcel, Purpose};

#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) manners: Manners,
}

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) id: i64,
    pub(crate) destination: String,
    pub(crate) settings: Vec<String>,
    pub(crate) sort: i64,
    pub(crate) is_disabled: bool,
    pub(crate) created_by: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    /// When deliveries came to nothing, in Unix milliseconds.
    pub(crate) invalid: Vec<i64>,
    /// Events that wait for others to share a body with.
    pub(crate) gathered: Vec<Happened>,
    /// A body that waits to be overtaken.
    pub(crate) held: Option<Parcel>,
}

/// One event as webhooks tell it.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) entity: &'static str,
    pub(crate) action: &'static str,
    pub(crate) item: Value,
}

impl Webhooks {
    /// Whether anybody listens for this.
    pub(crate) fn wants(&self, setting: &str) -> bool {
        self.subscriptions.iter().any(|one| one.wants(setting))
    }

    pub(crate) fn by_id(&mut self, id: i64) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|one| one.id == id)
    }
}

/// In how long a time invalid answers count against a subscription, in milliseconds.
const JUDGED_TIME: i64 = 2 * 60 * 60 * 1000;
/// One more invalid answer than this disables it.
const MOST_INVALID: usize = 100;

impl Subscription {
    fn wants(&self, setting: &str) -> bool {
        !self.is_disabled && self.settings.iter().any(|name| name == setting)
    }

    /// Counts an invalid answer. More than a hundred in two hours, this one the newest, disable
    /// the subscription.
    pub(crate) fn count_invalid(&mut self, now_millis: i64) {
        self.invalid.push(now_millis);
        self.invalid.retain(|at| now_millis - at <= JUDGED_TIME);
        if self.invalid.len() > MOST_INVALID {
            self.is_disabled = true;
        }
    }

    /// A person presses "Save" in the account's settings.
    pub(crate) fn enable(&mut self) {
        self.is_disabled = false;
        self.invalid.clear();
    }
}

impl Account {
    /// Tells everyone who listens for `setting`.
    pub(crate) fn tell(
        &mut self,
        setting: &str,
        entity: &'static str,
        action: &'static str,
        item: Value,
    ) {
        self.tell_in(setting, entity, action, item, 0);
    }

    pub(crate) fn tell_in(
        &mut self,
        setting: &str,
        entity: &'static str,
        action: &'static str,
        item: Value,
        delay_millis: i64,
    ) {
        let due = self.now_millis + delay_millis;
        for index in 0..self.webhooks.subscriptions.len() {
            if !self.webhooks.subscriptions[index].wants(setting) {
                continue;
            }
            if self.webhooks.manners.drops_one() {
                continue;
            }
            let subscription = &mut self.webhooks.subscriptions[index];
            let item = item.clone();
            subscription.gathered.push(Happened {
                entity,
                action,
                item,
            });
            if subscription.gathered.len() >= self.webhooks.manners.items_per_body.max(1) {
                self.send_gathered(index, due);
            }
        }
    }

    /// Sends what waits for company or for being overtaken.
    pub(crate) fn flush_webhooks(&mut self) {
        let now = self.now_millis;
        for index in 0..self.webhooks.subscriptions.len() {
            self.send_gathered(index, now);
            let held = self.webhooks.subscriptions[index].held.take();
            self.parcels.extend(held);
        }
    }

    fn send_gathered(&mut self, index: usize, due: i64) {
        let happened = std::mem::take(&mut self.webhooks.subscriptions[index].gathered);
        if happened.is_empty() {
            return;
        }
        let body = self.webhooks.manners.body(self.envelope(), &happened);
        let manners = &self.webhooks.manners;
        let (copies, reorder) = (1 + manners.duplicates, manners.reorder);
        let subscription = &mut self.webhooks.subscriptions[index];
        let parcel = Parcel::form(
            &subscription.destination,
            &body,
            Purpose::Webhook(subscription.id),
            due,
        );
        if reorder && subscription.held.is_none() {
            subscription.held = Some(parcel);
            return;
        }
        for _ in 0..copies {
            self.parcels.push(parcel.clone());
        }
        let overtaken = self.webhooks.subscriptions[index].held.take();
        self.parcels.extend(overtaken);
    }

    /// `account` of every body.
    pub(crate) fn envelope(&self) -> Value {
        json!({
            "id": self.id,
            "subdomain": self.subdomain,
            "_links": {"self": self.base},
        })
    }
}
