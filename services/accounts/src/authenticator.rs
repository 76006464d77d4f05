//! Whatever checks or sets a password: registering, signing in, joining, changing it.
//!
//! Passwords are hashed between two transactions and never inside one, so every second
//! transaction makes sure that what the first one saw still holds.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use t11_core::{OrgId, OrgScope, Violations, World};
use uuid::Uuid;

use crate::email::Email;
use crate::error::Error;
use crate::hasher::Hasher;
use crate::locale::Locale;
use crate::organization::Organization;
use crate::password::differs_from_address;
use crate::session::Client;
use crate::store::{NewAccount, SignedIn, Store};
use crate::user::{Person, Theme, User};

/// A registration repeated later than this is a new one, which finds the address taken.
const REPEATABLE_FOR: TimeDelta = TimeDelta::hours(24);

/// A registration whose fields are in order.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) organization_display_name: String,
    pub(crate) email: Email,
    pub(crate) password: SecretString,
    pub(crate) display_name: String,
    pub(crate) locale: Locale,
    pub(crate) time_zone: String,
    pub(crate) request_id: Option<Uuid>,
}

/// Joining with an invitation; an empty name is made from the address.
#[derive(Debug, Clone)]
pub(crate) struct Acceptance {
    pub(crate) secret: SecretString,
    pub(crate) display_name: String,
    pub(crate) password: SecretString,
}

/// The uses of passwords.
#[derive(Clone)]
pub(crate) struct Authenticator {
    store: Store,
    hasher: Hasher,
    world: World,
}

impl Authenticator {
    pub(crate) fn new(store: Store, hasher: Hasher, world: World) -> Self {
        Self {
            store,
            hasher,
            world,
        }
    }

    /// Makes a person, their organization and a session. A repeated registration with the same
    /// password begins another session for the person it has made.
    pub(crate) async fn register(
        &self,
        registration: Registration,
        client: Client,
    ) -> Result<SignedIn, Error> {
        if self.is_repeated(&registration).await? {
            return self.repeat(&registration, client).await;
        }
        let password_hash = self.hasher.hash(&registration.password).await?;
        let account = self.new_account(&registration, password_hash);
        match self.store.register(account, client.clone()).await {
            // Two of the same came at once.
            Err(Error::EmailTaken) if self.is_repeated(&registration).await? => {
                self.repeat(&registration, client).await
            }
            registered => registered,
        }
    }

    async fn is_repeated(&self, registration: &Registration) -> Result<bool, Error> {
        let Some(request_id) = registration.request_id else {
            return Ok(false);
        };
        let since = self.world.now() - REPEATABLE_FOR;
        self.store
            .is_registered(request_id, &registration.email, since)
            .await
    }

    async fn repeat(&self, again: &Registration, client: Client) -> Result<SignedIn, Error> {
        let signed_in = self
            .sign_in(&again.email, &again.password, false, client)
            .await;
        signed_in.map_err(|error| match error {
            Error::CredentialsWrong => Error::EmailTaken,
            other => other,
        })
    }

    fn new_account(&self, registration: &Registration, password_hash: String) -> NewAccount {
        let (now, registration) = (self.world.now(), registration.clone());
        NewAccount {
            user: User {
                id: self.world.new_id(),
                email: registration.email,
                display_name: registration.display_name,
                locale: registration.locale,
                theme: Theme::System,
                create_time: now,
            },
            organization: new_organization(
                OrgId(self.world.new_id()),
                registration.organization_display_name,
                registration.locale,
                registration.time_zone,
                now,
            ),
            password_hash,
            request_id: registration.request_id,
        }
    }

    /// Begins a session. Nobody's address takes the road of a wrong password, step by step.
    pub(crate) async fn sign_in(
        &self,
        email: &Email,
        password: &SecretString,
        remember: bool,
        client: Client,
    ) -> Result<SignedIn, Error> {
        let candidate = self.store.begin_sign_in(email, &client).await?;
        let stored = candidate
            .account
            .as_ref()
            .map(|account| account.password_hash.clone());
        if self.hasher.verify(password, stored).await? {
            self.store
                .complete_sign_in(candidate, client, remember)
                .await
        } else {
            self.store.fail_sign_in(candidate, client).await?;
            Err(Error::CredentialsWrong)
        }
    }

    /// Makes a person of the one who was invited.
    pub(crate) async fn accept_invite(
        &self,
        acceptance: Acceptance,
        client: Client,
    ) -> Result<SignedIn, Error> {
        let Acceptance {
            secret,
            display_name,
            password,
        } = acceptance;
        let email = self.store.invited_email(secret.expose_secret()).await?;
        let mut violations = Violations::default();
        differs_from_address(&mut violations, "password", &password, &email);
        violations.check()?;
        let display_name = if display_name.is_empty() {
            email.local_part().to_owned()
        } else {
            display_name
        };
        let password_hash = self.hasher.hash(&password).await?;
        let secret = secret.expose_secret();
        self.store
            .accept_invite(secret, display_name, password_hash, client)
            .await
    }

    /// Sets a new password, given the old one, and ends the person's other sessions.
    pub(crate) async fn change_password(
        &self,
        scope: &OrgScope,
        old: SecretString,
        new: SecretString,
    ) -> Result<(), Error> {
        let person = Person::of(scope)?;
        let (email, stored) = self.store.credentials(scope).await?;
        let mut violations = Violations::default();
        differs_from_address(&mut violations, "new_password", &new, &email);
        violations.check()?;
        self.store.try_old_password(person.session).await?;
        if !self.hasher.verify(&old, Some(stored.clone())).await? {
            return Err(Error::CredentialsWrong);
        }
        let password_hash = self.hasher.hash(&new).await?;
        self.store
            .change_password(scope, stored, password_hash)
            .await
    }
}

fn new_organization(
    id: OrgId,
    display_name: String,
    locale: Locale,
    time_zone: String,
    now: DateTime<Utc>,
) -> Organization {
    Organization {
        id,
        display_name,
        locale,
        time_zone,
        revision: 1,
        create_time: now,
        update_time: now,
    }
}

#[cfg(test)]
mod tests;
