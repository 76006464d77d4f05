//! Sessions and their tokens.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use t11_core::{Caller, OrgId, OrgScope, Page, PageRequest, Subject, World, format_name};
use t11_store::{System, Tx};
use uuid::Uuid;

use super::entity::{member, session, session_token};
use super::users::role;
use super::{Store, audit, id_cursor};
use crate::audit::Entry;
use crate::error::Error;
use crate::session::{Client, Rotation, Session, SessionToken, hash_secret, refusal};
use crate::user::Person;

const ISSUE: &str = "t11.accounts.v1.SessionService/IssueCallerToken";

/// What a session token opens.
enum Found {
    Live {
        session: Session,
        caller: Caller,
    },
    /// A replaced token, used after its time: somebody has a copy.
    Replayed(Session),
    Nothing,
}

impl Store {
    /// The caller whose session has this token, with the rights they have now.
    pub(crate) async fn caller(&self, token: &str, client: Client) -> Result<Caller, Error> {
        let (hash, now) = (hash_secret(token), self.world.now());
        let found = self.db.read(
            System("a session token names no organization"),
            move |tx| async move { look_up(&tx, hash, now).await },
        );
        match found.await? {
            Found::Live { session, caller } => {
                if session.needs_touch(now) {
                    self.touch(session, now).await?;
                }
                Ok(caller)
            }
            Found::Replayed(session) => {
                self.end_replayed(session, client).await?;
                Err(Error::SessionInvalid)
            }
            Found::Nothing => Err(refusal(token)),
        }
    }

    async fn touch(&self, mut session: Session, now: DateTime<Utc>) -> Result<(), Error> {
        session.touch(now);
        let touch = self.db.write(
            System("a session is used before its scope exists"),
            |tx| async move { save_use(&tx, &session).await },
        );
        touch.await
    }

    /// Ends the session: of its two users one is not the person, and nobody can say which.
    async fn end_replayed(&self, session: Session, client: Client) -> Result<(), Error> {
        tracing::warn!(org.id = %session.org, session.id = %session.id, "a replaced token came back");
        let (id, now) = (self.world.new_id(), self.world.now());
        let end = self.db.write(
            System("a session token names no organization"),
            move |tx| async move {
                let ended = session::Entity::delete_by_id(session.id).exec(&tx).await?;
                if ended.rows_affected == 1 {
                    let entry = Entry::of_user(id, session.org, session.user, ISSUE, &client, now)
                        .about(format_name("sessions", session.id))
                        .refused("SESSION_TOKEN_REPLAYED");
                    audit::append(&tx, entry).await?;
                }
                Ok(())
            },
        );
        end.await
    }

    /// Gives the caller's session a new token.
    pub(crate) async fn refresh(&self, scope: &OrgScope) -> Result<(Session, SessionToken), Error> {
        let (person, world) = (Person::of(scope)?, self.world.clone());
        let refresh = self.db.write(scope, move |tx| async move {
            let row = tx.find::<session::Entity>()?;
            let row = row
                .filter(session::Column::Id.eq(person.session))
                .lock_exclusive();
            let mut session = Session::from(row.one(&tx).await?.ok_or(Error::SessionInvalid)?);
            let now = world.now();
            if !session.is_live(now) {
                return Err(Error::SessionInvalid);
            }
            if let Rotation::Replace { old_expire_time } = session.rotate(now) {
                replace_tokens(&tx, session.id, old_expire_time).await?;
            }
            save_use(&tx, &session).await?;
            let token = add_token(&tx, &world, &session).await?;
            Ok((session, token))
        });
        refresh.await
    }

    /// The caller's live sessions, newest first.
    pub(crate) async fn list_sessions(
        &self,
        scope: &OrgScope,
        page: PageRequest,
    ) -> Result<Page<Session>, Error> {
        let (person, now) = (Person::of(scope)?, self.world.now());
        let before = id_cursor(page.cursor.as_deref())?;
        let rows = self.db.read(scope, move |tx| async move {
            let mut query = tx
                .find::<session::Entity>()?
                .filter(session::Column::UserId.eq(person.user))
                .filter(session::Column::ExpireTime.gt(now));
            if let Some(before) = before {
                query = query.filter(session::Column::Id.lt(before));
            }
            let query = query
                .order_by_desc(session::Column::Id)
                .limit(page.size + 1);
            Ok::<_, Error>(query.all(&tx).await?)
        });
        let page = Page::from_rows(rows.await?, page.size, |row| row.id.to_string());
        Ok(page.map(Session::from))
    }

    /// Ends one of the caller's sessions.
    pub(crate) async fn end_session(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let person = Person::of(scope)?;
        let end = self.db.write(scope, move |tx| async move {
            let ended = tx
                .delete_many::<session::Entity>()?
                .filter(session::Column::Id.eq(id))
                .filter(session::Column::UserId.eq(person.user))
                .exec(&tx)
                .await?;
            if ended.rows_affected == 0 {
                return Err(Error::NotFound {
                    resource: "session",
                });
            }
            tx.audit_target(format_name("sessions", id));
            Ok(())
        });
        end.await
    }
}

/// Writes a new session and its first token.
pub(super) async fn begin(
    tx: &Tx,
    world: &World,
    session: &Session,
) -> Result<SessionToken, Error> {
    let row = session::Model::from(session.clone()).into_active_model();
    session::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    add_token(tx, world, session).await
}

async fn add_token(tx: &Tx, world: &World, session: &Session) -> Result<SessionToken, Error> {
    let token = SessionToken::new(world);
    let row = session_token::ActiveModel {
        token_hash: Set(token.hash()),
        org_id: Set(session.org.0),
        session_id: Set(session.id),
        create_time: Set(world.now()),
        expire_time: Set(None),
    };
    session_token::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    Ok(token)
}

async fn replace_tokens(
    tx: &Tx,
    session: Uuid,
    old_expire_time: DateTime<Utc>,
) -> Result<(), Error> {
    tx.update_many::<session_token::Entity>()?
        .col_expr(
            session_token::Column::ExpireTime,
            Expr::value(old_expire_time),
        )
        .filter(session_token::Column::SessionId.eq(session))
        .filter(session_token::Column::ExpireTime.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Writes when the session was used and what follows from it.
async fn save_use(tx: &Tx, session: &Session) -> Result<(), Error> {
    session::Entity::update_many()
        .set(session::ActiveModel {
            last_used_time: Set(session.last_used_time),
            expire_time: Set(session.expire_time),
            rotate_time: Set(session.rotate_time),
            ..Default::default()
        })
        .filter(session::Column::Id.eq(session.id))
        .filter(session::Column::OrgId.eq(session.org.0))
        .exec(tx)
        .await?;
    Ok(())
}

async fn look_up(tx: &Tx, token_hash: String, now: DateTime<Utc>) -> Result<Found, Error> {
    let Some(token) = session_token::Entity::find_by_id(token_hash)
        .one(tx)
        .await?
    else {
        return Ok(Found::Nothing);
    };
    let row = session::Entity::find_by_id(token.session_id)
        .one(tx)
        .await?;
    let Some(session) = row
        .map(Session::from)
        .filter(|session| session.is_live(now))
    else {
        return Ok(Found::Nothing);
    };
    if token
        .expire_time
        .is_some_and(|expire_time| expire_time <= now)
    {
        return Ok(Found::Replayed(session));
    }
    let member = member::Entity::find_by_id((session.org.0, session.user))
        .one(tx)
        .await?;
    let Some(member) = member else {
        return Ok(Found::Nothing);
    };
    let caller = Caller {
        org: session.org,
        subject: Subject::User {
            user: session.user,
            session: session.id,
        },
        role: role(&member.role)?,
        scopes: None,
    };
    Ok(Found::Live { session, caller })
}

impl From<session::Model> for Session {
    fn from(row: session::Model) -> Self {
        Self {
            id: row.id,
            org: OrgId(row.org_id),
            user: row.user_id,
            user_agent: row.user_agent,
            client_address: row.client_address,
            remember: row.remember,
            create_time: row.create_time,
            last_used_time: row.last_used_time,
            expire_time: row.expire_time,
            rotate_time: row.rotate_time,
        }
    }
}

impl From<Session> for session::Model {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            org_id: session.org.0,
            user_id: session.user,
            user_agent: session.user_agent,
            client_address: session.client_address,
            remember: session.remember,
            create_time: session.create_time,
            last_used_time: session.last_used_time,
            expire_time: session.expire_time,
            rotate_time: session.rotate_time,
        }
    }
}
