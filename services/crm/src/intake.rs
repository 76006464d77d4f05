//! The intake of Kommo's events: what comes is read, kept for good and answered, then given to the
//! agents.
//!
//! ```text
//! edge ─▶ accept ─┬▶ events ─▶ crm.dispatch_event ─▶ agents.handle_crm_event
//!   poll, replay ─┘  events ◀─ crm.note_verdict ◀───────────┘
//! ```

pub(crate) mod poll;
pub(crate) mod reading;
pub(crate) mod secret;
pub(crate) mod upkeep;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use serde_json::json;
use t11_core::{Caller, OrgId, OrgScope, Permission, Violations, World};
use t11_kommo::client::{Continuation, Entity, WidgetRequest};
use t11_kommo::form::MAX_BYTES;
use t11_kommo::id::{AccountId, LeadId};
use t11_kommo::webhook::Delivery;
use t11_kommo::{BotToken, Hosts};
use t11_store::StoreError;

use self::secret::SecretHasher;
use crate::error::Error;
use crate::event::{self, BOT, Fate, Filing};
use crate::store::{Door, NewBotRequest, Store};

/// How long it is remembered what is behind a secret.
const REMEMBERED: TimeDelta = TimeDelta::seconds(30);
/// How many secrets.
const REMEMBERED_DOORS: usize = 10_000;

/// What is done for connections again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Whether Kommo still tells us of events.
    Check,
    /// Whether it has kept something from us.
    Poll,
}

impl Chore {
    /// How often.
    pub(crate) const fn every(self) -> TimeDelta {
        match self {
            Self::Check => TimeDelta::hours(1),
            Self::Poll => TimeDelta::seconds(90),
        }
    }
}

/// Accepts what Kommo posts. Clones share what is remembered.
#[derive(Clone)]
pub(crate) struct Intake {
    store: Store,
    hosts: Hosts,
    hasher: SecretHasher,
    world: World,
    known: Arc<Cache<String, Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    door: Door,
    until: DateTime<Utc>,
}

impl Intake {
    pub(crate) fn new(store: Store, hosts: Hosts, hasher: SecretHasher, world: World) -> Self {
        Self {
            store,
            hosts,
            hasher,
            world,
            known: Arc::new(Cache::new(REMEMBERED_DOORS)),
        }
    }

    /// Keeps what a webhook tells for good.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown secret, [`Error::InboxUnavailable`].
    pub(crate) async fn accept_webhook(&self, secret: &str, body: Vec<u8>) -> Result<(), Error> {
        check_size(&body)?;
        let (hash, door) = self.door(secret).await?;
        let scope = scope_of(door.org)?;
        let delivery = Delivery::parse(&body).map_err(|error| event::unreadable(&body, error));
        let read = |account| match delivery {
            Ok(delivery) => event::filings(&delivery, account),
            Err(unreadable) => vec![unreadable],
        };
        let kept = self.store.keep_body(&scope, door.connection, body, read);
        kept.await.map_err(|error| self.not_kept(&hash, error))
    }

    /// Keeps the question of a bot for good, once its token is checked.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::BotTokenRefused`],
    /// [`Error::InboxUnavailable`].
    pub(crate) async fn accept_bot_request(&self, secret: &str, body: &[u8]) -> Result<(), Error> {
        check_size(body)?;
        let (hash, door) = self.door(secret).await?;
        let scope = scope_of(door.org)?;
        let request = WidgetRequest::parse(body).map_err(|_| malformed("body"))?;
        let asked = self.check_bot(&scope, &door, &request).await?;
        let (new, filing) = asked.filed(door, &request);
        let kept = self.store.keep_bot_request(&scope, new, filing);
        kept.await.map_err(|error| self.not_kept(&hash, error))
    }

    async fn check_bot(
        &self,
        scope: &OrgScope,
        door: &Door,
        request: &WidgetRequest,
    ) -> Result<BotAsked, Error> {
        let unavailable = |error| self.unavailable(error);
        let connection = self.store.connection(scope, door.connection).await;
        let connection = connection.map_err(unavailable)?;
        let integration = self.store.integration(scope).await.map_err(unavailable)?;
        let host = self.hosts.account(&connection.host)?;
        let account = connection.account.id.ok_or(Error::BotTokenRefused)?;
        let account = AccountId(account);
        let token = BotToken::verify(
            &integration,
            &self.hosts,
            (account, &host),
            &request.token,
            self.world.now(),
        )
        .map_err(|error| {
            tracing::warn!(%error, connection.id = %connection.id, "the token of a bot was refused");
            Error::BotTokenRefused
        })?;
        let step = Continuation::parse(&host, &request.return_url);
        let step = step.map_err(|_| malformed("return_url"))?;
        let return_url = host.own_url(&request.return_url)?;
        Ok(BotAsked {
            account,
            entity: token.entity,
            step: step.id,
            return_url: return_url.into(),
        })
    }

    /// The hash of the secret, and what is behind it.
    async fn door(&self, secret: &str) -> Result<(String, Door), Error> {
        let (hash, now) = (self.hasher.hash(secret), self.world.now());
        let door = match self.known.get(&hash).filter(|known| known.until > now) {
            Some(known) => known.door,
            None => {
                let door = self.store.door(hash.clone()).await;
                let door = door.map_err(|error| self.unavailable(error))?;
                let door = door.ok_or(NO_DOOR)?;
                let until = now + REMEMBERED;
                self.known.insert(hash.clone(), Known { door, until });
                door
            }
        };
        if door.expire_time.is_some_and(|expires| expires <= now) {
            return Err(NO_DOOR);
        }
        Ok((hash, door))
    }

    fn not_kept(&self, hash: &str, error: Error) -> Error {
        match error {
            // The connection was deleted since.
            Error::Store(StoreError::Reference) | Error::NotFound { .. } => {
                self.known.remove(hash);
                NO_DOOR
            }
            other => self.unavailable(other),
        }
    }

    /// Whatever the database says, Kommo is to send it again.
    fn unavailable(&self, error: Error) -> Error {
        match error {
            Error::Store(error) => Error::InboxUnavailable(error),
            other => other,
        }
    }
}

const NO_DOOR: Error = Error::NotFound { resource: "hook" };

/// The right to the rows of an organization whose secret was shown, or whose turn it is.
pub(crate) fn scope_of(org: OrgId) -> Result<OrgScope, Error> {
    let caller = Caller::service("crm", org).require(Permission::Internal);
    caller.map_err(|_| NO_DOOR)
}

fn check_size(body: &[u8]) -> Result<(), Error> {
    if body.len() <= MAX_BYTES {
        return Ok(());
    }
    let mut violations = Violations::default();
    violations.add("body", "TOO_LONG", "`body` must have at most 1 MiB");
    Err(violations.into())
}

fn malformed(field: &'static str) -> Error {
    let mut violations = Violations::default();
    let description = format!("`{field}` is not what a bot of this account sends");
    violations.add(field, "MALFORMED", description);
    violations.into()
}

/// A bot whose token was checked.
struct BotAsked {
    account: AccountId,
    entity: Option<Entity>,
    /// Where it waits.
    step: String,
    return_url: String,
}

/// Names under which a bot may send the client's words.
const TEXTS: [&str; 3] = ["message", "text", "message_text"];

impl BotAsked {
    /// What the bot waits for, and what the client has said.
    fn filed(self, door: Door, request: &WidgetRequest) -> (NewBotRequest, Filing) {
        let said = TEXTS.iter().find_map(|name| request.data.get(*name));
        // PostgreSQL has no place for it.
        let text = said.map(|text| text.replace('\0', "")).unwrap_or_default();
        let text = text.trim();
        let lead = request.data.get("lead").and_then(|id| id.parse().ok());
        let entity = self.entity.or(lead.map(|id| Entity::Lead(LeadId(id))));
        let lead_id = match entity {
            Some(Entity::Lead(id)) => id.0,
            _ => 0,
        };
        let new = NewBotRequest {
            connection: door.connection,
            entity_kind: entity
                .map_or("", |entity| entity.kind().as_str())
                .to_owned(),
            entity_id: entity.map_or(0, Entity::id),
            return_url: self.return_url,
        };
        let filing = Filing {
            dedupe_key: format!("bot:{}:{}", self.account, self.step),
            entity: BOT.to_owned(),
            action: "ask".to_owned(),
            entity_id: new.entity_id.to_string(),
            payload: json!({"step": self.step, "lead_id": lead_id, "text": text}).to_string(),
            fate: match lead_id != 0 && !text.is_empty() {
                true => Fate::Wanted,
                false => Fate::Ignored,
            },
            thing: format!("lead:{lead_id}"),
        };
        (new, filing)
    }
}
