//! The back end continues a bot that waits for it.

use serde_json::{Value, json};

use super::RunState;
use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal, violation};
use crate::call::Call;
use crate::item::{Item, read_one};

const MOST_HANDLERS: usize = 10;
const MOST_BUTTONS: usize = 25;
/// Of a text to show, in characters.
const LONGEST_TEXT: usize = 80;

pub(super) fn resume(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let bot_id = call.id("bot")?;
    let continue_id = call.id("continue")?;
    let (data, handlers) = read_one(call, |item| {
        let data = item.value("data").and_then(Value::as_object).cloned();
        if data.is_none() {
            item.refuse_missing("data");
        }
        (data.unwrap_or_default(), handlers(item))
    })?;
    let now = account.now();
    let patience = i64::from(account.bots.manners.patience_seconds);
    let mut runs = account.bots.runs.iter();
    let position = runs.position(|run| {
        let is_it = |id: i64, since: i64| {
            id == continue_id && (patience == 0 || now <= since + patience)
        };
        run.bot_id == bot_id
            && matches!(run.state, RunState::WaitsForBackEnd { continue_id, since } if is_it(continue_id, since))
    });
    let mut run = account
        .bots
        .runs
        .remove(position.ok_or_else(Refusal::not_found)?);
    let bot = account
        .bots
        .bot(bot_id)
        .cloned()
        .ok_or_else(Refusal::not_found)?;
    run.json = data;
    run.state = RunState::Going;
    for handler in &handlers {
        account.handle(&bot, &mut run, handler);
    }
    if run.state == RunState::Going {
        account.go_on(run);
    }
    Ok(Answer::accepted(json!({})))
}

/// What the bot is to do first: to show something or to go somewhere, nothing else.
fn handlers(item: &mut Item<'_>) -> Vec<Value> {
    const KEY: &str = "execute_handlers";
    let handlers = item.list(KEY);
    if item.has(KEY) && handlers.is_empty() {
        item.refuse(
            "TooFew",
            KEY,
            "This collection should contain 1 element or more.",
        );
    }
    if handlers.len() > MOST_HANDLERS {
        let detail = format!("This collection should contain {MOST_HANDLERS} elements or less.");
        item.refuse("TooMany", KEY, &detail);
    }
    for (index, handler) in handlers.iter().enumerate() {
        for (path, code, detail) in faults(handler) {
            item.refuse(code, &format!("{KEY}.{index}.{path}"), &detail);
        }
    }
    handlers.to_vec()
}

fn faults(handler: &Value) -> Vec<(&'static str, &'static str, String)> {
    let params = &handler["params"];
    match handler["handler"].as_str() {
        Some("show") => {
            let mut faults = Vec::new();
            let text = params["value"].as_str().unwrap_or_default();
            if text.is_empty() {
                faults.push((
                    "params.value",
                    "FieldMissing",
                    "This field is missing.".to_owned(),
                ));
            }
            if text.chars().count() > LONGEST_TEXT {
                let detail = format!(
                    "This value is too long. It should have {LONGEST_TEXT} characters or less."
                );
                faults.push(("params.value", "TooLong", detail));
            }
            if params["buttons"]
                .as_array()
                .is_some_and(|all| all.len() > MOST_BUTTONS)
            {
                faults.push(("params.buttons", "TooMany", "Too many buttons.".to_owned()));
            }
            faults
        }
        Some("goto") => Vec::new(),
        _ => vec![(
            "handler",
            "NotSupportedChoice",
            "Unsupported handler code".to_owned(),
        )],
    }
}

/// What the API says of a bot that cannot be started.
pub(super) fn not_started(index: usize) -> Value {
    violation(
        "NotSupportedChoice",
        &format!("{index}.bot_id"),
        "Bot can not be started",
    )
}
