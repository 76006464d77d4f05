//! Mirrors an account: what it is set up with, then leads and contacts that have changed. Run again
//! after a crash it ends in the same rows, and goes on where it was.

mod find;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use t11_core::OrgScope;
use t11_kommo::Lane;
use t11_kommo::client::{ContactQuery, LeadOrder, LeadQuery, LeadWith, TimeRange};
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::Error;
use crate::kommo::Kommo;
use crate::mirror::{MirroredContact, MirroredLead};
use crate::store::Store;

/// What changed so long before the newest known change is read again: Kommo may note changes late.
const OVERLAP: TimeDelta = TimeDelta::hours(1);
/// A long one goes on in another job, so that none is cut off by its time limit.
const BUDGET: Duration = Duration::from_secs(200);

/// Synchronises accounts.
#[derive(Clone)]
pub(crate) struct Synchronisation {
    kommo: Kommo,
    store: Store,
    budget: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Whole,
    /// There is more to read.
    Partly,
}

/// How far it is: a step, how many of it, and percent of the whole.
pub(crate) type Tell<'a> = &'a (dyn Fn(&'static str, u64, u8) + Send + std::marker::Sync);

/// One account being synchronised.
struct Run<'a> {
    kommo: &'a Kommo,
    store: &'a Store,
    scope: &'a OrgScope,
    connection: Uuid,
    tell: Tell<'a>,
    until: Instant,
}

/// A list that is read by what has changed.
#[derive(Debug, Clone, Copy)]
enum List {
    Contacts,
    Leads,
    /// Those in the bin, which no other list has.
    DeletedLeads,
}

/// What of a list was read: its newest change, if it has times.
struct Portion {
    count: usize,
    newest: Option<DateTime<Utc>>,
}

impl Synchronisation {
    pub(crate) fn new(kommo: Kommo) -> Self {
        Self {
            store: kommo.store.clone(),
            kommo,
            budget: BUDGET,
        }
    }

    /// Synchronises an account.
    ///
    /// # Errors
    /// [`Error::ConnectionState`], those of Kommo and of the store.
    pub(crate) async fn run(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        tell: Tell<'_>,
    ) -> Result<Outcome, Error> {
        let run = Run {
            kommo: &self.kommo,
            store: &self.store,
            scope,
            connection,
            tell,
            until: Instant::now() + self.budget,
        };
        run.settings().await?;
        for (list, percent) in [
            (List::Contacts, 30),
            (List::Leads, 60),
            (List::DeletedLeads, 95),
        ] {
            if run.list(list, percent).await? == Outcome::Partly {
                return Ok(Outcome::Partly);
            }
        }
        Ok(Outcome::Whole)
    }
}

impl Run<'_> {
    /// What the account is set up with, in one commit.
    async fn settings(&self) -> Result<(), Error> {
        (self.tell)("settings", 0, 5);
        let account = self
            .kommo
            .ask_account(self.scope, self.connection, Lane::Sync)
            .await?;
        let found = find::catalog(self.kommo, self.scope, self.connection, &account).await?;
        if !self
            .store
            .note_account(self.scope, self.connection, account)
            .await?
        {
            return Err(Error::AccountMismatch);
        }
        let changes = self
            .store
            .put_catalog(self.scope, self.connection, found)
            .await?;
        if changes > 0 {
            tracing::info!(connection.id = %self.connection, changes, "the account is set up differently");
        }
        self.store.beat_sync(self.scope, self.connection).await
    }

    /// Reads a list from the newest change that is known, the oldest change first. A list is asked
    /// for anew from where it was read to: by numbers of pages it would skip what moves to its end
    /// meanwhile.
    async fn list(&self, list: List, percent: u8) -> Result<Outcome, Error> {
        let known = self
            .store
            .sync_cursor(self.scope, self.connection, list.name())
            .await?;
        let mut from = known.map(|known| known - OVERLAP);
        let mut done = 0;
        (self.tell)(list.name(), done, percent);
        loop {
            let portion = self.portion(list, from).await?;
            done += portion.count as u64;
            (self.tell)(list.name(), done, percent);
            self.store.beat_sync(self.scope, self.connection).await?;
            if portion.newest <= from {
                return Ok(Outcome::Whole);
            }
            from = portion.newest;
            // Kept only when it is later than what is known already, not within the overlap.
            if let Some(newest) = portion
                .newest
                .filter(|newest| known.is_none_or(|known| *newest > known))
            {
                self.store
                    .put_sync_cursor(self.scope, self.connection, list.name(), newest)
                    .await?;
            }
            if Instant::now() >= self.until {
                return Ok(Outcome::Partly);
            }
        }
    }

    async fn portion(&self, list: List, from: Option<DateTime<Utc>>) -> Result<Portion, Error> {
        match list {
            List::Contacts => self.contacts(from).await,
            List::Leads => self.leads(from, &[LeadWith::Contacts]).await,
            List::DeletedLeads => {
                let with = [LeadWith::Contacts, LeadWith::OnlyDeleted];
                self.leads(from, &with).await
            }
        }
    }

    async fn leads(
        &self,
        from: Option<DateTime<Utc>>,
        with: &[LeadWith],
    ) -> Result<Portion, Error> {
        let query = LeadQuery {
            with: with.to_vec(),
            updated_at: since(from),
            order: Some(LeadOrder::Updated),
            ..LeadQuery::default()
        };
        let is_bin = with.contains(&LeadWith::OnlyDeleted);
        let read = |client: t11_kommo::Client| {
            let query = query.clone();
            async move {
                let mut pages = client.leads(&query)?;
                let mut leads = Vec::new();
                while let Some(page) = pages.next_page().await? {
                    leads.extend(page.iter().map(MirroredLead::from));
                    // Only what was changed in one second needs the next page.
                    if newest(&leads, |lead| lead.update_time) > from {
                        break;
                    }
                }
                Ok(leads)
            }
        };
        let mut leads = self
            .kommo
            .with(self.scope, self.connection, Lane::Sync, read)
            .await?;
        for lead in &mut leads {
            lead.is_deleted |= is_bin;
        }
        let portion = Portion {
            count: leads.len(),
            newest: newest(&leads, |lead| lead.update_time),
        };
        self.store
            .put_leads(self.scope, self.connection, leads)
            .await?;
        Ok(portion)
    }

    async fn contacts(&self, from: Option<DateTime<Utc>>) -> Result<Portion, Error> {
        let query = ContactQuery {
            updated_at: since(from),
            is_oldest_change_first: true,
            ..ContactQuery::default()
        };
        let read = |client: t11_kommo::Client| {
            let query = query.clone();
            async move {
                let mut pages = client.contacts(&query)?;
                let mut contacts = Vec::new();
                while let Some(page) = pages.next_page().await? {
                    contacts.extend(page.iter().map(MirroredContact::from));
                    if newest(&contacts, |contact| contact.update_time) > from {
                        break;
                    }
                }
                Ok(contacts)
            }
        };
        let contacts = self
            .kommo
            .with(self.scope, self.connection, Lane::Sync, read)
            .await?;
        let portion = Portion {
            count: contacts.len(),
            newest: newest(&contacts, |contact| contact.update_time),
        };
        self.store
            .put_contacts(self.scope, self.connection, contacts)
            .await?;
        Ok(portion)
    }
}

impl List {
    const fn name(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Leads => "leads",
            Self::DeletedLeads => "deleted_leads",
        }
    }
}

fn since(from: Option<DateTime<Utc>>) -> TimeRange {
    from.map_or_else(TimeRange::default, TimeRange::since)
}

fn newest<T>(items: &[T], time: impl Fn(&T) -> Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    items.iter().filter_map(time).max()
}
