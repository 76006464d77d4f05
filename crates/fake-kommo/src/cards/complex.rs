//! A lead with its contact and company in one write.

use serde_json::{Value, json};

use super::{Draft, Kind, Ref};
use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::item::{Item, read_all};

const MOST_LEADS: usize = 50;
const MOST_VALUES: usize = 40;

struct Complex {
    lead: Draft,
    contact: Option<Draft>,
    company: Option<Draft>,
}

pub(super) fn create(account: &mut Account, call: &Call) -> Answered {
    let count = call.json()?.as_array().map_or(0, Vec::len);
    if count > MOST_LEADS {
        let detail = format!("Limit {MOST_LEADS} per request");
        return Err(Refusal::unprocessable(&detail));
    }
    let drafts = read_all(call, |item| read(account, item))?;
    let mut created = Vec::new();
    for (request_id, draft) in drafts {
        created.push(add(account, call, draft, &request_id));
    }
    Ok(Answer::ok(created.into()))
}

fn read(account: &Account, item: &mut Item<'_>) -> Complex {
    let contact = nested(account, Kind::Contact, item);
    let company = nested(account, Kind::Company, item);
    let lead = Draft::read(account, Kind::Lead, None, item);
    for draft in [Some(&lead), contact.as_ref(), company.as_ref()]
        .into_iter()
        .flatten()
    {
        if draft.values.len() > MOST_VALUES {
            item.refuse("TooMany", "custom_fields_values", "Too many values.");
        }
    }
    Complex {
        lead,
        contact,
        company,
    }
}

/// The one new card of this kind below `_embedded`. One with an id is linked by the lead's draft.
fn nested(account: &Account, kind: Kind, item: &mut Item<'_>) -> Option<Draft> {
    let mut embedded = item.object("_embedded")?;
    let cards = embedded.list(kind.plural());
    if cards.len() > 1 {
        let path = format!("_embedded.{}", kind.plural());
        item.refuse("TooMany", &path, "Only one is allowed.");
    }
    let card = cards.first().and_then(Value::as_object)?;
    if card.contains_key("id") {
        return None;
    }
    let mut inner = Item::new(card);
    let draft = Draft::read(account, kind, None, &mut inner);
    item.absorb(&format!("_embedded.{}.0", kind.plural()), inner);
    Some(draft)
}

fn add(account: &mut Account, call: &Call, draft: Complex, request_id: &str) -> Value {
    let by = call.actor.user_id;
    let given_contact = draft.lead.contacts.first().map(|(id, _)| *id);
    let given_company = draft.lead.companies.first().copied();
    let contact = draft
        .contact
        .map(|draft| account.add_card(Kind::Contact, draft, by));
    let company = draft
        .company
        .map(|draft| account.add_card(Kind::Company, draft, by));
    let lead = account.add_card(Kind::Lead, draft.lead, by);
    if let Some(id) = contact {
        account.link(Ref::lead(lead), Ref::contact(id), true, by);
    }
    if let Some(id) = company {
        let company = Ref {
            kind: Kind::Company,
            id,
        };
        account.link(Ref::lead(lead), company, false, by);
    }
    json!({
        "id": lead,
        "contact_id": contact.or(given_contact),
        "company_id": company.or(given_company),
        "request_id": [request_id],
        "merged": false,
    })
}
