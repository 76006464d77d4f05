//! API keys.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select, Set,
};
use subtle::ConstantTimeEq as _;
use t11_core::{Caller, OrgId, OrgScope, Page, PageRequest, Permission, Violations, format_name};
use t11_store::{System, Tx};
use uuid::Uuid;

use super::entity::{api_key, member};
use super::users::role;
use super::{Store, id_cursor, members, organizations};
use crate::api_key::{
    ApiKey, Creator, NewApiKey, SeenApiKey, TOUCH_EVERY, check_grant, check_room,
};
use crate::error::Error;
use crate::key_text::{KeyEnvironment, KeyText};
use crate::user::Person;

/// How often a new key is drawn when its id is taken: once in 10^14 keys.
const DRAWS: usize = 3;
/// Compared with when there is no such key, so that the answer takes the same steps.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const NOT_FOUND: Error = Error::NotFound {
    resource: "API key",
};

/// A caller and the time until which their key is believed.
#[derive(Debug, Clone)]
pub(crate) struct KeyCaller {
    pub(crate) caller: Caller,
    pub(crate) expire_time: Option<DateTime<Utc>>,
}

impl Store {
    /// Makes a key. A repeated request makes none, for the first answer alone could show it.
    pub(crate) async fn create_api_key(
        &self,
        scope: &OrgScope,
        caller: &Caller,
        new: NewApiKey,
        environment: KeyEnvironment,
    ) -> Result<(SeenApiKey, KeyText), Error> {
        let person = Person::of(scope)?;
        let mut draws = 1;
        loop {
            let text = KeyText::new(&self.world, environment);
            let created = self
                .try_create_api_key(scope, caller, person, new.clone(), text)
                .await;
            match created {
                Err(Error::Store(error))
                    if error.is_conflict_on("api_keys", &["key_id"]) && draws < DRAWS =>
                {
                    draws += 1;
                }
                created => return created,
            }
        }
    }

    async fn try_create_api_key(
        &self,
        scope: &OrgScope,
        caller: &Caller,
        person: Person,
        new: NewApiKey,
        text: KeyText,
    ) -> Result<(SeenApiKey, KeyText), Error> {
        let (caller, id, now) = (caller.clone(), self.world.new_id(), self.world.now());
        let create = self.db.write(scope, move |tx| async move {
            organizations::lock(&tx).await?;
            let role = members::acting_role(&tx, &caller).await?;
            check_grant(role, &new.scopes)?;
            refuse_repeated(&tx, &new).await?;
            check_room(live(&tx, now).await?)?;
            let row = api_key::Model {
                id,
                org_id: tx.org_id()?.0,
                key_id: text.id().to_owned(),
                key_hash: text.hash(),
                prefix: text.prefix().to_owned(),
                display_name: new.display_name,
                scopes: scope_words(&new.scopes),
                creator_id: person.user,
                request_id: new.request_id,
                create_time: now,
                expire_time: new.expire_time,
                last_used_time: None,
                revoke_time: None,
            };
            api_key::Entity::insert(api_key::ActiveModel::from(row.clone()))
                .exec_without_returning(&tx)
                .await?;
            tx.audit_target(format_name("apiKeys", id));
            Ok((seen(&tx, row, now).await?, text))
        });
        create.await
    }

    pub(crate) async fn api_key(&self, scope: &OrgScope, id: Uuid) -> Result<SeenApiKey, Error> {
        let now = self.world.now();
        let read = self.db.read(scope, move |tx| async move {
            let row = by_id(&tx, id)?.one(&tx).await?;
            seen(&tx, row.ok_or(NOT_FOUND)?, now).await
        });
        read.await
    }

    /// Newest first.
    pub(crate) async fn list_api_keys(
        &self,
        scope: &OrgScope,
        show_revoked: bool,
        page: PageRequest,
    ) -> Result<Page<SeenApiKey>, Error> {
        let (before, now) = (id_cursor(page.cursor.as_deref())?, self.world.now());
        let keys = self.db.read(scope, move |tx| async move {
            let mut query = tx.find::<api_key::Entity>()?;
            if !show_revoked {
                query = query.filter(api_key::Column::RevokeTime.is_null());
            }
            if let Some(before) = before {
                query = query.filter(api_key::Column::Id.lt(before));
            }
            let query = query
                .order_by_desc(api_key::Column::Id)
                .limit(page.size + 1);
            seen_all(&tx, query.all(&tx).await?, now).await
        });
        Ok(Page::from_rows(keys.await?, page.size, |seen| {
            seen.key.id.to_string()
        }))
    }

    pub(crate) async fn rename_api_key(
        &self,
        scope: &OrgScope,
        id: Uuid,
        display_name: Option<String>,
    ) -> Result<SeenApiKey, Error> {
        let now = self.world.now();
        let rename = self.db.write(scope, move |tx| async move {
            let mut row = hold(&tx, id).await?;
            if let Some(display_name) = display_name {
                row.display_name.clone_from(&display_name);
                let changed = api_key::ActiveModel {
                    display_name: Set(display_name),
                    ..Default::default()
                };
                update(&tx, id, changed).await?;
            }
            tx.audit_target(format_name("apiKeys", id));
            seen(&tx, row, now).await
        });
        rename.await
    }

    /// Ends a key; one that was ended before stays as it is.
    pub(crate) async fn revoke_api_key(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<SeenApiKey, Error> {
        let now = self.world.now();
        let revoke = self.db.write(scope, move |tx| async move {
            let mut row = hold(&tx, id).await?;
            if row.revoke_time.is_none() {
                row.revoke_time = Some(now);
                let changed = api_key::ActiveModel {
                    revoke_time: Set(row.revoke_time),
                    ..Default::default()
                };
                update(&tx, id, changed).await?;
            }
            tx.audit_target(format_name("apiKeys", id));
            seen(&tx, row, now).await
        });
        revoke.await
    }

    /// Who calls with this key, with the rights that it has now. An unknown key and one with
    /// another secret take the same steps.
    pub(crate) async fn key_caller(&self, text: KeyText) -> Result<KeyCaller, Error> {
        let now = self.world.now();
        let found = self.db.read(
            System("an API key names no organization"),
            move |tx| async move {
                let row = api_key::Entity::find().filter(api_key::Column::KeyId.eq(text.id()));
                let row = row.one(&tx).await?;
                let known = row.as_ref().map_or(NO_HASH, |row| row.key_hash.as_str());
                let is_same = bool::from(known.as_bytes().ct_eq(text.hash().as_bytes()));
                let row = row.filter(|_| is_same).ok_or(Error::ApiKeyInvalid)?;
                let member = member::Entity::find_by_id((row.org_id, row.creator_id));
                let member = member.one(&tx).await?;
                let role = member.map(|member| role(&member.role)).transpose()?;
                let key = ApiKey::try_from(row)?;
                Ok::<_, Error>((key.caller(now, role)?, key))
            },
        );
        let (caller, key) = found.await?;
        if key.needs_touch(now) {
            self.touch_api_key(key.id, now).await?;
        }
        Ok(KeyCaller {
            caller,
            expire_time: key.expire_time,
        })
    }

    /// Notes the use of a key, unless another process has just done so.
    async fn touch_api_key(&self, id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
        let used = api_key::Column::LastUsedTime;
        let touch = self.db.write(
            System("a key is used before its scope exists"),
            move |tx| async move {
                api_key::Entity::update_many()
                    .set(api_key::ActiveModel {
                        last_used_time: Set(Some(now)),
                        ..Default::default()
                    })
                    .filter(api_key::Column::Id.eq(id))
                    .filter(
                        Condition::any()
                            .add(used.is_null())
                            .add(used.lte(now - TOUCH_EVERY)),
                    )
                    .exec(&tx)
                    .await?;
                Ok(())
            },
        );
        touch.await
    }
}

fn by_id(tx: &Tx, id: Uuid) -> Result<Select<api_key::Entity>, Error> {
    let query = tx.find::<api_key::Entity>()?;
    Ok(query.filter(api_key::Column::Id.eq(id)))
}

/// Reads a key that is about to change; others wait.
async fn hold(tx: &Tx, id: Uuid) -> Result<api_key::Model, Error> {
    let row = by_id(tx, id)?.lock_exclusive().one(tx).await?;
    row.ok_or(NOT_FOUND)
}

async fn update(tx: &Tx, id: Uuid, changed: api_key::ActiveModel) -> Result<(), Error> {
    tx.update_many::<api_key::Entity>()?
        .set(changed)
        .filter(api_key::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// How many keys have neither been revoked nor expired.
async fn live(tx: &Tx, now: DateTime<Utc>) -> Result<u64, Error> {
    let expiry = api_key::Column::ExpireTime;
    let query = tx
        .find::<api_key::Entity>()?
        .filter(api_key::Column::RevokeTime.is_null())
        .filter(Condition::any().add(expiry.is_null()).add(expiry.gt(now)));
    Ok(query.count(tx).await?)
}

async fn refuse_repeated(tx: &Tx, new: &NewApiKey) -> Result<(), Error> {
    let Some(request_id) = new.request_id else {
        return Ok(());
    };
    let query = tx
        .find::<api_key::Entity>()?
        .filter(api_key::Column::RequestId.eq(request_id));
    let Some(row) = query.one(tx).await? else {
        return Ok(());
    };
    let is_same = row.display_name == new.display_name
        && row.scopes == scope_words(&new.scopes)
        && row.expire_time == new.expire_time;
    if is_same {
        return Err(Error::ApiKeyAlreadyShown { id: row.id });
    }
    let mut violations = Violations::default();
    violations.add(
        "request_id",
        "REUSED",
        "`request_id` was used for another request",
    );
    Err(violations.into())
}

async fn seen(tx: &Tx, row: api_key::Model, now: DateTime<Utc>) -> Result<SeenApiKey, Error> {
    let mut all = seen_all(tx, vec![row], now).await?;
    all.pop().ok_or(Error::Corrupt("api_keys"))
}

/// Keys with their creators, in the order of `rows`.
async fn seen_all(
    tx: &Tx,
    rows: Vec<api_key::Model>,
    now: DateTime<Utc>,
) -> Result<Vec<SeenApiKey>, Error> {
    let ids = rows.iter().map(|row| row.creator_id);
    let creators = tx
        .find::<member::Entity>()?
        .filter(member::Column::UserId.is_in(ids));
    let creators = members::with_users(tx, creators.all(tx).await?).await?;
    let creators: HashMap<Uuid, Creator> = creators
        .into_iter()
        .map(|member| {
            let creator = Creator {
                display_name: member.display_name,
                role: member.role,
            };
            (member.user, creator)
        })
        .collect();
    let seen = |row: api_key::Model| {
        let creator = creators.get(&row.creator_id).cloned();
        Ok(SeenApiKey::new(row.try_into()?, creator, now))
    };
    rows.into_iter().map(seen).collect()
}

fn scope_words(scopes: &[Permission]) -> String {
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

impl TryFrom<api_key::Model> for ApiKey {
    type Error = Error;

    fn try_from(row: api_key::Model) -> Result<Self, Error> {
        let scopes: Result<Vec<Permission>, _> =
            row.scopes.split_whitespace().map(str::parse).collect();
        Ok(Self {
            id: row.id,
            org: OrgId(row.org_id),
            prefix: row.prefix,
            display_name: row.display_name,
            scopes: scopes.map_err(|_| Error::Corrupt("api_keys.scopes"))?,
            creator: row.creator_id,
            create_time: row.create_time,
            expire_time: row.expire_time,
            last_used_time: row.last_used_time,
            revoke_time: row.revoke_time,
        })
    }
}
