//! Enqueueing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _,
};
use t11_core::OrgId;
use t11_store::Tx;
use uuid::Uuid;

use super::entity::jobs;
use super::ledger::Ledger;
use super::rows::{INSERTED, NEW_JOB, insertion};
use super::shape::{Text, lengths, padded};
use crate::error::Error;
use crate::job::{NewJob, State};

/// What became of a job that was enqueued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The job that stands for it: itself, or the one it duplicates.
    pub id: Uuid,
    pub is_duplicate: bool,
}

/// Inserts what is new of `jobs`, whose organizations are locked.
pub(super) async fn enqueue(
    ledger: &mut Ledger<'_>,
    jobs: Vec<NewJob>,
) -> Result<Vec<Enqueued>, Error> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut known = Known::read(ledger.tx, &jobs).await?;
    let mut results = Vec::with_capacity(jobs.len());
    let mut fresh = Vec::new();
    for job in jobs {
        let standing = known.standing(&job);
        let id = standing.unwrap_or(job.id);
        results.push(Enqueued {
            id,
            is_duplicate: standing.is_some(),
        });
        if standing.is_none() {
            known.add(&job);
            fresh.push(job);
        }
    }
    insert(ledger, fresh).await?;
    Ok(results)
}

/// Ids and unique keys that are taken.
struct Known {
    ids: BTreeSet<Uuid>,
    unique_keys: HashMap<(Uuid, String), Uuid>,
}

impl Known {
    async fn read(tx: &Tx, jobs: &[NewJob]) -> Result<Self, Error> {
        let ids: Vec<Uuid> = jobs::Entity::find()
            .select_only()
            .column(jobs::Column::Id)
            .filter(jobs::Column::Id.is_in(padded(jobs.iter().map(|job| job.id))))
            .into_tuple()
            .all(tx)
            .await?;
        let mut asked: BTreeMap<Uuid, BTreeSet<&str>> = BTreeMap::new();
        for job in jobs {
            if let Some(key) = &job.unique_key {
                asked.entry(job.org).or_default().insert(key);
            }
        }
        let mut unique_keys = HashMap::new();
        for (org, keys) in asked {
            let taken: Vec<(Option<String>, Uuid)> = jobs::Entity::find()
                .select_only()
                .columns([jobs::Column::UniqueKey, jobs::Column::Id])
                .filter(jobs::Column::OrgId.eq(org))
                .filter(jobs::Column::UniqueKey.is_in(padded(keys)))
                .filter(jobs::Column::EndTime.is_null())
                .into_tuple()
                .all(tx)
                .await?;
            unique_keys.extend(
                taken
                    .into_iter()
                    .filter_map(|(key, id)| Some(((org, key?), id))),
            );
        }
        Ok(Self {
            ids: ids.into_iter().collect(),
            unique_keys,
        })
    }

    /// The job that stands for this one already.
    fn standing(&self, job: &NewJob) -> Option<Uuid> {
        if self.ids.contains(&job.id) {
            return Some(job.id);
        }
        self.unique_keys
            .get(&(job.org, job.unique_key.clone()?))
            .copied()
    }

    fn add(&mut self, job: &NewJob) {
        self.ids.insert(job.id);
        if let Some(key) = &job.unique_key {
            self.unique_keys.insert((job.org, key.clone()), job.id);
        }
    }
}

async fn insert(ledger: &mut Ledger<'_>, jobs: Vec<NewJob>) -> Result<(), Error> {
    let mut held = HeldKeys::read(ledger, &jobs).await?;
    let mut rows = Vec::with_capacity(jobs.len());
    for job in jobs {
        let org = OrgId(job.org);
        let state = held.first_state(&job, ledger);
        ledger.moved(org, &job.queue, None, Some(state));
        ledger.note_due(state, job.run_time.unwrap_or(ledger.now));
        rows.push(insertion(
            job,
            state,
            ledger.revision(org),
            ledger.now,
            &ledger.rules.policy,
        ));
    }
    let mut rows = rows.into_iter();
    for length in lengths(rows.len()) {
        let values = rows.by_ref().take(length).flatten();
        // The same id for two organizations at one moment: the locks do not tell them apart, the
        // index does. The loser's batch is answered with an error and sent again.
        let statement = insert_jobs(ledger.text(), length).with(values);
        ledger.tx.execute_raw(statement).await?;
    }
    Ok(())
}

fn insert_jobs(mut text: Text, rows: usize) -> Text {
    let (columns, constants) = NEW_JOB;
    let given = INSERTED.join(", ");
    text.add(&format!("INSERT INTO jobs ({given}, {columns}) VALUES "))
        .tuples(rows, INSERTED.len(), constants);
    text
}

/// The ordering keys that are held, by organization.
struct HeldKeys(BTreeMap<OrgId, HashSet<String>>);

impl HeldKeys {
    async fn read(ledger: &Ledger<'_>, jobs: &[NewJob]) -> Result<Self, Error> {
        let mut asked: BTreeMap<OrgId, BTreeSet<String>> = BTreeMap::new();
        for job in jobs {
            if let Some(key) = &job.ordering_key {
                asked.entry(OrgId(job.org)).or_default().insert(key.clone());
            }
        }
        let mut held = BTreeMap::new();
        for (org, keys) in asked {
            held.insert(org, ledger.held_keys(org, &keys).await?);
        }
        Ok(Self(held))
    }

    /// Where the job begins; from now on its key is held if it holds it.
    fn first_state(&mut self, job: &NewJob, ledger: &Ledger<'_>) -> State {
        let Some(key) = &job.ordering_key else {
            return job.first_state(false, ledger.now);
        };
        let held = self.0.entry(OrgId(job.org)).or_default();
        let state = job.first_state(held.contains(key), ledger.now);
        if state.holds_key() {
            held.insert(key.clone());
        }
        state
    }
}
