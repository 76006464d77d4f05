//! Invitations, and joining with one.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use secrecy::{ExposeSecret as _, SecretString};
use t11_core::{Caller, OrgId, OrgScope, Page, PageRequest, Violations, World, format_name};
use t11_store::{System, Tx};
use uuid::Uuid;

use super::entity::{invite, member, organization, user};
use super::{SignedIn, Store, audit, id_cursor, members, sessions, users};
use crate::audit::Entry;
use crate::email::Email;
use crate::error::Error;
use crate::member::{INVITE_LIFETIME, Invite, NewInvite, check_grant, invite_secret};
use crate::organization::Organization;
use crate::session::{Client, Session, hash_secret};
use crate::user::{Theme, User};

const ACCEPT: &str = "t11.accounts.v1.MemberService/AcceptInvite";
const BEFORE_JOINING: System = System("an invitation's secret names no organization");

impl Store {
    /// Makes an invitation in place of an older one for the same address. A repeated request
    /// gives the same invitation with another secret, for the first is not kept.
    pub(crate) async fn create_invite(
        &self,
        scope: &OrgScope,
        caller: &Caller,
        new: NewInvite,
    ) -> Result<(Invite, SecretString), Error> {
        let (caller, world) = (caller.clone(), self.world.clone());
        let create = self.db.write(scope, move |tx| async move {
            check_grant(members::acting_role(&tx, &caller).await?, new.role)?;
            if is_member(&tx, &new.email).await? {
                return Err(Error::MemberExists);
            }
            let secret = invite_secret(&world);
            let secret_hash = hash_secret(secret.expose_secret());
            let invite = match repeated(&tx, &new).await? {
                Some(invite) => renew(&tx, invite, secret_hash).await?,
                None => replace(&tx, &world, new, secret_hash).await?,
            };
            tx.audit_target(format_name("invites", invite.id));
            Ok((invite, secret))
        });
        create.await
    }

    /// Invitations that still hold, newest first.
    pub(crate) async fn list_invites(
        &self,
        scope: &OrgScope,
        page: PageRequest,
    ) -> Result<Page<Invite>, Error> {
        let (before, now) = (id_cursor(page.cursor.as_deref())?, self.world.now());
        let rows = self.db.read(scope, move |tx| async move {
            let mut query = tx
                .find::<invite::Entity>()?
                .filter(invite::Column::ExpireTime.gt(now));
            if let Some(before) = before {
                query = query.filter(invite::Column::Id.lt(before));
            }
            let query = query.order_by_desc(invite::Column::Id).limit(page.size + 1);
            Ok::<_, Error>(query.all(&tx).await?)
        });
        let rows = rows
            .await?
            .into_iter()
            .map(Invite::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Page::from_rows(rows, page.size, |invite| {
            invite.id.to_string()
        }))
    }

    pub(crate) async fn delete_invite(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let delete = self.db.write(scope, move |tx| async move {
            let query = tx
                .delete_many::<invite::Entity>()?
                .filter(invite::Column::Id.eq(id));
            if query.exec(&tx).await?.rows_affected == 0 {
                return Err(Error::NotFound { resource: "invite" });
            }
            tx.audit_target(format_name("invites", id));
            Ok(())
        });
        delete.await
    }

    /// The address that the secret invites.
    pub(crate) async fn invited_email(&self, secret: &str) -> Result<Email, Error> {
        let (secret_hash, now) = (hash_secret(secret), self.world.now());
        let row = self.db.read(BEFORE_JOINING, move |tx| async move {
            Ok::<_, Error>(by_secret(secret_hash, now).one(&tx).await?)
        });
        Ok(Email::stored(row.await?.ok_or(Error::InviteInvalid)?.email))
    }

    /// Uses the invitation up: makes the user, the membership and a session, or nothing.
    pub(crate) async fn accept_invite(
        &self,
        secret: &str,
        display_name: String,
        password_hash: String,
        client: Client,
    ) -> Result<SignedIn, Error> {
        let (secret_hash, world) = (hash_secret(secret), self.world.clone());
        let accept = self.db.write(BEFORE_JOINING, move |tx| async move {
            let now = world.now();
            let row = by_secret(secret_hash, now)
                .lock_exclusive()
                .one(&tx)
                .await?;
            let row = row.ok_or(Error::InviteInvalid)?;
            let (org, role) = (OrgId(row.org_id), users::role(&row.role)?);
            invite::Entity::delete_by_id(row.id).exec(&tx).await?;
            let organization = organization::Entity::find_by_id(org.0).one(&tx).await?;
            let organization: Organization =
                organization.ok_or(Error::InviteInvalid)?.try_into()?;
            let user = User {
                id: world.new_id(),
                email: Email::stored(row.email),
                display_name,
                locale: organization.locale,
                theme: Theme::System,
                create_time: now,
            };
            users::insert_user(&tx, &user, password_hash, None).await?;
            users::insert_member(&tx, org, user.id, role, now).await?;
            let session = Session::new(&world, org, user.id, &client, false);
            let token = sessions::begin(&tx, &world, &session).await?;
            let entry = Entry::of_user(world.new_id(), org, user.id, ACCEPT, &client, now)
                .about(format_name("members", user.id));
            audit::append(&tx, entry).await?;
            Ok(SignedIn {
                me: users::me(&tx, org, user.id).await?,
                session,
                token,
            })
        });
        accept.await
    }
}

fn by_secret(secret_hash: String, now: DateTime<Utc>) -> sea_orm::Select<invite::Entity> {
    invite::Entity::find()
        .filter(invite::Column::SecretHash.eq(secret_hash))
        .filter(invite::Column::ExpireTime.gt(now))
}

async fn is_member(tx: &Tx, email: &Email) -> Result<bool, Error> {
    let user = user::Entity::find()
        .filter(user::Column::EmailKey.eq(email.key()))
        .one(tx)
        .await?;
    let Some(user) = user else { return Ok(false) };
    let member = tx
        .find::<member::Entity>()?
        .filter(member::Column::UserId.eq(user.id));
    Ok(member.one(tx).await?.is_some())
}

/// The invitation that the same request has made.
async fn repeated(tx: &Tx, new: &NewInvite) -> Result<Option<invite::Model>, Error> {
    let Some(request_id) = new.request_id else {
        return Ok(None);
    };
    let query = tx
        .find::<invite::Entity>()?
        .filter(invite::Column::RequestId.eq(request_id));
    let Some(row) = query.one(tx).await? else {
        return Ok(None);
    };
    if row.email_key != new.email.key() || row.role != new.role.as_str() {
        let mut violations = Violations::default();
        violations.add(
            "request_id",
            "REUSED",
            "`request_id` was used for another request",
        );
        return Err(violations.into());
    }
    Ok(Some(row))
}

async fn renew(tx: &Tx, row: invite::Model, secret_hash: String) -> Result<Invite, Error> {
    let renewed = invite::ActiveModel {
        id: Set(row.id),
        secret_hash: Set(secret_hash),
        ..Default::default()
    };
    renewed.update(tx).await?;
    row.try_into()
}

async fn replace(
    tx: &Tx,
    world: &World,
    new: NewInvite,
    secret_hash: String,
) -> Result<Invite, Error> {
    let older = tx.delete_many::<invite::Entity>()?;
    older
        .filter(invite::Column::EmailKey.eq(new.email.key()))
        .exec(tx)
        .await?;
    let now = world.now();
    let row = invite::ActiveModel {
        id: Set(world.new_id()),
        org_id: Set(tx.org_id()?.0),
        email: Set(new.email.as_str().to_owned()),
        email_key: Set(new.email.key()),
        role: Set(new.role.to_string()),
        secret_hash: Set(secret_hash),
        request_id: Set(new.request_id),
        create_time: Set(now),
        expire_time: Set(now + INVITE_LIFETIME),
    };
    row.insert(tx).await?.try_into()
}

impl TryFrom<invite::Model> for Invite {
    type Error = Error;

    fn try_from(row: invite::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            email: row.email,
            role: users::role(&row.role)?,
            create_time: row.create_time,
            expire_time: row.expire_time,
        })
    }
}
