//! Subscriptions: that Kommo tells us of an account's events, at an address that nobody can guess.
//!
//! Kommo gives up after 100 bad answers within 2 h, and nobody tells us; so it is asked every hour.
//! An address is used for 90 days, then Kommo is given another, and the old one works until Kommo
//! cannot be repeating itself there any more.

use secrecy::ExposeSecret as _;
use t11_core::{OrgScope, World};
use t11_kommo::client::{EventName, Webhook};
use t11_kommo::{Client, Error as KommoError, Lane, Repeat};
use url::Url;
use uuid::Uuid;

use crate::error::Error;
use crate::intake::secret::{GRACE, OVERLAP, ROTATE_AFTER, SecretHasher, new_secret, path};
use crate::kommo::Kommo;
use crate::store::{ACTIVE, Store, WebhookSecret};

/// States of a subscription, as people are shown them.
const MISSING: &str = "missing";
const DISABLED: &str = "disabled";

/// Subscribes accounts.
#[derive(Clone)]
pub(crate) struct Subscriptions {
    pub(crate) store: Store,
    pub(crate) kommo: Kommo,
    pub(crate) hasher: SecretHasher,
    pub(crate) world: World,
    /// Where Kommo reaches us.
    pub(crate) base: Url,
}

impl Subscriptions {
    /// Sees to it that Kommo tells us of what agents need, and notes how things stand.
    ///
    /// # Errors
    /// Those of Kommo, noted before; [`Error::ConnectionState`].
    pub(crate) async fn ensure(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        lane: Lane,
    ) -> Result<(), Error> {
        self.store.begin_intake(scope, connection).await?;
        let addresses = self.addresses(scope, connection).await?;
        let subscribed = self.kommo.with(scope, connection, lane, |client| {
            let addresses = addresses.clone();
            async move { subscribe(&client, &addresses).await }
        });
        match subscribed.await {
            Ok(Subscribed { webhook, is_new }) => {
                let (state, events) = described(webhook);
                self.store
                    .note_webhook(scope, connection, state, events, is_new)
                    .await
            }
            Err(error) => {
                // While Kommo is away nothing is known of the subscription.
                if matches!(&error, Error::Kommo(refusal) if refusal.repeat() == Repeat::Never) {
                    let noted =
                        self.store
                            .note_webhook(scope, connection, MISSING, Vec::new(), false);
                    noted.await?;
                }
                Err(error)
            }
        }
    }

    /// Takes the subscription back, before a connection is deleted.
    ///
    /// # Errors
    /// Those of Kommo: the connection may be deleted all the same, and Kommo will give up.
    pub(crate) async fn unsubscribe(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<(), Error> {
        let secrets = self.store.webhook_secrets(scope, connection).await?;
        for known in secrets {
            let destination = self.address(&known);
            let ended = self.kommo.with(scope, connection, Lane::Person, |client| {
                let destination = destination.clone();
                async move { client.unsubscribe(&destination).await }
            });
            ended.await?;
        }
        Ok(())
    }

    /// The addresses of the connection; the current one is another when it is old.
    async fn addresses(&self, scope: &OrgScope, connection: Uuid) -> Result<Addresses, Error> {
        let secrets = self.store.webhook_secrets(scope, connection).await?;
        let now = self.world.now();
        let current = secrets.iter().find(|known| known.expire_time.is_none());
        let young = current.filter(|known| now - known.create_time < ROTATE_AFTER);
        let destination = match young {
            Some(known) => self.address(known),
            None => self.new_address(scope, connection).await?,
        };
        let overlaps = secrets.iter().filter(|known| {
            let replaced = known.expire_time.map(|expires| expires - GRACE);
            replaced.is_none_or(|replaced| now - replaced < OVERLAP)
        });
        Ok(Addresses {
            destination,
            kept: overlaps.map(|known| self.address(known)).collect(),
            prefix: format!("{}/hooks/kommo/", self.origin()),
        })
    }

    async fn new_address(&self, scope: &OrgScope, connection: Uuid) -> Result<String, Error> {
        let now = self.world.now();
        let secret = new_secret(&self.world);
        let hash = self.hasher.hash(secret.expose_secret());
        let known = WebhookSecret {
            secret: secret.clone(),
            create_time: now,
            expire_time: None,
        };
        self.store
            .add_webhook_secret(scope, connection, secret, hash, now + GRACE)
            .await?;
        Ok(self.address(&known))
    }

    fn address(&self, known: &WebhookSecret) -> String {
        format!("{}{}", self.origin(), path(&known.secret))
    }

    fn origin(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }
}

/// The addresses of a connection.
#[derive(Clone)]
struct Addresses {
    /// What Kommo is to post to.
    destination: String,
    /// Others that it may still post to.
    kept: Vec<String>,
    /// How all begin that Kommo was ever given.
    prefix: String,
}

/// What Kommo says of our subscription.
struct Subscribed {
    webhook: Option<Webhook>,
    /// Until now it told us nothing.
    is_new: bool,
}

/// Subscribes unless we are, and takes back our other subscriptions.
async fn subscribe(client: &Client, addresses: &Addresses) -> Result<Subscribed, KommoError> {
    let destination = addresses.destination.as_str();
    let webhooks = client.webhooks(None).await?;
    let known = webhooks
        .iter()
        .find(|webhook| webhook.destination == destination);
    if known.is_some_and(is_working) {
        take_back_others(client, &webhooks, addresses).await?;
        return Ok(Subscribed {
            webhook: known.cloned(),
            is_new: false,
        });
    }
    if known.is_some_and(|webhook| webhook.is_disabled) {
        // That a second subscription enables a first one is not verified.
        client.unsubscribe(destination).await?;
    }
    client.subscribe(destination, &EventName::OF_AGENTS).await?;
    let webhooks = client.webhooks(None).await?;
    take_back_others(client, &webhooks, addresses).await?;
    let webhook = webhooks
        .into_iter()
        .find(|webhook| webhook.destination == destination);
    Ok(Subscribed {
        webhook,
        is_new: true,
    })
}

async fn take_back_others(
    client: &Client,
    webhooks: &[Webhook],
    addresses: &Addresses,
) -> Result<(), KommoError> {
    for Webhook { destination, .. } in webhooks {
        let is_ours = destination.starts_with(&addresses.prefix);
        let is_used = *destination == addresses.destination || addresses.kept.contains(destination);
        if is_ours && !is_used {
            client.unsubscribe(destination).await?;
        }
    }
    Ok(())
}

fn is_working(webhook: &Webhook) -> bool {
    !webhook.is_disabled
        && EventName::OF_AGENTS
            .iter()
            .all(|name| webhook.settings.contains(name))
}

fn described(webhook: Option<Webhook>) -> (&'static str, Vec<String>) {
    let Some(webhook) = webhook else {
        return (MISSING, Vec::new());
    };
    let events = webhook.settings.iter().map(|name| name.as_str().to_owned());
    let state = if webhook.is_disabled {
        DISABLED
    } else {
        ACTIVE
    };
    (state, events.collect())
}
