//! Members of the caller's organization.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use t11_core::{Caller, OrgScope, Page, PageRequest, Role, Subject, format_name};
use t11_store::Tx;
use uuid::Uuid;

use super::entity::{member, user};
use super::users::role;
use super::{Store, id_cursor, organizations};
use crate::error::Error;
use crate::member::{Member, check_removal, check_role_change};

impl Store {
    /// In the order in which they joined the platform.
    pub(crate) async fn list_members(
        &self,
        scope: &OrgScope,
        page: PageRequest,
    ) -> Result<Page<Member>, Error> {
        let after = id_cursor(page.cursor.as_deref())?;
        let members = self.db.read(scope, move |tx| async move {
            let mut query = tx.find::<member::Entity>()?;
            if let Some(after) = after {
                query = query.filter(member::Column::UserId.gt(after));
            }
            let query = query
                .order_by_asc(member::Column::UserId)
                .limit(page.size + 1);
            with_users(&tx, query.all(&tx).await?).await
        });
        Ok(Page::from_rows(members.await?, page.size, |member| {
            member.user.to_string()
        }))
    }

    pub(crate) async fn change_role(
        &self,
        scope: &OrgScope,
        caller: &Caller,
        user: Uuid,
        next: Role,
    ) -> Result<Member, Error> {
        let caller = caller.clone();
        let change = self.db.write(scope, move |tx| async move {
            organizations::lock(&tx).await?;
            let actor = acting_role(&tx, &caller).await?;
            let mut member = find(&tx, user).await?;
            check_role_change(actor, member.role, next, owners(&tx).await?)?;
            member.role = next;
            tx.update_many::<member::Entity>()?
                .set(member::ActiveModel {
                    role: Set(next.to_string()),
                    ..Default::default()
                })
                .filter(member::Column::UserId.eq(user))
                .exec(&tx)
                .await?;
            tx.audit_target(format_name("members", user));
            Ok(member)
        });
        change.await
    }

    /// Takes a person out. This was their only organization, so their account and sessions go
    /// too, and the address can be invited again.
    pub(crate) async fn remove_member(
        &self,
        scope: &OrgScope,
        caller: &Caller,
        user: Uuid,
    ) -> Result<(), Error> {
        let caller = caller.clone();
        let removal = self.db.write(scope, move |tx| async move {
            organizations::lock(&tx).await?;
            let actor = acting_role(&tx, &caller).await?;
            let member = find(&tx, user).await?;
            check_removal(actor, member.role, owners(&tx).await?)?;
            // Membership and sessions hang on this row.
            user::Entity::delete_by_id(user).exec(&tx).await?;
            tx.audit_target(format_name("members", user));
            Ok(())
        });
        removal.await
    }
}

/// The role that bounds what a caller may grant: a person's as it is now, not as it was when
/// their token was signed.
pub(super) async fn acting_role(tx: &Tx, caller: &Caller) -> Result<Role, Error> {
    match caller.subject {
        Subject::User { user, .. } => find_role(tx, user).await?.ok_or(Error::SessionInvalid),
        Subject::ApiKey { .. } | Subject::Service { .. } => Ok(caller.role),
    }
}

async fn find_role(tx: &Tx, user: Uuid) -> Result<Option<Role>, Error> {
    let query = tx
        .find::<member::Entity>()?
        .filter(member::Column::UserId.eq(user));
    query.one(tx).await?.map(|row| role(&row.role)).transpose()
}

async fn find(tx: &Tx, user: Uuid) -> Result<Member, Error> {
    let query = tx
        .find::<member::Entity>()?
        .filter(member::Column::UserId.eq(user));
    let row = query.one(tx).await?;
    let found = with_users(tx, row.into_iter().collect()).await?;
    found
        .into_iter()
        .next()
        .ok_or(Error::NotFound { resource: "member" })
}

async fn owners(tx: &Tx) -> Result<u64, Error> {
    let query = tx.find::<member::Entity>()?;
    Ok(query
        .filter(member::Column::Role.eq(Role::Owner.as_str()))
        .count(tx)
        .await?)
}

/// Members with their names, in the order of `rows`.
pub(super) async fn with_users(tx: &Tx, rows: Vec<member::Model>) -> Result<Vec<Member>, Error> {
    let ids = rows.iter().map(|row| row.user_id);
    let users = user::Entity::find()
        .filter(user::Column::Id.is_in(ids))
        .all(tx)
        .await?;
    let mut users: HashMap<Uuid, user::Model> =
        users.into_iter().map(|user| (user.id, user)).collect();
    let member = |row: member::Model| {
        let user = users
            .remove(&row.user_id)
            .ok_or(Error::Corrupt("organization_members"))?;
        Ok(Member {
            user: user.id,
            email: user.email,
            display_name: user.display_name,
            role: role(&row.role)?,
            create_time: row.create_time,
        })
    };
    rows.into_iter().map(member).collect()
}
