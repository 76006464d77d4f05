//! The chat back end: an integration's own channel, signed with the channel's secret.

mod check;
mod receive;
mod tell;

use std::collections::BTreeMap;

use axum::routing::MethodFilter;
use http::StatusCode;
use serde_json::{Value, json};

use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::routes::Routes;

/// An own channel, as Kommo's people register it.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) secret: String,
    /// The origin of its chats.
    pub(crate) code: String,
    /// Where it hears what people write; `:scope_id` is filled in.
    pub(crate) hook_url: String,
    /// By whom its own bot writes.
    pub(crate) bot_id: String,
    pub(crate) is_connected: bool,
    /// Answers by `msgid`: a repeated message is answered alike and not stored again.
    pub(crate) answered: BTreeMap<String, Value>,
}

impl Channel {
    pub(crate) fn scope_id(&self, account: &Account) -> String {
        format!("{}_{}", self.id, account.amojo_id)
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    const SCOPE: &str = "/v2/origin/custom/{scope}";
    let below = |path: &str| format!("{SCOPE}/{path}");
    routes
        .open(MethodFilter::POST, &below("connect"), connect)
        .open(MethodFilter::DELETE, &below("disconnect"), disconnect)
        .open(MethodFilter::POST, SCOPE, receive::event)
        .open(MethodFilter::POST, &below("chats"), receive::create_chat)
        .open(
            MethodFilter::POST,
            &below("{msgid}/delivery_status"),
            delivery_status,
        )
        .open(MethodFilter::POST, &below("typing"), typing)
        .open(
            MethodFilter::GET,
            &below("chats/{conversation}/history"),
            history,
        )
}

fn connect(account: &mut Account, call: &Call) -> Answered {
    let index = check::channel(account, call)?;
    let body = check::json(call)?;
    if body["account_id"] != account.amojo_id.as_str() {
        return Err(Refusal::amojo(
            StatusCode::NOT_FOUND,
            "ACCOUNT_NOT_FOUND",
            "NOT_FOUND",
        ));
    }
    account.channels[index].is_connected = true;
    let channel = &account.channels[index];
    Ok(Answer::ok(json!({
        "account_id": account.amojo_id,
        "scope_id": channel.scope_id(account),
        "title": body["title"],
        "hook_api_version": body["hook_api_version"].as_str().unwrap_or("v2"),
    })))
}

fn disconnect(account: &mut Account, call: &Call) -> Answered {
    let index = check::channel(account, call)?;
    account.channels[index].is_connected = false;
    Ok(Answer::ok(json!({})))
}

/// 1 is delivered, 2 is read, -1 is an error.
fn delivery_status(account: &mut Account, call: &Call) -> Answered {
    check::connected_channel(account, call)?;
    let body = check::json(call)?;
    let status = match body["delivery_status"].as_i64() {
        Some(1) => "delivered",
        Some(2) => "read",
        Some(-1) => "error",
        _ => return Err(check::wrong_body()),
    };
    if account.set_delivery_status(call.param("msgid"), status) {
        Ok(Answer::ok(json!({})))
    } else {
        Err(Refusal::amojo(
            StatusCode::NOT_FOUND,
            "MESSAGE_NOT_FOUND",
            "NOT_FOUND",
        ))
    }
}

fn typing(account: &mut Account, call: &Call) -> Answered {
    check::connected_channel(account, call)?;
    Ok(Answer::Nothing)
}

fn history(account: &mut Account, call: &Call) -> Answered {
    check::connected_channel(account, call)?;
    let conversation = call.param("conversation");
    let mut chats = account.talks.chats.iter();
    let chat = chats.find(|chat| {
        chat.id == conversation || chat.conversation_id.as_deref() == Some(conversation)
    });
    let Some(chat) = chat else {
        return Err(Refusal::amojo(
            StatusCode::NOT_FOUND,
            "CHAT_NOT_FOUND",
            "NOT_FOUND",
        ));
    };
    let messages = account.talks.messages.iter().rev();
    let messages: Vec<Value> = messages
        .filter(|message| message.chat_id == chat.id)
        .map(|message| {
            json!({
                "timestamp": message.created_at,
                "message": {"id": message.id, "type": message.message_type, "text": message.text},
            })
        })
        .collect();
    Ok(Answer::ok(json!({"messages": messages})))
}
