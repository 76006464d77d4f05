//! Notifications, who was told of them, and who wants to be.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select, Set,
};
use t11_core::{OrgScope, Page, PageRequest, Role};
use t11_store::Tx;
use uuid::Uuid;

use super::entity::{
    member, notification, notification_preference as preference, notification_receipt as receipt,
    user,
};
use super::{Store, id_cursor};
use crate::email::Email;
use crate::error::Error;
use crate::notification::{Audience, Notice, Notification, Preference, Type, Unread, preferences};
use crate::user::Person;

const NOT_FOUND: Error = Error::NotFound {
    resource: "notification",
};

impl Store {
    /// Tells people, in one commit; `false` when it was raised before.
    pub(crate) async fn raise(&self, scope: &OrgScope, notice: Notice) -> Result<bool, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        let raise = self.db.write(scope, move |tx| async move {
            let row = notification::ActiveModel {
                id: Set(id),
                org_id: Set(tx.org_id()?.0),
                kind: Set(notice.kind.as_str().to_owned()),
                parameters: Set(serde_json::json!(notice.parameters)),
                resource: Set(notice.resource),
                dedupe_key: Set(notice.dedupe_key),
                create_time: Set(now),
            };
            let there = [notification::Column::OrgId, notification::Column::DedupeKey];
            let inserted = notification::Entity::insert(row)
                .on_conflict(OnConflict::columns(there).do_nothing().to_owned())
                .exec_without_returning(&tx)
                .await?;
            if inserted == 0 {
                return Ok(false);
            }
            let people = audience(&tx, notice.audience).await?;
            let people = willing(&tx, people, notice.kind).await?;
            tell(&tx, id, people).await?;
            Ok::<_, Error>(true)
        });
        raise.await
    }

    /// What the caller was told, newest first.
    pub(crate) async fn list_notifications(
        &self,
        scope: &OrgScope,
        unread: bool,
        page: PageRequest,
    ) -> Result<Page<Notification>, Error> {
        let (before, user) = (id_cursor(page.cursor.as_deref())?, Person::of(scope)?.user);
        let listed = self.db.read(scope, move |tx| async move {
            let mut query = own(&tx, user)?;
            if unread {
                query = query.filter(receipt::Column::ReadTime.is_null());
            }
            if let Some(before) = before {
                query = query.filter(receipt::Column::NotificationId.lt(before));
            }
            let query = query
                .order_by_desc(receipt::Column::NotificationId)
                .limit(page.size + 1);
            told(&tx, query.all(&tx).await?).await
        });
        Ok(Page::from_rows(listed.await?, page.size, |one| {
            one.id.to_string()
        }))
    }

    /// What the caller has not read.
    pub(crate) async fn unread(&self, scope: &OrgScope) -> Result<Unread, Error> {
        let user = Person::of(scope)?.user;
        let read = self.db.read(scope, move |tx| async move {
            let query = own(&tx, user)?.filter(receipt::Column::ReadTime.is_null());
            let count = query.count(&tx).await?;
            let newest = own(&tx, user)?
                .order_by_desc(receipt::Column::NotificationId)
                .limit(1)
                .one(&tx)
                .await?;
            Ok::<_, Error>(Unread {
                count,
                newest: newest.map(|row| row.notification_id),
            })
        });
        read.await
    }

    /// Notes that the caller has read one; when they read it first stays.
    pub(crate) async fn read_notification(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<Notification, Error> {
        let (user, now) = (Person::of(scope)?.user, self.world.now());
        let read = self.db.write(scope, move |tx| async move {
            tx.update_many::<receipt::Entity>()?
                .col_expr(receipt::Column::ReadTime, Expr::value(now))
                .filter(receipt::Column::NotificationId.eq(id))
                .filter(receipt::Column::UserId.eq(user))
                .filter(receipt::Column::ReadTime.is_null())
                .exec(&tx)
                .await?;
            let query = own(&tx, user)?.filter(receipt::Column::NotificationId.eq(id));
            let row = query.one(&tx).await?.ok_or(NOT_FOUND)?;
            told(&tx, vec![row]).await?.pop().ok_or(NOT_FOUND)
        });
        read.await
    }

    /// Notes that the caller has read all there are.
    pub(crate) async fn read_all_notifications(&self, scope: &OrgScope) -> Result<(), Error> {
        let (user, now) = (Person::of(scope)?.user, self.world.now());
        let read = self.db.write(scope, move |tx| async move {
            tx.update_many::<receipt::Entity>()?
                .col_expr(receipt::Column::ReadTime, Expr::value(now))
                .filter(receipt::Column::UserId.eq(user))
                .filter(receipt::Column::ReadTime.is_null())
                .exec(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        read.await
    }

    /// Every type, and whether the caller wants it.
    pub(crate) async fn notification_preferences(
        &self,
        scope: &OrgScope,
    ) -> Result<Vec<Preference>, Error> {
        let user = Person::of(scope)?.user;
        self.db
            .read(scope, move |tx| async move { said(&tx, user).await })
            .await
    }

    /// Changes these, and gives all.
    pub(crate) async fn set_notification_preferences(
        &self,
        scope: &OrgScope,
        changed: Vec<Preference>,
    ) -> Result<Vec<Preference>, Error> {
        let user = Person::of(scope)?.user;
        let set = self.db.write(scope, move |tx| async move {
            for one in changed {
                say(&tx, user, one).await?;
            }
            said(&tx, user).await
        });
        set.await
    }
}

/// What a person was told of.
fn own(tx: &Tx, user: Uuid) -> Result<Select<receipt::Entity>, Error> {
    let query = tx.find::<receipt::Entity>()?;
    Ok(query.filter(receipt::Column::UserId.eq(user)))
}

/// Notifications with when they were read, in the order of `rows`.
async fn told(tx: &Tx, rows: Vec<receipt::Model>) -> Result<Vec<Notification>, Error> {
    let ids = rows.iter().map(|row| row.notification_id);
    let found = tx
        .find::<notification::Entity>()?
        .filter(notification::Column::Id.is_in(ids))
        .all(tx)
        .await?;
    let mut found: HashMap<Uuid, notification::Model> =
        found.into_iter().map(|row| (row.id, row)).collect();
    let both = rows.into_iter().map(|row| {
        let about = found.remove(&row.notification_id);
        let about = about.ok_or(Error::Corrupt("notification_receipts"))?;
        let parameters: BTreeMap<String, String> = serde_json::from_value(about.parameters)
            .map_err(|_| Error::Corrupt("notifications.parameters"))?;
        Ok(Notification {
            id: about.id,
            kind: kind(&about.kind)?,
            parameters,
            resource: about.resource,
            create_time: about.create_time,
            read_time: row.read_time,
        })
    });
    both.collect()
}

/// Whom a notification is for.
async fn audience(tx: &Tx, audience: Audience) -> Result<HashSet<Uuid>, Error> {
    if let Some(email) = audience.email
        && let Some(user) = member_with(tx, email).await?
    {
        return Ok(HashSet::from([user]));
    }
    // Roles are ordered strongest first.
    let roles = Role::ALL.iter().filter(|role| **role <= audience.role);
    let query = tx
        .find::<member::Entity>()?
        .filter(member::Column::Role.is_in(roles.map(|role| role.as_str())));
    let rows = query.all(tx).await?;
    Ok(rows.into_iter().map(|row| row.user_id).collect())
}

/// The member with this address.
async fn member_with(tx: &Tx, email: String) -> Result<Option<Uuid>, Error> {
    let key = Email::stored(email).key();
    let person = user::Entity::find()
        .filter(user::Column::EmailKey.eq(key))
        .one(tx)
        .await?;
    let Some(person) = person else {
        return Ok(None);
    };
    let query = tx
        .find::<member::Entity>()?
        .filter(member::Column::UserId.eq(person.id));
    Ok(query.one(tx).await?.map(|row| row.user_id))
}

/// Those of `people` who want to hear of the type.
async fn willing(tx: &Tx, people: HashSet<Uuid>, kind: Type) -> Result<HashSet<Uuid>, Error> {
    let unwilling = tx
        .find::<preference::Entity>()?
        .filter(preference::Column::Kind.eq(kind.as_str()))
        .filter(preference::Column::InApp.eq(false))
        .all(tx)
        .await?;
    let unwilling: HashSet<_> = unwilling.into_iter().map(|row| row.user_id).collect();
    Ok(people.difference(&unwilling).copied().collect())
}

async fn tell(tx: &Tx, notification: Uuid, people: HashSet<Uuid>) -> Result<(), Error> {
    if people.is_empty() {
        return Ok(());
    }
    let org = tx.org_id()?.0;
    let rows = people.into_iter().map(|user| receipt::ActiveModel {
        org_id: Set(org),
        notification_id: Set(notification),
        user_id: Set(user),
        read_time: Set(None),
    });
    receipt::Entity::insert_many(rows)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Every type, as the person wants it.
async fn said(tx: &Tx, user: Uuid) -> Result<Vec<Preference>, Error> {
    let rows = tx
        .find::<preference::Entity>()?
        .filter(preference::Column::UserId.eq(user))
        .all(tx)
        .await?;
    let said = rows.into_iter().map(|row| {
        Ok(Preference {
            kind: kind(&row.kind)?,
            in_app: row.in_app,
        })
    });
    Ok(preferences(&said.collect::<Result<Vec<_>, Error>>()?))
}

async fn say(tx: &Tx, user: Uuid, one: Preference) -> Result<(), Error> {
    let row = preference::ActiveModel {
        org_id: Set(tx.org_id()?.0),
        user_id: Set(user),
        kind: Set(one.kind.as_str().to_owned()),
        in_app: Set(one.in_app),
    };
    let there = [
        preference::Column::OrgId,
        preference::Column::UserId,
        preference::Column::Kind,
    ];
    let there = OnConflict::columns(there)
        .update_column(preference::Column::InApp)
        .to_owned();
    preference::Entity::insert(row)
        .on_conflict(there)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn kind(word: &str) -> Result<Type, Error> {
    Type::parse(word).ok_or(Error::Corrupt("notification type"))
}
