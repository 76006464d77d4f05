//! Tags of leads, contacts and companies.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::account::Account;
use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::cards::Kind;
use crate::item::{Item, read_all};
use crate::routes::Routes;

#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) id: i64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

impl Tag {
    pub(crate) fn render(&self) -> Value {
        json!({"id": self.id, "name": self.name, "color": null})
    }
}

/// How a write names a tag; a new name makes a new tag.
#[derive(Debug, Clone)]
pub(crate) enum TagName {
    Id(i64),
    Name(String),
}

/// Reads `[{"id": 1}, {"name": "ai"}]`.
pub(crate) fn read(item: &mut Item<'_>, key: &str) -> Vec<TagName> {
    let mut names = Vec::new();
    for (index, tag) in item.list(key).iter().enumerate() {
        match (tag["id"].as_i64(), tag["name"].as_str()) {
            (Some(id), _) => names.push(TagName::Id(id)),
            (None, Some(name)) if !name.trim().is_empty() => {
                names.push(TagName::Name(name.to_owned()));
            }
            _ => item.refuse_missing(&format!("{key}.{index}.name")),
        }
    }
    names
}

impl Account {
    /// The ids of these tags; unknown names are added, unknown ids are left out.
    pub(crate) fn tag_ids(&mut self, kind: Kind, names: &[TagName]) -> Vec<i64> {
        names
            .iter()
            .filter_map(|name| match name {
                TagName::Id(id) => self.tag(*id).map(|tag| tag.id),
                TagName::Name(name) => Some(self.tag_named(kind, name)),
            })
            .collect()
    }

    pub(crate) fn tag(&self, id: i64) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.id == id)
    }

    fn tag_named(&mut self, kind: Kind, name: &str) -> i64 {
        let known = self
            .tags
            .iter()
            .find(|tag| tag.kind == kind && tag.name == name);
        if let Some(tag) = known {
            return tag.id;
        }
        let id = self.ids.next("tag");
        self.tags.push(Tag {
            id,
            kind,
            name: name.to_owned(),
        });
        id
    }
}

pub(crate) fn routes(mut routes: Routes) -> Routes {
    for kind in Kind::ALL {
        let path = format!("/api/v4/{}/tags", kind.plural());
        routes = routes
            .api(MethodFilter::GET, &path, move |account, call| {
                list(account, call, kind)
            })
            .api(MethodFilter::POST, &path, move |account, call| {
                create(account, call, kind)
            });
    }
    routes
}

fn list(account: &Account, call: &Call, kind: Kind) -> Answered {
    let query = call.query.text(&["query"]).unwrap_or_default();
    let ids = call.query.numbers(&["filter", "id"]);
    let tags: Vec<&Tag> = account
        .tags
        .iter()
        .filter(|tag| tag.kind == kind && tag.name.contains(query))
        .filter(|tag| ids.is_empty() || ids.contains(&tag.id))
        .collect();
    Answer::page(call, "tags", &tags, |tag| tag.render())
}

fn create(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let names = read_all(call, |item| item.required_text("name").to_owned())?;
    let mut created = Vec::new();
    for (request_id, name) in names {
        let id = account.tag_named(kind, &name);
        created.push(json!({"id": id, "name": name, "color": null, "request_id": request_id}));
    }
    Ok(Answer::whole(call, "tags", &created))
}
