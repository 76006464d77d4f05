//! Which cards belong together.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::{Kind, Ref};
use crate::item::{Item, read_all};
use crate::routes::Routes;

/// Two cards, the one of the smaller kind (lead, contact, company) first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) one: Ref,
    pub(crate) other: Ref,
    /// The main contact of a lead.
    pub(crate) is_main: bool,
}

impl Link {
    fn joins(&self, one: Ref, other: Ref) -> bool {
        (self.one, self.other) == (one.min(other), one.max(other))
    }

    /// The other end, seen from this card.
    fn from(&self, card: Ref) -> Option<Ref> {
        match card {
            card if card == self.one => Some(self.other),
            card if card == self.other => Some(self.one),
            _ => None,
        }
    }
}

impl Account {
    /// Links two cards. The first contact of a lead becomes its main one.
    pub(crate) fn link(&mut self, one: Ref, other: Ref, is_main: bool, by: i64) {
        self.links.retain(|link| !link.joins(one, other));
        let (one, other) = (one.min(other), one.max(other));
        let is_contact = one.kind == Kind::Lead && other.kind == Kind::Contact;
        let is_main = is_contact && (is_main || self.main_contact(one).is_none());
        if is_main {
            for link in self.links.iter_mut().filter(|link| link.one == one) {
                link.is_main = false;
            }
        }
        self.links.push(Link {
            one,
            other,
            is_main,
        });
        self.record_link("entity_linked", one, other, by);
    }

    fn unlink(&mut self, one: Ref, other: Ref, by: i64) {
        self.links.retain(|link| !link.joins(one, other));
        self.record_link("entity_unlinked", one, other, by);
    }

    fn record_link(&mut self, event: &str, one: Ref, other: Ref, by: i64) {
        let linked = json!([{"link": {"entity": {"type": other.kind.singular(), "id": other.id}}}]);
        self.record(event, Some((one.kind, one.id)), by, json!([]), linked);
    }

    /// The ids of the cards of this kind that are linked to a card.
    pub(crate) fn linked(&self, card: Ref, kind: Kind) -> Vec<i64> {
        let links = self.links.iter().filter_map(|link| link.from(card));
        links
            .filter(|end| end.kind == kind)
            .map(|end| end.id)
            .collect()
    }

    pub(crate) fn main_contact(&self, lead: Ref) -> Option<i64> {
        let mut links = self.links.iter();
        let link = links.find(|link| link.one == lead && link.is_main)?;
        Some(link.other.id)
    }
}

struct Wish {
    /// In the bulk form the item names it.
    from: Option<i64>,
    to: Option<Ref>,
    is_main: bool,
}

pub(crate) fn routes(mut routes: Routes) -> Routes {
    for kind in Kind::ALL {
        let all = format!("/api/v4/{}", kind.plural());
        let one = format!("{all}/{{id}}");
        routes = routes
            .api(
                MethodFilter::GET,
                &format!("{one}/links"),
                move |account, call| list(account, call, kind),
            )
            .api(
                MethodFilter::POST,
                &format!("{one}/link"),
                move |account, call| {
                    let id = call.id("id")?;
                    link(account, call, kind, Some(id))
                },
            )
            .api(
                MethodFilter::POST,
                &format!("{one}/unlink"),
                move |account, call| {
                    let id = call.id("id")?;
                    unlink(account, call, kind, Some(id))
                },
            )
            .api(
                MethodFilter::POST,
                &format!("{all}/link"),
                move |account, call| link(account, call, kind, None),
            )
            .api(
                MethodFilter::POST,
                &format!("{all}/unlink"),
                move |account, call| unlink(account, call, kind, None),
            );
    }
    routes
}

fn list(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let id = call.id("id")?;
    account.card(kind, id).ok_or_else(Refusal::not_found)?;
    let card = Ref { kind, id };
    let ends = account
        .links
        .iter()
        .filter_map(|link| Some((link, link.from(card)?)));
    let links: Vec<Value> = ends.map(|(link, end)| render(end, link.is_main)).collect();
    Ok(Answer::whole(call, "links", &links))
}

fn render(end: Ref, is_main: bool) -> Value {
    let metadata = (end.kind == Kind::Contact).then(|| json!({"main_contact": is_main}));
    json!({
        "to_entity_id": end.id,
        "to_entity_type": end.kind.plural(),
        "metadata": metadata,
    })
}

fn read(account: &Account, item: &mut Item<'_>) -> Wish {
    let id = item.required_integer("to_entity_id");
    let to = Kind::of_plural(item.required_text("to_entity_type")).map(|kind| Ref { kind, id });
    if to.is_none() && item.has("to_entity_type") {
        item.refuse_choice("to_entity_type");
    }
    if to.is_some_and(|to| !account.cards.contains_key(&to)) {
        item.refuse_choice("to_entity_id");
    }
    let metadata = item.object("metadata");
    Wish {
        from: item.integer("entity_id"),
        to,
        is_main: metadata.is_some_and(|mut metadata| metadata.boolean("is_main") == Some(true)),
    }
}

/// The pairs a request names, or a refusal for all.
fn pairs(
    account: &Account,
    call: &Call,
    kind: Kind,
    id: Option<i64>,
) -> Result<Vec<(Ref, Ref, bool)>, Refusal> {
    let wishes = read_all(call, |item| read(account, item))?;
    let pairs = wishes.into_iter().map(|(_, wish)| {
        let id = id.or(wish.from)?;
        account.card(kind, id)?;
        Some((Ref { kind, id }, wish.to?, wish.is_main))
    });
    pairs
        .collect::<Option<Vec<_>>>()
        .ok_or_else(Refusal::not_found)
}

fn link(account: &mut Account, call: &Call, kind: Kind, id: Option<i64>) -> Answered {
    let pairs = pairs(account, call, kind, id)?;
    let is_linked =
        |one: &Ref, other: &Ref| account.links.iter().any(|link| link.joins(*one, *other));
    if pairs
        .iter()
        .any(|(one, other, is_main)| is_linked(one, other) && !is_main)
    {
        // What is linked already is not taken kindly.
        return Err(Refusal::internal("link-twice"));
    }
    let mut rendered = Vec::new();
    for (one, other, is_main) in pairs {
        account.link(one, other, is_main, call.actor.user_id);
        let mut link = render(other, is_main);
        link["entity_id"] = json!(one.id);
        link["entity_type"] = json!(one.kind.plural());
        rendered.push(link);
    }
    Ok(Answer::whole(call, "links", &rendered))
}

fn unlink(account: &mut Account, call: &Call, kind: Kind, id: Option<i64>) -> Answered {
    for (one, other, _) in pairs(account, call, kind, id)? {
        account.unlink(one, other, call.actor.user_id);
    }
    Ok(Answer::Nothing)
}
