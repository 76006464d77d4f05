//! Effects that make one more each time: written down before the call, and looked for before they
//! are done again.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use t11_kommo::client::{Client, Entity, Lead, NewNote, NewTask, Task, TaskQuery, TimeRange};
use t11_kommo::id::{BotId, LeadId, TaskTypeId, UserId};
use t11_kommo::{Error as KommoError, Repeat};

use super::apply::Try;
use super::plan::Card;
use super::{CreateTask, Effect, FieldOwner, GRACE, Outcome, Refusal};
use crate::error::Error;
use crate::message::{CLOCK_SKEW, is_same_text};

/// How many tasks or notes of a lead are looked through.
const MOST_ITEMS: usize = 2_000;

impl Try<'_> {
    /// Makes what is to be made, unless an earlier try has.
    pub(super) async fn create(&self, card: &Card) -> Result<Outcome, Error> {
        let lead = &card.lead;
        let Some(noted) = noted(card, self.effect.new.effect.owner()) else {
            let refusal = Refusal::new(Refusal::CONTACT_GONE, "the lead has no contact");
            return Ok(Outcome::Refused(refusal));
        };
        if let Some(acted) = self.effect.act_time {
            if let Some(outcome) = self.made(lead, noted, acted).await? {
                return Ok(outcome);
            }
            self.check_certain(acted)?;
        }
        let store = &self.effects.store;
        let acted = store.note_act(self.scope, self.effect).await?;
        match self.make(lead, noted).await {
            Ok(id) => Ok(self.done(id)),
            Err(Error::Kommo(error)) if error.repeat() == Repeat::ReadFirst => {
                let made = self.made(lead, noted, acted).await?;
                made.ok_or(Error::Kommo(error))
            }
            Err(error) => {
                store.forget_act(self.scope, self.effect).await?;
                self.refused(error)
            }
        }
    }

    /// What an earlier try may have done is not done again as long as it may still come.
    fn check_certain(&self, acted: DateTime<Utc>) -> Result<(), Error> {
        if let Effect::RunSalesbot { .. } = self.effect.new.effect {
            // Whether a bot was started is nowhere to be read.
            return Err(Error::EffectUnknown);
        }
        if self.effects.world.now() - acted < GRACE {
            return Err(KommoError::OutcomeUnknown.into());
        }
        Ok(())
    }

    /// What a try since `acted` has made: of equal ones the first that no other effect has.
    async fn made(
        &self,
        lead: &Lead,
        noted: Entity,
        acted: DateTime<Utc>,
    ) -> Result<Option<Outcome>, Error> {
        let (effect, lead_id) = (&self.effect.new.effect, lead.id);
        let since = acted - CLOCK_SKEW;
        let responsible = lead.responsible_user_id;
        let look = self.call(|client| async move {
            match effect {
                Effect::CreateTask(task) => {
                    let task = new_task(task, lead_id, responsible);
                    tasks_since(&client, &task, since).await
                }
                Effect::AddNote { text, .. } => notes_since(&client, noted, text, since).await,
                _ => Ok(Vec::new()),
            }
        });
        let ids = look.await?;
        let store = &self.effects.store;
        let id = store.first_unclaimed(self.scope, self.effect, ids).await?;
        Ok(id.map(|id| self.done(Some(id))))
    }

    async fn make(&self, lead: &Lead, noted: Entity) -> Result<Option<String>, Error> {
        let (effect, lead_id) = (&self.effect.new.effect, lead.id);
        let responsible = lead.responsible_user_id;
        let made = self.call(|client| async move {
            let entity = Entity::Lead(lead_id);
            match effect {
                Effect::CreateTask(task) => {
                    let task = new_task(task, lead_id, responsible);
                    let id = client.create_task(&task).await?;
                    Ok(Some(id.to_string()))
                }
                Effect::AddNote { text, .. } => {
                    let id = client
                        .create_note(noted, &NewNote::common(text.trim()))
                        .await?;
                    Ok(Some(id.to_string()))
                }
                Effect::RunSalesbot { bot_id } => {
                    client.run_bot(BotId(*bot_id), entity).await?;
                    Ok(None)
                }
                _ => Ok(None),
            }
        });
        made.await
    }

    fn done(&self, id: Option<String>) -> Outcome {
        Outcome::Done {
            after: Some(self.made_state(id.as_deref())),
            created_id: id,
        }
    }

    fn made_state(&self, id: Option<&str>) -> Value {
        match &self.effect.new.effect {
            Effect::CreateTask(task) => json!({
                "task_id": id,
                "text": task.text.trim(),
                "complete_till": task.complete_till,
            }),
            Effect::AddNote { text, .. } => json!({"note_id": id, "text": text.trim()}),
            Effect::RunSalesbot { bot_id } => json!({ "bot_id": bot_id }),
            _ => Value::Null,
        }
    }
}

/// Where a note goes; `None` when the lead has no contact.
fn noted(card: &Card, owner: FieldOwner) -> Option<Entity> {
    match owner {
        FieldOwner::Leads => Some(Entity::Lead(card.lead.id)),
        FieldOwner::Contacts => Some(Entity::Contact(card.contact.as_ref()?.id)),
    }
}

fn new_task(task: &CreateTask, lead: LeadId, responsible: Option<UserId>) -> NewTask {
    let asked = (task.responsible_user_id > 0).then_some(UserId(task.responsible_user_id));
    NewTask {
        text: task.text.trim().to_owned(),
        complete_till: task.complete_till,
        entity: Some(Entity::Lead(lead)),
        task_type_id: (task.task_type_id > 0).then_some(TaskTypeId(task.task_type_id)),
        responsible_user_id: asked.or(responsible),
    }
}

/// Ids of tasks like this one that were changed since, in the order of their numbers.
async fn tasks_since(
    client: &Client,
    wanted: &NewTask,
    since: DateTime<Utc>,
) -> Result<Vec<String>, KommoError> {
    let query = TaskQuery {
        entity: wanted.entity,
        ..TaskQuery::default()
    };
    let is_like = |task: &Task| {
        let till = task.complete_till.map(|till| till.timestamp());
        is_same_text(&task.text, &wanted.text)
            && till == Some(wanted.complete_till.timestamp())
            && task.updated_at.is_none_or(|time| time >= since)
    };
    let tasks = client.tasks(&query)?.collect(MOST_ITEMS).await?;
    let mut ids: Vec<i64> = tasks
        .iter()
        .filter(|task| is_like(task))
        .map(|task| task.id.0)
        .collect();
    ids.sort_unstable();
    Ok(ids.iter().map(i64::to_string).collect())
}

/// Ids of notes of this text that were written there since, in the order of their numbers.
async fn notes_since(
    client: &Client,
    noted: Entity,
    text: &str,
    since: DateTime<Utc>,
) -> Result<Vec<String>, KommoError> {
    let notes = client.notes(noted, &TimeRange::since(since))?;
    let notes = notes.collect(MOST_ITEMS).await?;
    let same = notes.iter().filter(|note| {
        note.text().is_some_and(|one| is_same_text(one, text))
            && note.created_at.is_none_or(|time| time >= since)
    });
    let mut ids: Vec<i64> = same.map(|note| note.id.0).collect();
    ids.sort_unstable();
    Ok(ids.iter().map(i64::to_string).collect())
}
