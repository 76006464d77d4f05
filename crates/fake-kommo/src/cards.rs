//! Leads, contacts and companies: one shape, of which a lead has more.

mod change;
mod complex;
mod draft;
mod render;
pub(crate) mod select;

use axum::routing::MethodFilter;

pub(crate) use self::draft::Draft;
use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::custom_fields::Values;
use crate::item::{read_all, read_one};
use crate::routes::Routes;

/// What a card is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Lead,
    Contact,
    Company,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Lead, Self::Contact, Self::Company];

    pub(crate) fn singular(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Contact => "contact",
            Self::Company => "company",
        }
    }

    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Lead => "leads",
            Self::Contact => "contacts",
            Self::Company => "companies",
        }
    }

    /// The number of webhooks.
    pub(crate) fn element_type(self) -> i64 {
        match self {
            Self::Contact => 1,
            Self::Lead => 2,
            Self::Company => 3,
        }
    }

    pub(crate) fn of_plural(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == word)
    }

    /// By `lead`, `leads` or `2`.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            word == kind.singular()
                || word == kind.plural()
                || word == kind.element_type().to_string()
        })
    }
}

/// One card of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ref {
    pub(crate) kind: Kind,
    pub(crate) id: i64,
}

impl Ref {
    pub(crate) fn lead(id: i64) -> Self {
        let kind = Kind::Lead;
        Self { kind, id }
    }

    pub(crate) fn contact(id: i64) -> Self {
        let kind = Kind::Contact;
        Self { kind, id }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) kind: Kind,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) responsible_user_id: i64,
    /// 0 is a robot.
    pub(crate) created_by: i64,
    pub(crate) updated_by: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) is_deleted: bool,
    pub(crate) values: Values,
    pub(crate) tags: Vec<i64>,
    /// What only leads have.
    pub(crate) deal: Option<Deal>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deal {
    pub(crate) price: i64,
    pub(crate) pipeline_id: i64,
    pub(crate) status_id: i64,
    pub(crate) loss_reason_id: Option<i64>,
    pub(crate) source_id: Option<i64>,
    pub(crate) closed_at: Option<i64>,
}

impl Card {
    pub(crate) fn reference(&self) -> Ref {
        Ref {
            kind: self.kind,
            id: self.id,
        }
    }
}

pub(crate) fn routes(mut routes: Routes) -> Routes {
    for kind in Kind::ALL {
        let list_path = format!("/api/v4/{}", kind.plural());
        let one_path = format!("{list_path}/{{id}}");
        routes = routes
            .api(MethodFilter::GET, &list_path, move |account, call| {
                select::list(account, call, kind)
            })
            .api(MethodFilter::POST, &list_path, move |account, call| {
                create(account, call, kind)
            })
            .api(MethodFilter::PATCH, &list_path, move |account, call| {
                patch_many(account, call, kind)
            })
            .api(MethodFilter::GET, &one_path, move |account, call| {
                get(account, call, kind)
            })
            .api(MethodFilter::PATCH, &one_path, move |account, call| {
                patch_one(account, call, kind)
            });
    }
    routes
        .api(MethodFilter::POST, "/api/v4/leads/complex", complex::create)
        .api(
            MethodFilter::GET,
            "/api/v4/leads/{id}/subscriptions",
            subscriptions,
        )
}

fn get(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let card = account
        .card(kind, call.id("id")?)
        .ok_or_else(Refusal::not_found)?;
    if kind == Kind::Contact && call.quirks.one_contact_is_no_content {
        return Ok(Answer::Nothing);
    }
    Ok(Answer::ok(render::card(account, card, call)))
}

fn create(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let drafts = read_all(call, |item| Draft::read(account, kind, None, item))?;
    let mut written = Vec::new();
    for (request_id, draft) in drafts {
        let id = account.add_card(kind, draft, call.actor.user_id);
        written.push((id, request_id));
    }
    Ok(Answer::written(call, kind.plural(), &written))
}

fn patch_many(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let drafts = read_all(call, |item| {
        let id = item.required_integer("id");
        if account.card(kind, id).is_none() {
            item.refuse("NotFound", "id", "Element not found");
        }
        (id, Draft::read(account, kind, Some(id), item))
    })?;
    let mut written = Vec::new();
    for (request_id, (id, draft)) in drafts {
        account.change_card(Ref { kind, id }, draft, call.actor.user_id);
        written.push((id, request_id));
    }
    Ok(Answer::written(call, kind.plural(), &written))
}

fn patch_one(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let id = call.id("id")?;
    account.card(kind, id).ok_or_else(Refusal::not_found)?;
    let draft = read_one(call, |item| Draft::read(account, kind, Some(id), item))?;
    account.change_card(Ref { kind, id }, draft, call.actor.user_id);
    let updated_at = account.card(kind, id).map(|card| card.updated_at);
    Ok(Answer::ok(serde_json::json!({
        "id": id,
        "updated_at": updated_at,
        "_links": {"self": {"href": call.url_without_query()}},
    })))
}

fn subscriptions(account: &mut Account, call: &Call) -> Answered {
    let lead = account
        .card(Kind::Lead, call.id("id")?)
        .ok_or_else(Refusal::not_found)?;
    let subscriber = serde_json::json!({"subscriber_id": lead.responsible_user_id, "type": "user"});
    Ok(Answer::whole(call, "subscriptions", &[subscriber]))
}
