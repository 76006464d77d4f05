//! Changes to pipelines and stages: for administrators.

use serde_json::{Value, json};

use super::{LOST, Pipeline, Status, WON, storable};
use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::item::{read_all, read_one};

const MOST_PIPELINES: usize = 50;
const MOST_STATUSES: usize = 100;

struct StatusDraft {
    id: Option<i64>,
    name: Option<String>,
    sort: Option<i64>,
    color: Option<String>,
}

impl StatusDraft {
    fn read(item: &mut crate::item::Item<'_>) -> Self {
        Self {
            id: item.integer("id"),
            name: item.text("name").map(storable),
            sort: item.integer("sort"),
            color: item.text("color").map(str::to_owned),
        }
    }

    fn apply(self, status: &mut Status) {
        if let Some(name) = self.name {
            status.name = name;
        }
        if let Some(color) = self.color {
            status.color = color;
        }
        status.sort = self.sort.unwrap_or(status.sort);
    }
}

pub(super) fn create(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let drafts = read_all(call, |item| {
        item.required_text("name");
        let is_unsorted_on = item.boolean("is_unsorted_on").unwrap_or(true);
        let stages = item
            .object("_embedded")
            .map_or(&[][..], |mut embedded| embedded.list("statuses"));
        (item.text("name").map(str::to_owned), is_unsorted_on, stages)
    })?;
    if account.pipelines.len() + drafts.len() > MOST_PIPELINES {
        return Err(Refusal::bad_request("Limit of pipelines is exceeded"));
    }
    let mut created = Vec::new();
    for (request_id, (name, is_unsorted_on, stages)) in drafts {
        let stages = stages.iter().filter_map(stage_of).collect::<Vec<_>>();
        let mut pipeline = Pipeline::new(account, &name.unwrap_or_default(), &stages);
        pipeline.is_unsorted_on = is_unsorted_on;
        let mut body = pipeline.render(account, &call.base);
        body["request_id"] = json!(request_id);
        created.push(body);
        account.pipelines.push(pipeline);
    }
    Ok(Answer::whole(call, "pipelines", &created))
}

fn stage_of(stage: &Value) -> Option<(&str, &str)> {
    if matches!(stage["id"].as_i64(), Some(WON | LOST)) {
        return None;
    }
    let color = stage["color"].as_str().unwrap_or("#fffeb2");
    Some((stage["name"].as_str()?, color))
}

pub(super) fn patch(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let id = call.id("id")?;
    let (name, sort, is_unsorted_on) = read_one(call, |item| {
        let name = item.text("name").map(storable);
        (name, item.integer("sort"), item.boolean("is_unsorted_on"))
    })?;
    let pipeline = pipeline_mut(account, id)?;
    if let Some(name) = name {
        pipeline.name = name;
    }
    pipeline.sort = sort.unwrap_or(pipeline.sort);
    pipeline.is_unsorted_on = is_unsorted_on.unwrap_or(pipeline.is_unsorted_on);
    let body = pipeline.clone().render(account, &call.base);
    Ok(Answer::ok(body))
}

pub(super) fn delete(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let id = call.id("id")?;
    let is_main = pipeline_mut(account, id)?.is_main;
    if is_main || account.holds_leads(id, None) {
        return Err(Refusal::bad_request("Pipeline can not be deleted"));
    }
    account.pipelines.retain(|pipeline| pipeline.id != id);
    Ok(Answer::Nothing)
}

pub(super) fn create_statuses(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let pipeline_id = call.id("id")?;
    let drafts = read_all(call, |item| {
        item.required_text("name");
        StatusDraft::read(item)
    })?;
    if pipeline_mut(account, pipeline_id)?.statuses.len() + drafts.len() > MOST_STATUSES {
        return Err(Refusal::bad_request("Limit of statuses is exceeded"));
    }
    let mut created = Vec::new();
    for (request_id, draft) in drafts {
        let status = add_status(account, pipeline_id, draft)?;
        let mut body = status.render(account, pipeline_id, &call.base);
        body["request_id"] = json!(request_id);
        created.push(body);
    }
    Ok(Answer::whole(call, "statuses", &created))
}

/// A new stage; 142 and 143 are there already, and are renamed.
fn add_status(
    account: &mut Account,
    pipeline_id: i64,
    draft: StatusDraft,
) -> Result<Status, Refusal> {
    let id = match draft.id {
        Some(id @ (WON | LOST)) => id,
        _ => account.ids.next("status"),
    };
    let pipeline = pipeline_mut(account, pipeline_id)?;
    let position = pipeline.statuses.iter().position(|status| status.id == id);
    let position = position.unwrap_or_else(|| {
        let before_closed = pipeline.statuses.len().saturating_sub(2);
        let status = Status {
            id,
            name: String::new(),
            sort: 500,
            color: "#fffeb2".to_owned(),
            is_unsorted: false,
        };
        pipeline.statuses.insert(before_closed, status);
        before_closed
    });
    let status = &mut pipeline.statuses[position];
    draft.apply(status);
    Ok(status.clone())
}

pub(super) fn patch_status(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let pipeline_id = call.id("id")?;
    let status_id = call.id("status")?;
    let draft = read_one(call, StatusDraft::read)?;
    let status = pipeline_mut(account, pipeline_id)?
        .statuses
        .iter_mut()
        .find(|status| status.id == status_id)
        .ok_or_else(Refusal::not_found)?;
    draft.apply(status);
    let body = status.clone().render(account, pipeline_id, &call.base);
    Ok(Answer::ok(body))
}

pub(super) fn delete_status(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let pipeline_id = call.id("id")?;
    let status_id = call.id("status")?;
    let status = account
        .stage(pipeline_id, status_id)
        .ok_or_else(Refusal::not_found)?;
    if !status.is_editable() || account.holds_leads(pipeline_id, Some(status_id)) {
        return Err(Refusal::bad_request("Status can not be deleted"));
    }
    let pipeline = pipeline_mut(account, pipeline_id)?;
    pipeline.statuses.retain(|status| status.id != status_id);
    Ok(Answer::Nothing)
}

fn pipeline_mut(account: &mut Account, id: i64) -> Result<&mut Pipeline, Refusal> {
    let mut pipelines = account.pipelines.iter_mut();
    pipelines
        .find(|pipeline| pipeline.id == id)
        .ok_or_else(Refusal::not_found)
}
