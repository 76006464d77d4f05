//! Tasks. They cannot be deleted.
//!
//! Sources: Kommo docs, `tasks-list`; the SDK `amocrm-api-php`.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Client, Entity, Query, Written};
use crate::de;
use crate::error::Error;
use crate::id::{TaskId, TaskTypeId, UserId};
use crate::page::Pages;

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What is to be done.
    #[serde(default, deserialize_with = "de::text")]
    pub text: String,
    /// Until when.
    #[serde(default, deserialize_with = "de::some_time")]
    pub complete_till: Option<DateTime<Utc>>,
    /// Its kind.
    #[serde(default, deserialize_with = "de::maybe")]
    pub task_type_id: Option<TaskTypeId>,
    /// Who does it.
    #[serde(default, deserialize_with = "de::maybe")]
    pub responsible_user_id: Option<UserId>,
    /// Whether it is done.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_completed: bool,
    /// When it was changed last.
    #[serde(default, deserialize_with = "de::some_time")]
    pub updated_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "de::object")]
    result: TaskResult,
    #[serde(default, deserialize_with = "de::some_text")]
    entity_type: Option<String>,
    #[serde(default, deserialize_with = "de::maybe")]
    entity_id: Option<de::Integer>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct TaskResult {
    #[serde(default, deserialize_with = "de::some_text")]
    text: Option<String>,
}

impl Task {
    /// What came of it.
    #[must_use]
    pub fn result(&self) -> Option<&str> {
        self.result.text.as_deref()
    }

    /// What it hangs on.
    #[must_use]
    pub fn entity(&self) -> Option<Entity> {
        Entity::of(self.entity_type.as_deref()?, self.entity_id?.0)
    }
}

/// A task to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// What is to be done.
    pub text: String,
    /// Until when.
    pub complete_till: DateTime<Utc>,
    /// What it hangs on.
    pub entity: Option<Entity>,
    /// Its kind; a follow-up if not given.
    pub task_type_id: Option<TaskTypeId>,
    /// Who does it; whose the token is if not given.
    pub responsible_user_id: Option<UserId>,
}

impl Serialize for NewTask {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            text: &'a str,
            complete_till: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            entity_id: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            entity_type: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            task_type_id: Option<TaskTypeId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            responsible_user_id: Option<UserId>,
        }
        Wire {
            text: &self.text,
            complete_till: self.complete_till.timestamp(),
            entity_id: self.entity.map(Entity::id),
            entity_type: self.entity.map(|entity| entity.kind().as_str()),
            task_type_id: self.task_type_id,
            responsible_user_id: self.responsible_user_id,
        }
        .serialize(serializer)
    }
}

/// What to change of a task; what is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TaskUpdate {
    /// What is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Until when.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "de::write_time"
    )]
    pub complete_till: Option<DateTime<Utc>>,
    /// Who does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsible_user_id: Option<UserId>,
}

/// Which tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Of this entity.
    pub entity: Option<Entity>,
    /// Done or not.
    pub is_completed: Option<bool>,
    /// Of these users.
    pub responsible_user_ids: Vec<UserId>,
    /// Tasks a page, at most 250, which is also the default.
    pub limit: Option<u16>,
}

impl Client {
    /// Tasks.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn tasks(&self, query: &TaskQuery) -> Result<Pages<Task>, Error> {
        let mut parameters = Query::default();
        if let Some(entity) = query.entity {
            parameters.add("filter[entity_type]", entity.kind().as_str());
            parameters.add_list("filter[entity_id]", [entity.id()]);
        }
        let is_completed = query.is_completed.map(u8::from);
        parameters.add_some("filter[is_completed]", is_completed);
        parameters.add_list("filter[responsible_user_id]", &query.responsible_user_ids);
        self.pages("tasks.list", "/tasks", parameters, "tasks", query.limit)
    }

    /// One task.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn task(&self, id: TaskId) -> Result<Task, Error> {
        self.get_one("tasks.get", &format!("/tasks/{id}"), Query::default())
            .await
    }

    /// Makes a task.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_task(&self, task: &NewTask) -> Result<TaskId, Error> {
        let operation = "tasks.create";
        let written = self.write_one(operation, Method::POST, "/tasks", task, "tasks");
        written.await.map(|Written { id, .. }| TaskId(id))
    }

    /// Changes a task.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn update_task(&self, id: TaskId, update: &TaskUpdate) -> Result<(), Error> {
        let path = format!("/tasks/{id}");
        self.act("tasks.update", Method::PATCH, &path, update).await
    }

    /// Closes a task, saying what came of it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn complete_task(&self, id: TaskId, result: &str) -> Result<(), Error> {
        let path = format!("/tasks/{id}");
        let body = serde_json::json!({"is_completed": true, "result": {"text": result}});
        self.act("tasks.complete", Method::PATCH, &path, &body)
            .await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::LeadId;

    #[test]
    fn a_task_without_a_result_is_read() {
        let task: Task = serde_json::from_value(json!({
            "id": 4001, "text": "Call", "complete_till": 1_760_129_940, "result": [],
            "entity_type": "leads", "entity_id": 5001, "is_completed": false, "task_type_id": 1
        }))
        .unwrap();
        assert_eq!(task.result(), None);
        assert_eq!(task.entity(), Some(Entity::Lead(LeadId(5001))));
        let done: Task =
            serde_json::from_value(json!({"id": 1, "result": {"text": "agreed"}})).unwrap();
        assert_eq!(done.result(), Some("agreed"));
    }

    #[test]
    fn a_task_names_what_it_hangs_on() {
        let until = DateTime::from_timestamp_secs(1_760_129_940).unwrap();
        let task = NewTask {
            text: "Call".to_owned(),
            complete_till: until,
            entity: Some(Entity::Lead(LeadId(5001))),
            task_type_id: None,
            responsible_user_id: Some(UserId(900)),
        };
        assert_eq!(
            serde_json::to_value(task).unwrap(),
            json!({"text": "Call", "complete_till": 1_760_129_940, "entity_id": 5001,
                "entity_type": "leads", "responsible_user_id": 900})
        );
        let update = TaskUpdate {
            complete_till: Some(until),
            ..TaskUpdate::default()
        };
        assert_eq!(
            serde_json::to_value(update).unwrap(),
            json!({"complete_till": 1_760_129_940})
        );
    }
}
