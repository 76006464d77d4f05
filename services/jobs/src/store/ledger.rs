//! One transaction's changes to jobs, and what follows from them: counts, turns, revisions, the
//! next job of an ordering key.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, EntityTrait as _,
    FromQueryResult as _, Iterable as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Statement, Value,
};
use t11_core::OrgId;
use t11_store::Tx;
use uuid::Uuid;

use super::entity::{job_orgs, jobs, queue_orgs};
use super::rows::{LINE_COLUMNS, LineRow, line_row, patch, state_is, without_payload};
use super::shape::{Text, groups, padded};
use super::{Rules, alerts, enqueue};
use crate::error::Error;
use crate::fair::{Line, Share};
use crate::job::{Job, State};

/// Sets the revision of changed jobs; the ledger has raised their organization's before.
const NEW_REVISION: &str = "(SELECT o.revision FROM job_orgs o WHERE o.org_id = jobs.org_id)";

/// Rows of one `UPDATE … WHERE position IN (…)`.
const ROWS_AT_ONCE: usize = 1000;

/// What has to be told once the transaction has committed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Effects {
    /// Organizations whose jobs have changed for people.
    pub changed: BTreeSet<OrgId>,
    /// Jobs that could start now, by queue.
    pub startable: BTreeMap<String, usize>,
    /// Workers with something to hear.
    pub workers: BTreeSet<String>,
    /// The soonest time that a job now waits for.
    pub due: Option<DateTime<Utc>>,
}

/// A job before and after.
pub(super) struct Change {
    pub(super) before: Job,
    pub(super) after: Job,
}

impl Change {
    pub(super) fn of(job: Job) -> Self {
        Self {
            before: job.clone(),
            after: job,
        }
    }
}

impl Change {
    fn died(&self) -> bool {
        self.before.state != State::Dead && self.after.state == State::Dead
    }
}

struct Entry {
    line: Line,
    is_changed: bool,
}

/// The books of one transaction over the organizations it has locked.
pub(super) struct Ledger<'a> {
    pub(super) tx: &'a Tx,
    pub(super) rules: &'a Rules,
    pub(super) now: DateTime<Utc>,
    /// Whether it holds the lock of any organization.
    pub(super) is_holding: bool,
    revisions: HashMap<OrgId, i64>,
    lines: BTreeMap<(OrgId, String), Entry>,
    effects: Effects,
}

impl<'a> Ledger<'a> {
    /// Locks the organizations, in the order of their ids, and raises their revisions.
    pub(super) async fn open(
        tx: &'a Tx,
        rules: &'a Rules,
        orgs: impl IntoIterator<Item = OrgId>,
    ) -> Result<Self, Error> {
        let mut ledger = Self {
            tx,
            rules,
            now: rules.now(),
            is_holding: false,
            revisions: HashMap::new(),
            lines: BTreeMap::new(),
            effects: Effects::default(),
        };
        let orgs: BTreeSet<_> = orgs.into_iter().collect();
        if !orgs.is_empty() {
            ledger.is_holding = true;
            let orgs: Vec<_> = orgs.into_iter().map(|org| org.0).collect();
            for orgs in groups(&orgs) {
                ledger.lock(orgs).await?;
            }
            let lines = queue_orgs::Entity::find()
                .filter(queue_orgs::Column::OrgId.is_in(padded(orgs)))
                .all(tx)
                .await?;
            for row in lines {
                ledger.put(row.into());
            }
        }
        Ok(ledger)
    }

    /// An insert that finds the row locks it as it raises it.
    async fn lock(&mut self, orgs: &[Uuid]) -> Result<(), Error> {
        let mut text = self.text();
        text.add("INSERT INTO job_orgs (org_id, revision) VALUES ")
            .tuples(orgs.len(), 1, ", 1")
            .add(" ON CONFLICT (org_id) DO UPDATE SET revision = job_orgs.revision + 1")
            .add(" RETURNING org_id, revision");
        let statement = text.with(orgs.iter().map(|org| Value::from(*org)));
        for row in job_orgs::Model::find_by_statement(statement)
            .all(self.tx)
            .await?
        {
            self.revisions.insert(OrgId(row.org_id), row.revision);
        }
        Ok(())
    }

    pub(super) fn text(&self) -> Text {
        Text::new(self.tx.get_database_backend())
    }

    pub(super) fn statement(
        &self,
        sql: String,
        values: impl IntoIterator<Item = Value>,
    ) -> Statement {
        Statement::from_sql_and_values(self.tx.get_database_backend(), sql, values)
    }

    /// The revision that this transaction gives to the organization's changes.
    pub(super) fn revision(&self, org: OrgId) -> i64 {
        self.revisions.get(&org).copied().unwrap_or_default()
    }

    /// Whether the ledger was opened for the organization.
    pub(super) fn is_open(&self, org: OrgId) -> bool {
        self.revisions.contains_key(&org)
    }

    /// The organizations that it was opened for.
    pub(super) fn open_orgs(&self) -> impl Iterator<Item = Uuid> {
        self.revisions.keys().map(|org| org.0)
    }

    /// Of these, the lines at a queue that may be served.
    pub(super) fn open_lines(&self, queue: &str) -> impl Iterator<Item = Line> {
        let lines = self.lines.values().map(|entry| &entry.line);
        let open = lines
            .filter(move |line| line.queue == queue && line.runnable && self.is_open(line.org));
        open.cloned()
    }

    /// The organizations whose line at a queue is in the books.
    pub(super) fn known_orgs(&self, queue: &str) -> impl Iterator<Item = Uuid> {
        let lines = self.lines.values().map(|entry| &entry.line);
        lines
            .filter(move |line| line.queue == queue)
            .map(|line| line.org.0)
    }

    pub(super) fn effects_mut(&mut self) -> &mut Effects {
        &mut self.effects
    }

    pub(super) fn share(&self, queue: &str, org: OrgId) -> Share {
        self.rules.config.share(queue, org)
    }

    /// Takes over a line as it is in the database.
    pub(super) fn put(&mut self, line: Line) {
        self.lines.insert(
            (line.org, line.queue.clone()),
            Entry {
                line,
                is_changed: false,
            },
        );
    }

    /// A line to be changed, new if it is not there.
    pub(super) fn line_mut(&mut self, org: OrgId, queue: &str) -> &mut Line {
        let entry = self
            .lines
            .entry((org, queue.to_owned()))
            .or_insert_with(|| Entry {
                line: Line::new(org, queue),
                is_changed: true,
            });
        entry.is_changed = true;
        &mut entry.line
    }

    /// The organization's lines.
    pub(super) fn lines_of(&self, org: OrgId) -> Vec<Line> {
        let own = self.lines.values().filter(|entry| entry.line.org == org);
        own.map(|entry| entry.line.clone()).collect()
    }

    /// Counts a job on its way.
    pub(super) fn moved(
        &mut self,
        org: OrgId,
        queue: &str,
        from: Option<State>,
        to: Option<State>,
    ) {
        self.line_mut(org, queue).moved(from, to);
        self.effects.changed.insert(org);
    }

    /// Notes when a job is due, if it waits for that.
    pub(super) fn note_due(&mut self, state: State, time: DateTime<Utc>) {
        if matches!(state, State::Scheduled | State::Retrying) {
            let soonest = self.effects.due.map_or(time, |due| due.min(time));
            self.effects.due = Some(soonest);
        }
    }

    /// Writes changed jobs. Where one has let go of its ordering key, the next in line is ready.
    pub(super) async fn save(&mut self, changes: Vec<Change>) -> Result<(), Error> {
        let mut freed = BTreeSet::new();
        for Change { before, after } in &changes {
            if before.state.holds_key()
                && !after.state.holds_key()
                && let Some(key) = &after.ordering_key
            {
                freed.insert((after.org, key.clone()));
            }
        }
        let died = changes.iter().filter(|change| change.died());
        let alerts = died
            .filter_map(|change| alerts::alert(&change.after))
            .collect();
        self.write(changes).await?;
        enqueue::enqueue(self, alerts).await?;
        let mut next = Vec::new();
        for (org, key) in freed {
            next.extend(self.next_of_key(org, &key).await?);
        }
        let now = self.now;
        let unblocked = next.into_iter().map(|job| {
            let mut change = Change::of(job);
            change.after.unblock(now);
            change
        });
        self.write(unblocked.collect()).await
    }

    async fn write(&mut self, changes: Vec<Change>) -> Result<(), Error> {
        let mut groups: Vec<(jobs::ActiveModel, Vec<i64>)> = Vec::new();
        for Change { before, after } in changes {
            if before == after {
                continue;
            }
            if before.state != after.state {
                self.moved(
                    after.org,
                    &after.queue,
                    Some(before.state),
                    Some(after.state),
                );
            }
            self.note_due(after.state, after.run_time);
            let patch = patch(&before, &after);
            if is_visible(&patch) {
                self.effects.changed.insert(after.org);
            }
            match groups.iter_mut().find(|(known, _)| *known == patch) {
                Some((_, positions)) => positions.push(after.position),
                None => groups.push((patch, vec![after.position])),
            }
        }
        for (patch, positions) in groups {
            for positions in positions.chunks(ROWS_AT_ONCE) {
                self.write_group(&patch, positions).await?;
            }
        }
        Ok(())
    }

    async fn write_group(&self, patch: &jobs::ActiveModel, positions: &[i64]) -> Result<(), Error> {
        let mut update = jobs::Entity::update_many().set(patch.clone());
        if is_visible(patch) {
            update = update.col_expr(jobs::Column::Revision, Expr::cust(NEW_REVISION));
        }
        update
            .filter(jobs::Column::Position.is_in(padded(positions.iter().copied())))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    async fn next_of_key(&self, org: OrgId, key: &str) -> Result<Option<Job>, Error> {
        let select = jobs::Entity::find()
            .filter(jobs::Column::OrgId.eq(org.0))
            .filter(jobs::Column::OrderingKey.eq(key))
            .filter(jobs::Column::EndTime.is_null())
            .filter(state_is(&[State::Blocked]))
            .order_by_asc(jobs::Column::Position)
            .limit(1);
        without_payload(select)
            .one(self.tx)
            .await?
            .map(Job::try_from)
            .transpose()
    }

    /// Which of an organization's ordering keys are held.
    pub(super) async fn held_keys(
        &self,
        org: OrgId,
        keys: &BTreeSet<String>,
    ) -> Result<HashSet<String>, Error> {
        if keys.is_empty() {
            return Ok(HashSet::new());
        }
        let held: Vec<Option<String>> = jobs::Entity::find()
            .select_only()
            .column(jobs::Column::OrderingKey)
            .distinct()
            .filter(jobs::Column::OrgId.eq(org.0))
            .filter(jobs::Column::OrderingKey.is_in(padded(keys)))
            .filter(jobs::Column::EndTime.is_null())
            .filter(state_is(&[State::Ready, State::Running, State::Retrying]))
            .into_tuple()
            .all(self.tx)
            .await?;
        Ok(held.into_iter().flatten().collect())
    }

    /// Whether an ordering key is held.
    pub(super) async fn is_key_held(&self, org: OrgId, key: &str) -> Result<bool, Error> {
        Ok(!self
            .held_keys(org, &[key.to_owned()].into())
            .await?
            .is_empty())
    }

    /// Finds who may be served now, and lets those who could not before join the others.
    pub(super) async fn join(&mut self) -> Result<(), Error> {
        let mut joining: BTreeMap<String, Vec<OrgId>> = BTreeMap::new();
        let rules = self.rules;
        for entry in self.lines.values_mut().filter(|entry| entry.is_changed) {
            let line = &mut entry.line;
            let may_start = line.startable(rules.config.share(&line.queue, line.org)) > 0;
            if may_start && !line.runnable {
                joining
                    .entry(line.queue.clone())
                    .or_default()
                    .push(line.org);
            }
            line.runnable = may_start;
        }
        for (queue, orgs) in joining {
            let floor = self.floor(&queue).await?;
            for org in orgs {
                self.line_mut(org, &queue).join(floor);
            }
        }
        Ok(())
    }

    /// Writes the lines that have changed.
    async fn flush(&mut self) -> Result<(), Error> {
        self.join().await?;
        let changed = self.lines.values_mut().filter(|entry| entry.is_changed);
        let rows: Vec<_> = changed
            .map(|entry| {
                entry.is_changed = false;
                line_row(&entry.line)
            })
            .collect();
        for rows in groups(&rows) {
            self.upsert_lines(rows).await?;
        }
        Ok(())
    }

    /// Writes them, if any is of an organization that the ledger was not opened for.
    pub(super) async fn flush_others(&mut self) -> Result<(), Error> {
        let mut changed = self.lines.values().filter(|entry| entry.is_changed);
        if changed.any(|entry| !self.is_open(entry.line.org)) {
            self.flush().await?;
        }
        Ok(())
    }

    async fn upsert_lines(&self, rows: &[LineRow]) -> Result<(), Error> {
        let mut text = self.text();
        text.add(&format!(
            "INSERT INTO queue_orgs ({}) VALUES ",
            LINE_COLUMNS.join(", ")
        ))
        .tuples(rows.len(), LINE_COLUMNS.len(), "")
        .add(" ON CONFLICT (org_id, queue) DO UPDATE SET ")
        .add(&LINE_CHANGES);
        let values = rows.iter().flatten().cloned();
        self.tx.execute_raw(text.with(values)).await?;
        Ok(())
    }

    /// Where one who joins the queue begins: at the least served of those who can be served, or,
    /// when there are none, where the last of them was.
    async fn floor(&self, queue: &str) -> Result<i64, Error> {
        let sql = "SELECT COALESCE(\
            (SELECT MIN(pass) FROM queue_orgs WHERE queue = $1 AND runnable), \
            (SELECT MAX(pass) FROM queue_orgs WHERE queue = $1), 0) AS floor";
        let statement = self.statement(sql.to_owned(), [queue.into()]);
        let row = self.tx.query_one_raw(statement).await?;
        Ok(row
            .map(|row| row.try_get("", "floor"))
            .transpose()?
            .unwrap_or_default())
    }

    /// Writes what is left; what to tell after the commit.
    pub(super) async fn close(mut self) -> Result<Effects, Error> {
        self.flush().await?;
        for Entry { line, .. } in self.lines.values() {
            let startable = line.startable(self.share(&line.queue, line.org));
            if startable > 0 {
                let sum = self
                    .effects
                    .startable
                    .entry(line.queue.clone())
                    .or_default();
                *sum += usize::try_from(startable).unwrap_or_default();
            }
        }
        Ok(self.effects)
    }
}

/// Whether people can see the change: all but the length of a lease.
fn is_visible(patch: &jobs::ActiveModel) -> bool {
    let hidden = |column: &jobs::Column| matches!(column, jobs::Column::LeaseExpireTime);
    jobs::Column::iter()
        .filter(|column| !hidden(column))
        .any(|column| patch.get(column).is_set())
}

/// All but the key.
static LINE_CHANGES: LazyLock<String> = LazyLock::new(|| {
    let changed = LINE_COLUMNS[2..].iter();
    let changes: Vec<_> = changed
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    changes.join(", ")
});

/// The organizations of these jobs.
pub(super) async fn orgs_of(
    tx: &Tx,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<OrgId>, Error> {
    let orgs: Vec<Uuid> = jobs::Entity::find()
        .select_only()
        .column(jobs::Column::OrgId)
        .distinct()
        .filter(jobs::Column::Id.is_in(padded(ids)))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(orgs.into_iter().map(OrgId).collect())
}
