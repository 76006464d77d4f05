//! Reading talks and their messages, and closing them.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::{Chat, Message, Talk, send};
use crate::account::{Account, found};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::{Kind, select::is_within};
use crate::item::read_all;
use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    const CHATS: &str = "/api/v4/contacts/chats";
    routes
        .api(MethodFilter::GET, "/api/v4/talks", list)
        .api(MethodFilter::GET, "/api/v4/talks/{id}", get)
        .api(MethodFilter::GET, "/api/v4/talks/{id}/messages", messages)
        .api(
            MethodFilter::POST,
            "/api/v4/talks/{id}/send_message",
            send::send_message,
        )
        .api(MethodFilter::POST, "/api/v4/talks/{id}/close", close)
        .api(MethodFilter::GET, CHATS, chats)
        .api(MethodFilter::POST, CHATS, connect_chats)
}

fn with_chats(account: &Account) -> impl DoubleEndedIterator<Item = (&Talk, &Chat)> {
    let talks = account.talks.talks.values();
    talks.filter_map(|talk| Some((talk, account.talks.chat(&talk.chat_id)?)))
}

fn list(account: &mut Account, call: &Call) -> Answered {
    let query = &call.query;
    let among = |name: &str, id: Option<i64>| {
        let wanted = query.numbers(&["filter", name]);
        wanted.is_empty() || id.is_some_and(|id| wanted.contains(&id))
    };
    let only_in_work = query.number(&["filter", "only_in_work"]) == Some(1);
    let kind = query.text(&["filter", "entity_type"]);
    let mut talks: Vec<(&Talk, &Chat)> = with_chats(account)
        .filter(|(talk, chat)| {
            among("talk_id", Some(talk.id)) && among("contact_id", Some(chat.contact_id))
        })
        .filter(|(talk, _)| among("entity_id", talk.lead_id))
        .filter(|(talk, _)| kind.is_none() || (kind == Some("lead") && talk.lead_id.is_some()))
        .filter(|(talk, _)| talk.is_in_work || !only_in_work)
        .collect();
    // Newest first.
    talks.sort_by_key(|(talk, _)| std::cmp::Reverse((talk.updated_at, talk.id)));
    Answer::page(call, "talks", &talks, |(talk, chat)| {
        talk.render(account, chat, &call.base)
    })
}

fn get(account: &mut Account, call: &Call) -> Answered {
    let id = call.id("id")?;
    let talk = with_chats(account).find(|(talk, _)| talk.id == id);
    found(talk.map(|(talk, chat)| talk.render(account, chat, &call.base)))
}

fn messages(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_scope("list_external_messages")?;
    if !account.talks.sending.is_in_plan {
        let detail = "Endpoint not available for current account tariff";
        return Err(Refusal::payment_required(detail));
    }
    let id = call.id("id")?;
    let chat = account.talks.chat_of(id).ok_or_else(Refusal::not_found)?;
    let mut messages: Vec<&Message> = account
        .talks
        .messages_of(id)
        .filter(|message| message.visible_from <= account.now_millis)
        .filter(|message| {
            is_within(
                &call.query,
                &["filter", "created_at"],
                Some(message.created_at),
            )
        })
        .collect();
    if account.talks.sending.newest_first {
        messages.reverse();
    }
    Answer::page(call, "messages", &messages, |message| {
        render(account, message, chat)
    })
}

fn render(account: &Account, message: &Message, chat: &Chat) -> Value {
    json!({
        "id": message.id,
        "type": message.direction(),
        "message_type": message.message_type,
        "origin": chat.origin,
        "text": message.text,
        "author": account.author(message, chat),
        "delivery_status": message.delivery_status,
        "attachment": message.attachment,
        "created_at": message.created_at,
    })
}

fn close(account: &mut Account, call: &Call) -> Answered {
    let id = call.id("id")?;
    account
        .talks
        .talks
        .get(&id)
        .ok_or_else(Refusal::not_found)?;
    account.close_talk(id, call.actor.user_id);
    Ok(Answer::accepted(json!({})))
}

fn chats(account: &mut Account, call: &Call) -> Answered {
    let contacts = call.query.numbers(&["contact_id"]);
    let ids = call.query.list(&["chat_id"]);
    let chats: Vec<Value> = account
        .talks
        .chats
        .iter()
        .filter(|chat| contacts.is_empty() || contacts.contains(&chat.contact_id))
        .filter(|chat| ids.is_empty() || ids.contains(&chat.id.as_str()))
        .map(|chat| json!({"chat_id": chat.id, "contact_id": chat.contact_id, "id": chat.contact_id}))
        .collect();
    Ok(Answer::whole(call, "chats", &chats))
}

fn connect_chats(account: &mut Account, call: &Call) -> Answered {
    let pairs = read_all(call, |item| {
        let chat = item.required_text("chat_id").to_owned();
        let contact = item.required_integer("contact_id");
        if account.card(Kind::Contact, contact).is_none() {
            item.refuse_choice("contact_id");
        }
        if account.talks.chat(&chat).is_none() {
            item.refuse_choice("chat_id");
        }
        (chat, contact)
    })?;
    let mut connected = Vec::new();
    for (request_id, (id, contact_id)) in pairs {
        let chats = account.talks.chats.iter_mut();
        for chat in chats.filter(|chat| chat.id == id) {
            chat.contact_id = contact_id;
        }
        connected.push(json!({"chat_id": id, "contact_id": contact_id, "request_id": request_id}));
    }
    Ok(Answer::whole(call, "chats", &connected))
}
