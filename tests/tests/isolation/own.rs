//! A tenant and its own things: what it reads of them, and that naming them matters.

use std::collections::BTreeMap;

use prost_reflect::DynamicMessage;
use serde_json::Value;
use t11_proto::method::Auth;
use t11_tests::client::new_id;
use uuid::Uuid;

use crate::case::{Case, cases};
use crate::doors::{Door, Reach};
use crate::fields::REQUEST;
use crate::probe::differ;
use crate::tenant::{QUEUES, Tenant, written};

/// Fields of answers that change by themselves.
const VOLATILE: &[&str] = &["last_used_time", "took_micros"];

/// All that a tenant can read of its own.
pub(crate) async fn state(reach: &Reach, tenant: &Tenant) -> BTreeMap<&'static str, Value> {
    let mut state = BTreeMap::new();
    for case in cases() {
        if !case.is_read() || case.method.auth != Auth::Caller || case.method.server_streaming {
            continue;
        }
        let messages = case.messages(tenant, None);
        let rpc = (case.method, &case.rpc);
        let answer = reach
            .send(Door::Direct, &tenant.owner, rpc, &messages)
            .await
            .unwrap();
        let path = case.method.path;
        let value = if answer.is_ok {
            let message = DynamicMessage::decode(case.rpc.output(), &answer.messages[5..]);
            serde_json::to_value(message.unwrap()).unwrap()
        } else {
            Value::String(String::from_utf8_lossy(&answer.masked()).into_owned())
        };
        state.insert(path, settled(value));
    }
    state
}

/// Without what changes by itself.
fn settled(mut value: Value) -> Value {
    match &mut value {
        Value::Object(object) => {
            object.retain(|name, _| !VOLATILE.iter().any(|volatile| camel(volatile) == *name));
            for inner in object.values_mut() {
                *inner = settled(inner.take());
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = settled(item.take())),
        _ => {}
    }
    value
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap().to_owned();
    for word in words {
        camel.push_str(&word[..1].to_uppercase());
        camel.push_str(&word[1..]);
    }
    camel
}

/// Whether the id decides: with a thing of its own the owner is answered otherwise than with an id
/// that nobody has. The fields by which it is not.
pub(crate) async fn undecided(reach: &Reach, tenant: &Tenant) -> Vec<String> {
    let mut undecided = Vec::new();
    let mut cases = cases();
    cases.retain(|case| case.method.auth == Auth::Caller);
    // First what takes nothing away; then what is below before what it is below of.
    let is_end = |case: &Case| {
        let words = ["Delete", "Revoke", "Cancel"];
        words
            .iter()
            .any(|word| case.method.method().starts_with(word))
    };
    let (mut ends, rest): (Vec<_>, Vec<_>) = cases.into_iter().partition(is_end);
    ends.reverse();
    for case in rest.iter().chain(&ends) {
        for field in &case.ids {
            if field.is_output || field.id.of == REQUEST || field.id.of == QUEUES {
                continue;
            }
            let unknown: Vec<Uuid> = field.id.form.matches('*').map(|_| new_id()).collect();
            let mut answers = Vec::new();
            for value in [written(&field.id.form, &unknown), tenant.name_of(&field.id)] {
                let messages = case.messages(tenant, Some((field, &value)));
                let rpc = (case.method, &case.rpc);
                let answer = reach
                    .send(Door::Direct, &tenant.owner, rpc, &messages)
                    .await;
                answers.push(answer.unwrap());
            }
            if differ(case, &answers[1], &answers[0]).is_none() {
                undecided.push(format!("{} {}", case.method.method(), field.name()));
            }
        }
    }
    undecided
}
