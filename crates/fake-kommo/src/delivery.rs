//! What Kommo sends by itself: hooks, with their time limits, repeats and records.

mod http_client;
mod schedule;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use serde::Serialize;
use tokio::task::JoinSet;

pub(crate) use self::http_client::is_there;
pub(crate) use self::schedule::Schedule;
use crate::kommo::Kommo;
use crate::state::State;

/// What a request is sent for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A webhook of the subscription with this id.
    Webhook(i64),
    DigitalPipeline,
    /// A bot asks our back end; without an answer in time it ends.
    BotRequest {
        continue_id: i64,
    },
    DisableHook,
    /// The redirect address is called by Kommo itself after a widget is installed.
    InstallHook,
    /// The chat back end tells an own channel what a person wrote.
    ChatWebhook,
}

impl Purpose {
    fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::DigitalPipeline => "digital_pipeline",
            Self::BotRequest { .. } => "bot_request",
            Self::DisableHook => "disable_hook",
            Self::InstallHook => "install_hook",
            Self::ChatWebhook => "chat_webhook",
        }
    }

    /// In how long an answer must come.
    fn patience(&self) -> Duration {
        let seconds = match self {
            Self::Webhook(_) | Self::DigitalPipeline | Self::BotRequest { .. } => 2,
            Self::InstallHook => 3,
            Self::DisableHook | Self::ChatWebhook => 5,
        };
        Duration::from_secs(seconds)
    }
}

/// One request that is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) purpose: Purpose,
    /// Unix milliseconds.
    pub(crate) due: i64,
    /// Counted from 1.
    pub(crate) attempt: u32,
}

impl Parcel {
    /// A form, as account webhooks are.
    pub(crate) fn form(url: &str, body: &str, purpose: Purpose, due: i64) -> Self {
        let content_type = "application/x-www-form-urlencoded";
        Self::post(url, body, content_type, purpose, due)
    }

    pub(crate) fn json(url: &str, body: &str, purpose: Purpose, due: i64) -> Self {
        Self::post(url, body, "application/json", purpose, due)
    }

    fn post(url: &str, body: &str, content_type: &str, purpose: Purpose, due: i64) -> Self {
        let agent = match purpose {
            Purpose::ChatWebhook => "amoCRM amoJo/1.0",
            _ => "amoCRM-Webhooks/3.0",
        };
        Self {
            method: Method::POST,
            url: url.to_owned(),
            headers: vec![
                ("content-type", content_type.to_owned()),
                ("user-agent", agent.to_owned()),
            ],
            body: body.to_owned(),
            purpose,
            due,
            attempt: 1,
        }
    }

    /// A hook without a body.
    pub(crate) fn get(url: &str, purpose: Purpose, due: i64) -> Self {
        Self {
            method: Method::GET,
            url: url.to_owned(),
            headers: vec![("user-agent", "amoService-oAuth-Code-Sender/1.0".to_owned())],
            body: String::new(),
            purpose,
            due,
            attempt: 1,
        }
    }
}

/// One try to deliver something, as it ended.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    pub account_id: i64,
    /// `webhook`, `digital_pipeline`, `bot_request`, `disable_hook`, `install_hook`,
    /// `chat_webhook`.
    pub purpose: &'static str,
    pub url: String,
    /// Counted from 1.
    pub attempt: u32,
    /// Unix seconds of the fake's clock.
    pub at: i64,
    /// 0 when no answer came in time.
    pub status: u16,
    /// Real time until the answer came, or was no longer waited for.
    pub took: Duration,
    pub body: String,
}

/// Delivers what falls due, until it is aborted.
pub(crate) async fn run(kommo: Arc<Kommo>) {
    let mut changes = kommo.subscribe();
    let mut in_flight = JoinSet::new();
    loop {
        changes.borrow_and_update();
        while let Some((account_id, parcel)) = kommo.look(State::take_due) {
            in_flight.spawn(deliver(kommo.clone(), account_id, parcel));
        }
        let wait = kommo.look(|state| state.time_to_next_due());
        tokio::select! {
            _ = changes.changed() => {}
            Some(_) = in_flight.join_next() => {}
            () = sleep(wait) => {}
        }
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn deliver(kommo: Arc<Kommo>, account_id: i64, parcel: Parcel) {
    let began = Instant::now();
    let sent = tokio::time::timeout(parcel.purpose.patience(), http_client::send(&parcel));
    // No answer counts as 0, whatever kept it away.
    let status = sent.await.ok().and_then(Result::ok).unwrap_or(0);
    kommo.with(|state| state.delivered(account_id, parcel, status, began.elapsed()));
}

impl State {
    /// The next request that is due, when another may be in flight.
    fn take_due(&mut self) -> Option<(i64, Parcel)> {
        let now = self.clock.millis();
        if self.in_flight >= self.parallel_deliveries {
            return None;
        }
        let mut queue = self.queue.iter();
        let position = queue.position(|(_, parcel)| parcel.due <= now)?;
        self.in_flight += 1;
        Some(self.queue.remove(position))
    }

    /// Whether nothing is in flight or due.
    pub(crate) fn is_settled(&self) -> bool {
        let now = self.clock.millis();
        self.in_flight == 0 && self.queue.iter().all(|(_, parcel)| parcel.due > now)
    }

    /// How long to wait for time alone to make something due.
    fn time_to_next_due(&self) -> Option<Duration> {
        if self.clock.is_frozen() || self.in_flight >= self.parallel_deliveries {
            return None;
        }
        let next = self.queue.iter().map(|(_, parcel)| parcel.due).min()?;
        let wait = next.saturating_sub(self.clock.millis()).max(0);
        Some(Duration::from_millis(wait.unsigned_abs()))
    }

    fn delivered(&mut self, account_id: i64, parcel: Parcel, status: u16, took: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let now = self.clock.millis();
        self.deliveries.push(Delivery {
            account_id,
            purpose: parcel.purpose.name(),
            url: parcel.url.clone(),
            attempt: parcel.attempt,
            at: now / 1000,
            status,
            took,
            body: parcel.body.clone(),
        });
        if (100..300).contains(&status) {
            return;
        }
        let is_wanted = self.count_failure(account_id, &parcel.purpose, now);
        let wait = self
            .schedule
            .wait_after(&parcel.purpose, parcel.attempt, status, now);
        if let Some(wait) = wait.filter(|_| is_wanted) {
            let parcel = Parcel {
                due: now + wait,
                attempt: parcel.attempt + 1,
                ..parcel
            };
            self.queue.push((account_id, parcel));
        }
    }

    /// What a failure means for what was told of; whether it is still to be repeated.
    fn count_failure(&mut self, account_id: i64, purpose: &Purpose, now: i64) -> bool {
        let mut accounts = self.accounts.iter_mut();
        let Some(account) = accounts.find(|account| account.id == account_id) else {
            return false;
        };
        match purpose {
            Purpose::Webhook(id) => {
                let subscription = account.webhooks.by_id(*id);
                subscription.is_some_and(|subscription| {
                    subscription.count_invalid(now);
                    !subscription.is_disabled
                })
            }
            Purpose::BotRequest { continue_id } => {
                account.bots.end_waiting(*continue_id);
                false
            }
            Purpose::DigitalPipeline => true,
            Purpose::DisableHook | Purpose::InstallHook | Purpose::ChatWebhook => false,
        }
    }
}
