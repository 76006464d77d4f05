//! Where leads come from: the inboxes of an integration. Each sees its own alone.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::account::{Account, found};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::item::{Item, read_all, read_one};
use crate::routes::Routes;

/// Most sources of one integration.
const MOST_SOURCES: usize = 100;

#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) id: i64,
    pub(crate) client_id: String,
    pub(crate) name: String,
    pub(crate) external_id: String,
    pub(crate) pipeline_id: Option<i64>,
    pub(crate) is_default: bool,
}

impl Source {
    pub(crate) fn render(&self, call: &Call) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "external_id": self.external_id,
            "pipeline_id": self.pipeline_id,
            "default": self.is_default,
            "origin_code": null,
            "services": [],
            "_links": {"self": {"href": format!("{}/api/v4/sources/{}", call.base, self.id)}},
        })
    }
}

struct Draft {
    name: Option<String>,
    external_id: Option<String>,
    pipeline_id: Option<i64>,
    is_default: Option<bool>,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    const ONE: &str = "/api/v4/sources/{id}";
    routes
        .api(MethodFilter::GET, "/api/v4/sources", list)
        .api(MethodFilter::POST, "/api/v4/sources", create)
        .api(MethodFilter::GET, ONE, get)
        .api(MethodFilter::PATCH, ONE, patch)
        .api(MethodFilter::DELETE, ONE, delete)
}

fn own<'a>(account: &'a Account, call: &'a Call) -> impl Iterator<Item = &'a Source> {
    account
        .sources
        .iter()
        .filter(|source| source.client_id == call.actor.client_id)
}

fn list(account: &mut Account, call: &Call) -> Answered {
    let wanted = call.query.list(&["filter", "external_id"]);
    let sources: Vec<Value> = own(account, call)
        .filter(|source| wanted.is_empty() || wanted.contains(&source.external_id.as_str()))
        .map(|source| source.render(call))
        .collect();
    Ok(Answer::whole(call, "sources", &sources))
}

fn get(account: &mut Account, call: &Call) -> Answered {
    let id = call.id("id")?;
    let source = own(account, call).find(|source| source.id == id);
    found(source.map(|source| source.render(call)))
}

fn read(account: &Account, item: &mut Item<'_>, is_new: bool) -> Draft {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let pipeline_id = item.integer("pipeline_id");
    if pipeline_id.is_some_and(|id| account.pipeline(id).is_none()) {
        item.refuse_choice("pipeline_id");
    }
    for key in ["name", "external_id"].iter().filter(|_| is_new) {
        item.required_text(key);
    }
    Draft {
        name: text(item.text("name")),
        external_id: text(item.text("external_id")),
        pipeline_id,
        is_default: item.boolean("default"),
    }
}

fn create(account: &mut Account, call: &Call) -> Answered {
    let drafts = read_all(call, |item| read(account, item, true))?;
    if own(account, call).count() + drafts.len() > MOST_SOURCES {
        return Err(Refusal::bad_request("Limit of sources is exceeded"));
    }
    let mut created = Vec::new();
    for (request_id, draft) in drafts {
        let source = Source {
            id: account.ids.next("source"),
            client_id: call.actor.client_id.clone(),
            name: draft.name.unwrap_or_default(),
            external_id: draft.external_id.unwrap_or_default(),
            pipeline_id: draft.pipeline_id,
            is_default: draft.is_default.unwrap_or(false),
        };
        let mut body = source.render(call);
        body["request_id"] = json!(request_id);
        created.push(body);
        account.sources.push(source);
    }
    Ok(Answer::whole(call, "sources", &created))
}

fn patch(account: &mut Account, call: &Call) -> Answered {
    let id = call.id("id")?;
    let draft = read_one(call, |item| read(account, item, false))?;
    let source = account
        .sources
        .iter_mut()
        .find(|source| source.id == id && source.client_id == call.actor.client_id)
        .ok_or_else(Refusal::not_found)?;
    if let Some(name) = draft.name {
        source.name = name;
    }
    if let Some(external_id) = draft.external_id {
        source.external_id = external_id;
    }
    source.pipeline_id = draft.pipeline_id.or(source.pipeline_id);
    source.is_default = draft.is_default.unwrap_or(source.is_default);
    Ok(Answer::ok(source.render(call)))
}

fn delete(account: &mut Account, call: &Call) -> Answered {
    let id = call.id("id")?;
    own(account, call)
        .find(|source| source.id == id)
        .ok_or_else(Refusal::not_found)?;
    account.sources.retain(|source| source.id != id);
    Ok(Answer::Nothing)
}
