//! People: registering, profiles, passwords.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, Set,
};
use t11_core::{OrgId, OrgScope, Role, format_name};
use t11_store::{StoreError, System, Tx};
use uuid::Uuid;

use super::entity::{member, organization, session, user};
use super::{Store, audit, sessions};
use crate::audit::Entry;
use crate::email::Email;
use crate::error::Error;
use crate::locale::Locale;
use crate::organization::Organization;
use crate::session::{Client, Session, SessionToken};
use crate::user::{Me, Person, Theme, User, UserPatch};

pub(super) const REGISTER: &str = "t11.accounts.v1.SessionService/Register";

/// A person and the organization they register.
#[derive(Debug, Clone)]
pub(crate) struct NewAccount {
    pub(crate) user: User,
    pub(crate) organization: Organization,
    pub(crate) password_hash: String,
    pub(crate) request_id: Option<Uuid>,
}

/// A person with the session just begun.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) me: Me,
    pub(crate) session: Session,
    pub(crate) token: SessionToken,
}

impl Store {
    /// Whether the registration `request_id` of `email` was made, not before `since`.
    pub(crate) async fn is_registered(
        &self,
        request_id: Uuid,
        email: &Email,
        since: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let key = email.key();
        let found = self.db.read(
            System("registration has no organization"),
            move |tx| async move {
                let query = user::Entity::find()
                    .filter(user::Column::RequestId.eq(request_id))
                    .filter(user::Column::EmailKey.eq(key))
                    .filter(user::Column::CreateTime.gte(since));
                Ok::<_, Error>(query.one(&tx).await?.is_some())
            },
        );
        found.await
    }

    /// Makes the organization, its owner and their first session, or nothing.
    pub(crate) async fn register(
        &self,
        account: NewAccount,
        client: Client,
    ) -> Result<SignedIn, Error> {
        let world = self.world.clone();
        let registered = self.db.write(
            System("registration has no organization"),
            move |tx| async move {
                let NewAccount {
                    user,
                    organization,
                    password_hash,
                    request_id,
                } = account;
                let org = organization.id;
                let row = organization::Model::from(organization.clone()).into_active_model();
                organization::Entity::insert(row)
                    .exec_without_returning(&tx)
                    .await?;
                audit::start(&tx, org).await?;
                insert_user(&tx, &user, password_hash, request_id).await?;
                insert_member(&tx, org, user.id, Role::Owner, user.create_time).await?;
                let session = Session::new(&world, org, user.id, &client, false);
                let token = sessions::begin(&tx, &world, &session).await?;
                let (id, now) = (world.new_id(), world.now());
                let entry = Entry::of_user(id, org, user.id, REGISTER, &client, now)
                    .about(format_name("organizations", org.0));
                audit::append(&tx, entry).await?;
                Ok(SignedIn {
                    me: Me {
                        user,
                        organization,
                        role: Role::Owner,
                    },
                    session,
                    token,
                })
            },
        );
        registered.await
    }

    pub(crate) async fn me(&self, scope: &OrgScope) -> Result<Me, Error> {
        let (org, person) = (scope.org(), Person::of(scope)?);
        self.db
            .read(
                scope,
                move |tx| async move { me(&tx, org, person.user).await },
            )
            .await
    }

    pub(crate) async fn update_me(&self, scope: &OrgScope, patch: UserPatch) -> Result<Me, Error> {
        let (org, person) = (scope.org(), Person::of(scope)?);
        let update = self.db.write(scope, move |tx| async move {
            let mut me = me(&tx, org, person.user).await?;
            me.user.apply(patch);
            let row = user::ActiveModel {
                id: Set(me.user.id),
                display_name: Set(me.user.display_name.clone()),
                locale: Set(me.user.locale.as_str().to_owned()),
                theme: Set(me.user.theme.as_str().to_owned()),
                ..Default::default()
            };
            row.update(&tx).await?;
            Ok(me)
        });
        update.await
    }

    /// The caller's address and password hash.
    pub(crate) async fn credentials(&self, scope: &OrgScope) -> Result<(Email, String), Error> {
        let person = Person::of(scope)?;
        let row = self.db.read(scope, move |tx| async move {
            Ok::<_, Error>(user::Entity::find_by_id(person.user).one(&tx).await?)
        });
        let row = row.await?.ok_or(Error::SessionInvalid)?;
        Ok((Email::stored(row.email), row.password_hash))
    }

    /// Replaces the password hash `old` of the caller and ends their other sessions.
    pub(crate) async fn change_password(
        &self,
        scope: &OrgScope,
        old: String,
        new: String,
    ) -> Result<(), Error> {
        let person = Person::of(scope)?;
        let change = self.db.write(scope, move |tx| async move {
            let changed = user::Entity::update_many()
                .set(user::ActiveModel {
                    password_hash: Set(new),
                    ..Default::default()
                })
                .filter(user::Column::Id.eq(person.user))
                .filter(user::Column::PasswordHash.eq(old))
                .exec(&tx)
                .await?;
            if changed.rows_affected == 0 {
                return Err(Error::CredentialsWrong);
            }
            tx.delete_many::<session::Entity>()?
                .filter(session::Column::UserId.eq(person.user))
                .filter(session::Column::Id.ne(person.session))
                .exec(&tx)
                .await?;
            tx.audit_target(format_name("users", person.user));
            Ok(())
        });
        change.await
    }
}

/// A person in an organization. Who is no member any more has no session either.
pub(super) async fn me(tx: &Tx, org: OrgId, user: Uuid) -> Result<Me, Error> {
    let member = member::Entity::find_by_id((org.0, user)).one(tx).await?;
    let user = user::Entity::find_by_id(user).one(tx).await?;
    let organization = organization::Entity::find_by_id(org.0).one(tx).await?;
    let (Some(member), Some(user), Some(organization)) = (member, user, organization) else {
        return Err(Error::SessionInvalid);
    };
    Ok(Me {
        user: user.try_into()?,
        organization: organization.try_into()?,
        role: role(&member.role)?,
    })
}

pub(super) fn role(text: &str) -> Result<Role, Error> {
    text.parse()
        .map_err(|_| Error::Corrupt("organization_members.role"))
}

pub(super) async fn insert_user(
    tx: &Tx,
    user: &User,
    password_hash: String,
    request_id: Option<Uuid>,
) -> Result<(), Error> {
    let row = user::ActiveModel {
        id: Set(user.id),
        email: Set(user.email.as_str().to_owned()),
        email_key: Set(user.email.key()),
        display_name: Set(user.display_name.clone()),
        locale: Set(user.locale.as_str().to_owned()),
        theme: Set(user.theme.as_str().to_owned()),
        password_hash: Set(password_hash),
        request_id: Set(request_id),
        create_time: Set(user.create_time),
    };
    let inserted = user::Entity::insert(row).exec_without_returning(tx).await;
    inserted.map(|_| ()).map_err(|error| {
        let error = StoreError::from(error);
        if error.is_conflict_on("users", &["email_key"]) {
            Error::EmailTaken
        } else {
            error.into()
        }
    })
}

pub(super) async fn insert_member(
    tx: &Tx,
    org: OrgId,
    user: Uuid,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = member::ActiveModel {
        org_id: Set(org.0),
        user_id: Set(user),
        role: Set(role.to_string()),
        create_time: Set(now),
    };
    member::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

impl TryFrom<user::Model> for User {
    type Error = Error;

    fn try_from(row: user::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            email: Email::stored(row.email),
            display_name: row.display_name,
            locale: Locale::known(&row.locale).ok_or(Error::Corrupt("users.locale"))?,
            theme: Theme::known(&row.theme).ok_or(Error::Corrupt("users.theme"))?,
            create_time: row.create_time,
        })
    }
}
