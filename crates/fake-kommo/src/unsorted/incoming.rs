//! Incoming leads made through the API: from forms and calls.

use serde_json::{Value, json};

use crate::account::Account;
use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::cards::{Draft, Kind};
use crate::item::{Item, read_all};

pub(super) fn create(account: &mut Account, call: &Call, category: &'static str) -> Answered {
    let drafts = read_all(call, |item| {
        item.required_text("source_uid");
        item.required_text("source_name");
        let metadata = item.value("metadata").cloned();
        if metadata.is_none() {
            item.refuse_missing("metadata");
        }
        let lead = nested(account, Kind::Lead, item).unwrap_or_default();
        (
            lead,
            nested(account, Kind::Contact, item),
            metadata.unwrap_or_default(),
        )
    })?;
    let mut created = Vec::new();
    for (request_id, (mut lead, contact, metadata)) in drafts {
        let contact = contact.map(|contact| account.add_card(Kind::Contact, contact, 0));
        lead.contacts.extend(contact.map(|id| (id, true)));
        let lead = account.add_card(Kind::Lead, lead, 0);
        let uid = account.add_unsorted(lead, contact, category, metadata);
        let unsorted = account.unsorted.iter().find(|one| one.uid == uid);
        let mut body = unsorted.map_or(Value::Null, |one| one.render(account, call));
        body["request_id"] = json!(request_id);
        created.push(body);
    }
    Ok(Answer::whole(call, "unsorted", &created))
}

fn nested(account: &Account, kind: Kind, item: &mut Item<'_>) -> Option<Draft> {
    let mut embedded = item.object("_embedded")?;
    let card = embedded
        .list(kind.plural())
        .first()
        .and_then(Value::as_object)?;
    let mut inner = Item::new(card);
    let draft = Draft::read(account, kind, None, &mut inner);
    item.absorb(&format!("_embedded.{}.0", kind.plural()), inner);
    Some(draft)
}
