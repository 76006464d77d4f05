//! Tasks. They can be completed, not deleted.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::account::{Account, found, is_task_type};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::{Kind, Ref, select::is_within};
use crate::item::{Item, read_all, read_one};
use crate::routes::Routes;

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) id: i64,
    pub(crate) text: String,
    pub(crate) about: Option<Ref>,
    pub(crate) task_type_id: i64,
    pub(crate) responsible_user_id: i64,
    pub(crate) complete_till: i64,
    /// Seconds.
    pub(crate) duration: i64,
    pub(crate) is_completed: bool,
    pub(crate) result: Option<String>,
    pub(crate) created_by: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_by: i64,
    pub(crate) updated_at: i64,
}

#[derive(Debug, Default)]
pub(crate) struct TaskDraft {
    pub(crate) text: Option<String>,
    pub(crate) about: Option<Ref>,
    pub(crate) task_type_id: Option<i64>,
    pub(crate) responsible_user_id: Option<i64>,
    pub(crate) complete_till: Option<i64>,
    pub(crate) duration: Option<i64>,
    pub(crate) is_completed: Option<bool>,
    pub(crate) result: Option<String>,
}

impl TaskDraft {
    fn read(account: &Account, item: &mut Item<'_>) -> Self {
        let responsible_user_id = item.integer("responsible_user_id");
        if responsible_user_id.is_some_and(|id| account.user(id).is_none()) {
            item.refuse_choice("responsible_user_id");
        }
        let task_type_id = item.integer("task_type_id");
        if task_type_id.is_some_and(|id| !is_task_type(id)) {
            item.refuse_choice("task_type_id");
        }
        let mut result = item.object("result");
        let result = result.as_mut().and_then(|result| result.text("text"));
        Self {
            text: item.text("text").map(str::to_owned),
            about: about(account, item),
            task_type_id,
            responsible_user_id,
            complete_till: item.integer("complete_till"),
            duration: item.integer("duration"),
            is_completed: item.boolean("is_completed"),
            result: result.map(str::to_owned),
        }
    }
}

/// `entity_id` with `entity_type`, which must exist.
fn about(account: &Account, item: &mut Item<'_>) -> Option<Ref> {
    let id = item.integer("entity_id")?;
    let Some(kind) = Kind::of_plural(item.required_text("entity_type")) else {
        item.refuse_choice("entity_type");
        return None;
    };
    let about = Ref { kind, id };
    if !account.cards.contains_key(&about) {
        item.refuse_choice("entity_id");
    }
    Some(about)
}

impl Task {
    fn write(&mut self, draft: TaskDraft) {
        if let Some(text) = draft.text {
            self.text = text;
        }
        self.about = draft.about.or(self.about);
        self.task_type_id = draft.task_type_id.unwrap_or(self.task_type_id);
        let responsible = draft.responsible_user_id;
        self.responsible_user_id = responsible.unwrap_or(self.responsible_user_id);
        self.complete_till = draft.complete_till.unwrap_or(self.complete_till);
        self.duration = draft.duration.unwrap_or(self.duration);
        self.is_completed = draft.is_completed.unwrap_or(self.is_completed);
        self.result = draft.result.or(self.result.take());
    }

    fn render(&self, account: &Account, call: &Call) -> Value {
        let result = self.result.as_ref();
        json!({
            "id": self.id,
            "created_by": self.created_by,
            "updated_by": self.updated_by,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "responsible_user_id": self.responsible_user_id,
            "group_id": 0,
            "entity_id": self.about.map(|about| about.id),
            "entity_type": self.about.map(|about| about.kind.plural()),
            "duration": self.duration,
            "is_completed": self.is_completed,
            "task_type_id": self.task_type_id,
            "text": self.text,
            "result": result.map_or(json!({}), |text| json!({"text": text})),
            "complete_till": self.complete_till,
            "account_id": account.id,
            "_links": {"self": {"href": format!("{}/api/v4/tasks/{}", call.base, self.id)}},
        })
    }
}

impl Account {
    pub(crate) fn add_task(&mut self, draft: TaskDraft, by: i64) -> i64 {
        let now = self.now();
        let mut task = Task {
            id: self.ids.next("task"),
            text: String::new(),
            about: None,
            task_type_id: 1,
            responsible_user_id: by,
            complete_till: now,
            duration: 0,
            is_completed: false,
            result: None,
            created_by: by,
            created_at: now,
            updated_by: by,
            updated_at: now,
        };
        task.write(draft);
        let id = task.id;
        let hook = self.task_hook(&task);
        self.record_task("task_added", &task, by);
        self.tasks.insert(id, task);
        self.tell("add_task", "task", "add", hook);
        id
    }

    pub(crate) fn change_task(&mut self, id: i64, draft: TaskDraft, by: i64) {
        let now = self.now();
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        let before = task.clone();
        task.write(draft);
        task.updated_at = now;
        task.updated_by = by;
        let after = task.clone();
        if after.is_completed && !before.is_completed {
            self.record_task("task_completed", &after, by);
        }
        let mut hook = self.task_hook(&after);
        hook["old_text"] = json!((before.text != after.text).then_some(before.text));
        hook["action_close"] = json!(after.is_completed.then_some(1));
        // A change of who is responsible comes as an update with the old one.
        let is_handed_over = before.responsible_user_id != after.responsible_user_id;
        let old = is_handed_over.then_some(before.responsible_user_id);
        hook["old_responsible_user_id"] = json!(old);
        self.tell("update_task", "task", "update", hook.clone());
        if is_handed_over && !self.webhooks.wants("update_task") {
            self.tell("responsible_task", "task", "update", hook);
        }
    }

    fn record_task(&mut self, event: &str, task: &Task, by: i64) {
        let about = task.about.map(|about| (about.kind, about.id));
        let note = json!([{"task": {"id": task.id, "text": task.text}}]);
        self.record(event, about, by, json!([]), note);
    }

    fn task_hook(&self, task: &Task) -> Value {
        let about = task.about;
        json!({
            "id": task.id,
            "element_id": about.map_or(0, |about| about.id),
            "element_type": about.map_or(0, |about| about.kind.element_type()),
            "task_type": task.task_type_id,
            "text": task.text,
            "status": i64::from(task.is_completed),
            "account_id": self.id,
            "responsible_user_id": task.responsible_user_id,
            "created_user_id": task.created_by,
            "modified_user_id": task.updated_by,
            "date_create": self.local_time(task.created_at),
            "last_modified": self.local_time(task.updated_at),
            "complete_till": self.local_time(task.complete_till),
            "complete_before": task.complete_till,
            "created_at": task.created_at,
            "updated_at": task.updated_at,
            "result": task.result.as_ref().map(|text| json!({"id": task.id + 600, "text": text})),
        })
    }

    /// When the next open task of a card is due.
    pub(crate) fn closest_task(&self, about: Ref) -> Option<i64> {
        let open = self.tasks.values().filter(|task| !task.is_completed);
        let due = open
            .filter(|task| task.about == Some(about))
            .map(|task| task.complete_till);
        due.min()
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    const ALL: &str = "/api/v4/tasks";
    const ONE: &str = "/api/v4/tasks/{id}";
    routes
        .api(MethodFilter::GET, ALL, list)
        .api(MethodFilter::POST, ALL, create)
        .api(MethodFilter::PATCH, ALL, patch_many)
        .api(MethodFilter::GET, ONE, get)
        .api(MethodFilter::PATCH, ONE, patch_one)
}

fn list(account: &mut Account, call: &Call) -> Answered {
    let query = &call.query;
    let among = |name: &str, id: i64| {
        let wanted = query.numbers(&["filter", name]);
        wanted.is_empty() || wanted.contains(&id)
    };
    let kind = query.text(&["filter", "entity_type"]);
    let is_completed = query.number(&["filter", "is_completed"]);
    let tasks: Vec<&Task> = account
        .tasks
        .values()
        .filter(|task| among("id", task.id) && among("created_by", task.created_by))
        .filter(|task| among("responsible_user_id", task.responsible_user_id))
        .filter(|task| among("task_type", task.task_type_id))
        .filter(|task| among("task_type_id", task.task_type_id))
        .filter(|task| among("entity_id", task.about.map_or(0, |about| about.id)))
        .filter(|task| kind.is_none() || task.about.map(|about| about.kind.plural()) == kind)
        .filter(|task| is_completed.is_none_or(|wanted| (wanted == 1) == task.is_completed))
        .filter(|task| is_within(query, &["filter", "updated_at"], Some(task.updated_at)))
        .collect();
    Answer::page(call, "tasks", &tasks, |task| task.render(account, call))
}

fn get(account: &mut Account, call: &Call) -> Answered {
    let task = account.tasks.get(&call.id("id")?);
    found(task.map(|task| task.render(account, call)))
}

fn create(account: &mut Account, call: &Call) -> Answered {
    let drafts = read_all(call, |item| {
        item.required_text("text");
        item.required_integer("complete_till");
        TaskDraft::read(account, item)
    })?;
    let mut written = Vec::new();
    for (request_id, draft) in drafts {
        let id = account.add_task(draft, call.actor.user_id);
        written.push((id, request_id));
    }
    Ok(Answer::written(call, "tasks", &written))
}

fn patch_many(account: &mut Account, call: &Call) -> Answered {
    let drafts = read_all(call, |item| {
        let id = item.required_integer("id");
        if !account.tasks.contains_key(&id) {
            item.refuse("NotFound", "id", "Element not found");
        }
        (id, TaskDraft::read(account, item))
    })?;
    let mut written = Vec::new();
    for (request_id, (id, draft)) in drafts {
        account.change_task(id, draft, call.actor.user_id);
        written.push((id, request_id));
    }
    Ok(Answer::written(call, "tasks", &written))
}

fn patch_one(account: &mut Account, call: &Call) -> Answered {
    let id = call.id("id")?;
    if !account.tasks.contains_key(&id) {
        return Err(Refusal::not_found());
    }
    let draft = read_one(call, |item| TaskDraft::read(account, item))?;
    account.change_task(id, draft, call.actor.user_id);
    Ok(Answer::ok(json!({"id": id, "updated_at": account.now()})))
}
