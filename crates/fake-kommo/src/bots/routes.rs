//! Listing, starting and stopping bots. They cannot be made by the API.

use axum::routing::MethodFilter;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Bot, resume};
use crate::account::{Account, found};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::{Kind, Ref};
use crate::item::{Item, read_all, read_one};
use crate::routes::Routes;

const MOST_STARTS: usize = 100;

pub(crate) fn routes(routes: Routes) -> Routes {
    const CONTINUE: &str = "/api/v4/salesbot/{bot}/continue/{continue}";
    routes
        .api(MethodFilter::GET, "/api/v4/bots", list)
        .api(MethodFilter::POST, "/api/v4/bots/run", run_many)
        .api(MethodFilter::GET, "/api/v4/bots/{id}", |account, call| {
            found(account.bots.bot(call.id("id")?).map(render))
        })
        .api(MethodFilter::POST, "/api/v4/bots/{id}/run", run_one)
        .api(MethodFilter::POST, "/api/v4/bots/{id}/stop", stop)
        .api(MethodFilter::POST, CONTINUE, resume::resume)
        .api(MethodFilter::POST, "/api/v2/salesbot/run", run_legacy)
}

fn render(bot: &Bot) -> Value {
    json!({"id": bot.id, "name": bot.name, "type": "salesbot", "is_active": true})
}

fn list(account: &mut Account, call: &Call) -> Answered {
    Answer::page(call, "bots", &account.bots.bots, render)
}

/// The card a bot is for: `leads`, or 2 in the older form.
fn card(account: &Account, item: &mut Item<'_>) -> Option<Ref> {
    let id = item.required_integer("entity_id");
    let word = match item.value("entity_type") {
        Some(Value::String(word)) => word.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => {
            item.refuse_missing("entity_type");
            return None;
        }
    };
    let about = Kind::of_word(&word).map(|kind| Ref { kind, id });
    match about {
        None => item.refuse_choice("entity_type"),
        Some(about) if !account.cards.contains_key(&about) => item.refuse_choice("entity_id"),
        Some(_) => {}
    }
    about
}

fn run_one(account: &mut Account, call: &Call) -> Answered {
    let bot_id = call.id("id")?;
    account.bots.bot(bot_id).ok_or_else(Refusal::not_found)?;
    let about = read_one(call, |item| card(account, item))?;
    let about = about.ok_or_else(Refusal::not_found)?;
    if !account.start_bot(bot_id, about, "") {
        return Err(not_started(0));
    }
    Ok(Answer::Text(StatusCode::ACCEPTED, "Accepted".to_owned()))
}

fn not_started(index: usize) -> Refusal {
    Refusal::validation(&[(index.to_string(), vec![resume::not_started(index)])])
}

/// Starts every bot of a list, or none.
fn start_all(account: &mut Account, call: &Call) -> Result<(), Refusal> {
    let starts = read_all(call, |item| {
        let bot_id = item.required_integer("bot_id");
        if account.bots.bot(bot_id).is_none() {
            item.refuse_choice("bot_id");
        }
        (bot_id, card(account, item))
    })?;
    if starts.len() > MOST_STARTS {
        return Err(Refusal::bad_request("Limit 100 bots per request"));
    }
    for (index, (_, (bot_id, about))) in starts.into_iter().enumerate() {
        let about = about.ok_or_else(Refusal::not_found)?;
        if !account.start_bot(bot_id, about, "") {
            return Err(not_started(index));
        }
    }
    Ok(())
}

fn run_many(account: &mut Account, call: &Call) -> Answered {
    start_all(account, call)?;
    Ok(Answer::Text(StatusCode::ACCEPTED, "Accepted".to_owned()))
}

fn run_legacy(account: &mut Account, call: &Call) -> Answered {
    start_all(account, call)?;
    Ok(Answer::ok(json!({"success": true})))
}

fn stop(account: &mut Account, call: &Call) -> Answered {
    let bot_id = call.id("id")?;
    account.bots.bot(bot_id).ok_or_else(Refusal::not_found)?;
    let about = read_one(call, |item| card(account, item))?;
    let runs = &mut account.bots.runs;
    runs.retain(|run| run.bot_id != bot_id || Some(run.about) != about);
    Ok(Answer::Text(StatusCode::ACCEPTED, "Accepted".to_owned()))
}
