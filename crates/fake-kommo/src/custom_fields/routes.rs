//! Reading and changing the fields themselves.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::{Choice, Field, FieldType};
use crate::account::{Account, found};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::Kind;
use crate::item::{read_all, read_one};
use crate::routes::Routes;

/// On the plan Advanced.
const MOST_FIELDS: usize = 200;

pub(crate) fn routes(mut routes: Routes) -> Routes {
    for kind in Kind::ALL {
        let list_path = format!("/api/v4/{}/custom_fields", kind.plural());
        let one_path = format!("{list_path}/{{id}}");
        routes = routes
            .api(MethodFilter::GET, &list_path, move |account, call| {
                list(account, call, kind)
            })
            .api(MethodFilter::POST, &list_path, move |account, call| {
                create(account, call, kind)
            })
            .api(MethodFilter::GET, &one_path, move |account, call| {
                let field = account.field(kind, call.id("id")?);
                found(field.map(|field| field.render(account)))
            })
            .api(MethodFilter::PATCH, &one_path, move |account, call| {
                patch(account, call, kind)
            })
            .api(MethodFilter::DELETE, &one_path, move |account, call| {
                delete(account, call, kind)
            });
    }
    routes
}

fn list(account: &Account, call: &Call, kind: Kind) -> Answered {
    let types = call.query.list(&["filter", "type"]);
    let fields: Vec<&Field> = account
        .fields
        .iter()
        .filter(|field| field.kind == kind)
        .filter(|field| types.is_empty() || types.contains(&field.field_type.name()))
        .collect();
    Answer::page(call, "custom_fields", &fields, |field| {
        field.render(account)
    })
}

fn create(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    call.actor.require_admin()?;
    let drafts = read_all(call, |item| {
        let field_type = FieldType::named(item.required_text("type"));
        if field_type.is_none() && item.has("type") {
            item.refuse_choice("type");
        }
        let name = item.required_text("name").to_owned();
        let code = item.text("code").map(str::to_owned);
        (
            name,
            field_type.unwrap_or(FieldType::Text),
            code,
            item.list("enums"),
        )
    })?;
    let held = account
        .fields
        .iter()
        .filter(|field| field.kind == kind)
        .count();
    if held + drafts.len() > MOST_FIELDS {
        return Err(Refusal::payment_required(
            "Limit of custom fields is exceeded",
        ));
    }
    let mut created = Vec::new();
    for (request_id, (name, field_type, code, enums)) in drafts {
        let enums: Vec<&str> = enums
            .iter()
            .filter_map(|one| one["value"].as_str())
            .collect();
        let id = account.add_field(kind, &name, field_type, &enums);
        if let Some(field) = account.fields.iter_mut().find(|field| field.id == id) {
            field.code = code;
        }
        let field = account.field(kind, id).ok_or_else(Refusal::not_found)?;
        let mut body = field.render(account);
        body["request_id"] = json!(request_id);
        created.push(body);
    }
    Ok(Answer::whole(call, "custom_fields", &created))
}

fn patch(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    call.actor.require_admin()?;
    let id = call.id("id")?;
    let (name, enums) = read_one(call, |item| {
        let name = item.text("name").map(str::to_owned);
        (name, item.value("enums").and_then(Value::as_array))
    })?;
    account.field(kind, id).ok_or_else(Refusal::not_found)?;
    let enums = enums.map(|enums| choices(account, enums));
    if let Some(field) = account.fields.iter_mut().find(|field| field.id == id) {
        field.name = name.unwrap_or_else(|| field.name.clone());
        field.enums = enums.unwrap_or_else(|| field.enums.clone());
    }
    found(account.field(kind, id).map(|field| field.render(account)))
}

/// The choices a write leaves: with an id the old one renamed, without a new one.
fn choices(account: &mut Account, enums: &[Value]) -> Vec<Choice> {
    enums
        .iter()
        .filter_map(|one| {
            let value = one["value"].as_str()?.to_owned();
            let id = one["id"].as_i64();
            let id = id.unwrap_or_else(|| account.ids.next("enum"));
            Some(Choice { id, value })
        })
        .collect()
}

fn delete(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    call.actor.require_admin()?;
    let id = call.id("id")?;
    let field = account.field(kind, id).ok_or_else(Refusal::not_found)?;
    if field.code.is_some() {
        return Err(Refusal::forbidden("Field can not be deleted"));
    }
    account.fields.retain(|field| field.id != id);
    for card in account.cards.values_mut().filter(|card| card.kind == kind) {
        card.values.remove(&id);
    }
    Ok(Answer::Nothing)
}
