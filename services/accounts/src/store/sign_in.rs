//! Signing in: the buckets of tries, and the session at the end.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set};
use t11_core::{OrgId, format_name};
use t11_store::{System, Tx};
use uuid::Uuid;

use super::entity::{member, session, sign_in_bucket, user};
use super::{SignedIn, Store, audit, sessions, users};
use crate::audit::Entry;
use crate::email::Email;
use crate::error::Error;
use crate::session::{Client, Session};
use crate::throttle::{self, ACCOUNT, ADDRESS, Limit};

const SIGN_IN: &str = "t11.accounts.v1.SessionService/SignIn";
const BEFORE_SIGN_IN: System = System("nobody is signed in yet");

/// A try that was let through.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// `None` when nobody has the address.
    pub(crate) account: Option<Account>,
    /// The bucket that the account's try was taken from.
    bucket: String,
}

/// The account that the try is at.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    user: Uuid,
    org: OrgId,
    pub(crate) password_hash: String,
}

impl Store {
    /// Takes a try from the buckets of the account and of the address, then finds the account.
    pub(crate) async fn begin_sign_in(
        &self,
        email: &Email,
        client: &Client,
    ) -> Result<Candidate, Error> {
        let (email, address, now) = (email.clone(), client.address.clone(), self.world.now());
        let begin = self.db.write(BEFORE_SIGN_IN, move |tx| async move {
            let account = account(&tx, &email).await?;
            let user = account.as_ref().map(|account| account.user);
            let bucket = account_bucket(&tx, &email, user, address.as_deref(), now).await?;
            take(&tx, &bucket, ACCOUNT, now).await?;
            if let Some(address) = &address {
                take(&tx, &throttle::address_bucket(address), ADDRESS, now).await?;
            }
            Ok(Candidate { account, bucket })
        });
        begin.await
    }

    /// Notes a wrong password. For nobody's address there is no log to write to; the commit is
    /// made all the same, for its time would tell.
    pub(crate) async fn fail_sign_in(
        &self,
        candidate: Candidate,
        client: Client,
    ) -> Result<(), Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        let fail = self.db.write(BEFORE_SIGN_IN, move |tx| async move {
            match candidate.account {
                Some(Account { user, org, .. }) => {
                    let entry = Entry::of_user(id, org, user, SIGN_IN, &client, now);
                    audit::append(&tx, entry.refused("CREDENTIALS_WRONG")).await?;
                }
                None => rewrite(&tx, &candidate.bucket).await?,
            }
            Ok(())
        });
        fail.await
    }

    /// Begins a session, unless the account has changed since [`Store::begin_sign_in`].
    pub(crate) async fn complete_sign_in(
        &self,
        candidate: Candidate,
        client: Client,
        remember: bool,
    ) -> Result<SignedIn, Error> {
        let world = self.world.clone();
        let complete = self.db.write(BEFORE_SIGN_IN, move |tx| async move {
            let Candidate {
                account:
                    Some(Account {
                        user,
                        org,
                        password_hash,
                    }),
                bucket,
            } = candidate
            else {
                return Err(Error::CredentialsWrong);
            };
            let row = user::Entity::find_by_id(user)
                .lock_shared()
                .one(&tx)
                .await?;
            if row.is_none_or(|row| row.password_hash != password_hash) {
                return Err(Error::CredentialsWrong);
            }
            sign_in_bucket::Entity::delete_by_id(bucket)
                .exec(&tx)
                .await?;
            if let Some(address) = &client.address {
                give_back(&tx, &throttle::address_bucket(address), ADDRESS).await?;
            }
            let me = users::me(&tx, org, user).await?;
            let session = Session::new(&world, org, user, &client, remember);
            let token = sessions::begin(&tx, &world, &session).await?;
            let entry = Entry::of_user(world.new_id(), org, user, SIGN_IN, &client, world.now())
                .about(format_name("sessions", session.id));
            audit::append(&tx, entry).await?;
            Ok(SignedIn { me, session, token })
        });
        complete.await
    }

    /// Takes one of the session's tries at the old password.
    pub(crate) async fn try_old_password(&self, session: Uuid) -> Result<(), Error> {
        let (bucket, now) = (throttle::session_bucket(session), self.world.now());
        let access = System("buckets are of no organization");
        self.db
            .write(access, move |tx| async move {
                take(&tx, &bucket, ACCOUNT, now).await
            })
            .await
    }
}

async fn account(tx: &Tx, email: &Email) -> Result<Option<Account>, Error> {
    let found = user::Entity::find().filter(user::Column::EmailKey.eq(email.key()));
    let Some(user) = found.one(tx).await? else {
        return Ok(None);
    };
    let member = member::Entity::find()
        .filter(member::Column::UserId.eq(user.id))
        .one(tx)
        .await?;
    Ok(member.map(|member| Account {
        user: user.id,
        org: OrgId(member.org_id),
        password_hash: user.password_hash,
    }))
}

/// A bucket of their own for those who try from where the person is signed in.
async fn account_bucket(
    tx: &Tx,
    email: &Email,
    user: Option<Uuid>,
    address: Option<&str>,
    now: DateTime<Utc>,
) -> Result<String, Error> {
    if let (Some(user), Some(address)) = (user, address) {
        let known = session::Entity::find()
            .filter(session::Column::UserId.eq(user))
            .filter(session::Column::ClientAddress.eq(address))
            .filter(session::Column::ExpireTime.gt(now));
        if known.one(tx).await?.is_some() {
            return Ok(throttle::known_address_bucket(email, address));
        }
    }
    Ok(throttle::account_bucket(email))
}

/// The row is made before it is locked: what is not there cannot be, and the first tries at a
/// new bucket would all find it full.
async fn take(tx: &Tx, bucket: &str, limit: Limit, now: DateTime<Utc>) -> Result<(), Error> {
    let full = sign_in_bucket::ActiveModel {
        bucket: Set(bucket.to_owned()),
        full_at: Set(now),
    };
    let keep = OnConflict::column(sign_in_bucket::Column::Bucket)
        .value(
            sign_in_bucket::Column::FullAt,
            Expr::col((sign_in_bucket::Entity, sign_in_bucket::Column::FullAt)),
        )
        .to_owned();
    let row = sign_in_bucket::Entity::insert(full)
        .on_conflict(keep)
        .exec_with_returning(tx)
        .await?;
    let full_at = limit
        .take(row.full_at, now)
        .map_err(|empty| Error::SignInLimited {
            retry_after: empty.retry_after.to_std().unwrap_or_default(),
        })?;
    fill(tx, bucket, full_at).await
}

async fn give_back(tx: &Tx, bucket: &str, limit: Limit) -> Result<(), Error> {
    let row = sign_in_bucket::Entity::find_by_id(bucket)
        .lock_exclusive()
        .one(tx)
        .await?;
    match row {
        Some(row) => fill(tx, bucket, limit.give_back(row.full_at)).await,
        None => Ok(()),
    }
}

async fn rewrite(tx: &Tx, bucket: &str) -> Result<(), Error> {
    let row = sign_in_bucket::Entity::find_by_id(bucket)
        .lock_exclusive()
        .one(tx)
        .await?;
    match row {
        Some(row) => fill(tx, bucket, row.full_at).await,
        None => Ok(()),
    }
}

async fn fill(tx: &Tx, bucket: &str, full_at: DateTime<Utc>) -> Result<(), Error> {
    let row = sign_in_bucket::ActiveModel {
        bucket: Set(bucket.to_owned()),
        full_at: Set(full_at),
    };
    let replace = OnConflict::column(sign_in_bucket::Column::Bucket)
        .update_column(sign_in_bucket::Column::FullAt)
        .to_owned();
    sign_in_bucket::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
