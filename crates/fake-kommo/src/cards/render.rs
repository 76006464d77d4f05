//! Cards as the API shows them.

use serde_json::{Map, Value, json};

use super::{Card, Deal, Kind};
use crate::account::Account;
use crate::call::Call;
use crate::custom_fields;

pub(super) fn card(account: &Account, card: &Card, call: &Call) -> Value {
    let mut body = json!({
        "id": card.id,
        "name": card.name,
        "responsible_user_id": card.responsible_user_id,
        "group_id": 0,
        "created_by": card.created_by,
        "updated_by": card.updated_by,
        "created_at": card.created_at,
        "updated_at": card.updated_at,
        "closest_task_at": account.closest_task(card.reference()),
        "is_deleted": card.is_deleted,
        "custom_fields_values": custom_fields::render(account, card),
        "account_id": account.id,
        "_links": {"self": {"href": format!("{}/api/v4/{}/{}", call.base, card.kind.plural(), card.id)}},
        "_embedded": embedded(account, card, call),
    });
    match &card.deal {
        Some(deal) => add_deal(&mut body, deal, call),
        None if card.kind == Kind::Contact => {
            body["first_name"] = json!(card.first_name);
            body["last_name"] = json!(card.last_name);
            body["is_unsorted"] = json!(false);
        }
        None => {}
    }
    body
}

fn add_deal(body: &mut Value, deal: &Deal, call: &Call) {
    body["price"] = json!(deal.price);
    body["pipeline_id"] = json!(deal.pipeline_id);
    body["status_id"] = json!(deal.status_id);
    body["loss_reason_id"] = json!(deal.loss_reason_id);
    body["closed_at"] = json!(deal.closed_at);
    body["score"] = Value::Null;
    body["labor_cost"] = Value::Null;
    if call.query.is_with("source_id") {
        body["source_id"] = json!(deal.source_id);
    }
    if call.query.is_with("is_price_modified_by_robot") {
        body["is_price_modified_by_robot"] = json!(false);
    }
}

fn embedded(account: &Account, card: &Card, call: &Call) -> Value {
    let mut embedded = Map::new();
    let tags = card.tags.iter().filter_map(|id| account.tag(*id));
    embedded.insert("tags".to_owned(), tags.map(|tag| tag.render()).collect());
    let mut insert = |kind: Kind| {
        let linked = linked(account, card, kind, &call.base);
        embedded.insert(kind.plural().to_owned(), linked);
    };
    if card.kind != Kind::Company {
        insert(Kind::Company);
    }
    for kind in [Kind::Lead, Kind::Contact] {
        if kind != card.kind && call.query.is_with(kind.plural()) {
            insert(kind);
        }
    }
    if let Some(deal) = &card.deal
        && call.query.is_with("loss_reason")
    {
        let reasons = account.loss_reasons.iter();
        let reason = reasons.filter(|reason| Some(reason.id) == deal.loss_reason_id);
        let reason = reason.map(|reason| reason.render(account));
        embedded.insert("loss_reason".to_owned(), reason.collect());
    }
    Value::Object(embedded)
}

fn linked(account: &Account, card: &Card, kind: Kind, base: &str) -> Value {
    let main = account.main_contact(card.reference());
    let ids = account.linked(card.reference(), kind).into_iter();
    ids.map(|id| {
        let href = format!("{base}/api/v4/{}/{id}", kind.plural());
        let mut one = json!({"id": id, "_links": {"self": {"href": href}}});
        if kind == Kind::Contact {
            one["is_main"] = json!(main == Some(id));
        }
        one
    })
    .collect()
}
