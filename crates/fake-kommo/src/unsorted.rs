//! "Incoming leads": what waits to be accepted.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::account::{Account, found};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::{Draft, Kind, Ref};
use crate::item::read_one;
use crate::routes::Routes;

mod incoming;

#[derive(Debug, Clone)]
pub(crate) struct Unsorted {
    pub(crate) uid: String,
    /// `chats`, `forms` or `sip`.
    pub(crate) category: &'static str,
    pub(crate) source_name: String,
    pub(crate) source_uid: String,
    pub(crate) pipeline_id: i64,
    pub(crate) lead_id: i64,
    pub(crate) contact_id: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) metadata: Value,
}

impl Unsorted {
    fn render(&self, account: &Account, call: &Call) -> Value {
        let href = format!("{}/api/v4/leads/unsorted/{}", call.base, self.uid);
        json!({
            "uid": self.uid,
            "source_uid": self.source_uid,
            "source_name": self.source_name,
            "category": self.category,
            "pipeline_id": self.pipeline_id,
            "created_at": self.created_at,
            "metadata": self.metadata,
            "account_id": account.id,
            "_links": {"self": {"href": href}},
            "_embedded": {
                "leads": [{"id": self.lead_id}],
                "contacts": self.contact_id.map(|id| json!({"id": id})).into_iter().collect::<Vec<_>>(),
                "companies": [],
            },
        })
    }
}

impl Account {
    /// Puts a lead among the incoming ones: it exists, in a stage nobody can move it out of.
    pub(crate) fn add_unsorted(
        &mut self,
        lead_id: i64,
        contact_id: Option<i64>,
        category: &'static str,
        metadata: Value,
    ) -> String {
        let source_name = metadata["source_name"]
            .as_str()
            .unwrap_or(category)
            .to_owned();
        let uid = crate::signature::opaque(&format!("unsorted {} {lead_id}", self.id));
        let mut pipeline_id = 0;
        let unsorted_stage =
            |account: &Self, id| account.pipeline(id).map(|one| one.unsorted_stage());
        if let Some(pipeline) = self
            .card(Kind::Lead, lead_id)
            .and_then(|card| card.deal.as_ref())
        {
            pipeline_id = pipeline.pipeline_id;
        }
        let stage = unsorted_stage(self, pipeline_id);
        let lead = self.cards.get_mut(&Ref::lead(lead_id));
        if let (Some(stage), Some(deal)) = (stage, lead.and_then(|lead| lead.deal.as_mut())) {
            deal.status_id = stage;
        }
        let unsorted = Unsorted {
            uid: uid[..40].to_owned(),
            category,
            source_uid: format!("{category}-source"),
            source_name,
            pipeline_id,
            lead_id,
            contact_id,
            created_at: self.now(),
            metadata,
        };
        let hook = self.unsorted_hook(&unsorted);
        let uid = unsorted.uid.clone();
        self.unsorted.push(unsorted);
        self.tell("add_unsorted", "unsorted", "add", hook);
        uid
    }

    fn unsorted_hook(&self, unsorted: &Unsorted) -> Value {
        json!({
            "uid": unsorted.uid,
            "source_name": unsorted.source_name,
            "source_uid": unsorted.source_uid,
            "category": unsorted.category,
            "pipeline_id": unsorted.pipeline_id,
            "lead_id": unsorted.lead_id,
            "data": {"leads": [{"id": unsorted.lead_id}], "contacts": [{"id": unsorted.contact_id}]},
            "source_data": unsorted.metadata,
            "created_at": unsorted.created_at,
        })
    }

    fn take_unsorted(&mut self, uid: &str) -> Result<Unsorted, Refusal> {
        let mut unsorted = self.unsorted.iter();
        let position = unsorted.position(|one| one.uid == uid);
        let position = position.ok_or_else(Refusal::not_found)?;
        Ok(self.unsorted.remove(position))
    }

    /// What webhooks and the answer say of an incoming lead that was decided on.
    fn tell_of_decision(&mut self, unsorted: &Unsorted, action: &str, by: i64) {
        let item = json!({
            "action": action,
            "uid": unsorted.uid,
            format!("{action}_result"): {"leads": [unsorted.lead_id]},
            "category": unsorted.category,
            "created_at": unsorted.created_at,
            "modified_user_id": by,
        });
        self.tell("delete_unsorted", "unsorted", "delete", item);
    }

    /// Takes an incoming lead into a stage, by default the first.
    pub(crate) fn accept_unsorted(
        &mut self,
        uid: &str,
        user_id: i64,
        status_id: Option<i64>,
        by: i64,
    ) -> Result<i64, Refusal> {
        let unsorted = self.take_unsorted(uid)?;
        let pipeline = self.pipeline(unsorted.pipeline_id);
        let first_stage = pipeline.map(|pipeline| pipeline.first_stage());
        let draft = Draft {
            status_id: status_id.or(first_stage),
            responsible_user_id: Some(user_id),
            ..Draft::default()
        };
        self.tell_of_decision(&unsorted, "accept", by);
        self.change_card(Ref::lead(unsorted.lead_id), draft, by);
        Ok(unsorted.lead_id)
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    const ALL: &str = "/api/v4/leads/unsorted";
    routes
        .api(MethodFilter::GET, ALL, list)
        .api(MethodFilter::GET, "/api/v4/leads/unsorted/summary", summary)
        .api(
            MethodFilter::POST,
            "/api/v4/leads/unsorted/forms",
            |account, call| incoming::create(account, call, "forms"),
        )
        .api(
            MethodFilter::POST,
            "/api/v4/leads/unsorted/sip",
            |account, call| incoming::create(account, call, "sip"),
        )
        .api(
            MethodFilter::GET,
            "/api/v4/leads/unsorted/{uid}",
            |account, call| {
                let uid = call.param("uid");
                let unsorted = account.unsorted.iter().find(|one| one.uid == uid);
                found(unsorted.map(|one| one.render(account, call)))
            },
        )
        .api(
            MethodFilter::POST,
            "/api/v4/leads/unsorted/{uid}/accept",
            accept,
        )
        .api(
            MethodFilter::DELETE,
            "/api/v4/leads/unsorted/{uid}/decline",
            decline,
        )
        .api(
            MethodFilter::POST,
            "/api/v4/leads/unsorted/{uid}/link",
            link,
        )
}

fn list(account: &mut Account, call: &Call) -> Answered {
    let uids = call.query.list(&["filter", "uid"]);
    let categories = call.query.list(&["filter", "category"]);
    let pipelines = call.query.numbers(&["filter", "pipeline_id"]);
    let unsorted: Vec<&Unsorted> = account
        .unsorted
        .iter()
        .filter(|one| uids.is_empty() || uids.contains(&one.uid.as_str()))
        .filter(|one| categories.is_empty() || categories.contains(&one.category))
        .filter(|one| pipelines.is_empty() || pipelines.contains(&one.pipeline_id))
        .collect();
    Answer::page(call, "unsorted", &unsorted, |one| one.render(account, call))
}

fn summary(account: &mut Account, call: &Call) -> Answered {
    let of = |category: &str| {
        let unsorted = account.unsorted.iter();
        json!({"total": unsorted.filter(|one| one.category == category).count()})
    };
    Ok(Answer::ok(json!({
        "total": account.unsorted.len(),
        "accepted": 0,
        "declined": 0,
        "average_sort_time": 0,
        "categories": {"chats": of("chats"), "forms": of("forms"), "sip": of("sip"), "mail": of("mail")},
        "_links": {"self": {"href": call.url()}},
    })))
}

/// What a decision is made with; a body is not required.
fn decision(account: &Account, call: &Call) -> Result<(i64, Option<i64>), Refusal> {
    let is_empty = |body: &Value| body.as_object().is_none_or(|map| map.is_empty());
    if call.body.is_empty() || call.parsed.as_ref().is_some_and(is_empty) {
        return Ok((call.actor.user_id, None));
    }
    read_one(call, |item| {
        let user_id = item.integer("user_id").unwrap_or(call.actor.user_id);
        if account.user(user_id).is_none() {
            item.refuse_choice("user_id");
        }
        (user_id, item.integer("status_id"))
    })
}

fn accept(account: &mut Account, call: &Call) -> Answered {
    let uid = call.param("uid");
    let unsorted = account.unsorted.iter().find(|one| one.uid == uid);
    let unsorted = unsorted.ok_or_else(Refusal::not_found)?;
    let (user_id, status_id) = decision(account, call)?;
    let stage = status_id.map(|id| account.stage(unsorted.pipeline_id, id));
    if stage.is_some_and(|stage| stage.is_none_or(|stage| stage.is_unsorted)) {
        let detail = "The value you selected is not a valid choice.";
        return Err(Refusal::invalid("NotSupportedChoice", "status_id", detail));
    }
    let contact_id = unsorted.contact_id;
    let pipeline_id = unsorted.pipeline_id;
    let lead_id = account.accept_unsorted(uid, user_id, status_id, call.actor.user_id)?;
    Ok(decided(call, uid, pipeline_id, lead_id, contact_id))
}

fn decided(call: &Call, uid: &str, pipeline: i64, lead: i64, contact: Option<i64>) -> Answer {
    let contacts: Vec<Value> = contact.map(|id| json!({"id": id})).into_iter().collect();
    Answer::ok(json!({
        "uid": uid,
        "pipeline_id": pipeline,
        "_links": {"self": {"href": call.url()}},
        "_embedded": {"leads": [{"id": lead}], "contacts": contacts, "companies": []},
    }))
}

fn decline(account: &mut Account, call: &Call) -> Answered {
    decision(account, call)?;
    let unsorted = account.take_unsorted(call.param("uid"))?;
    let by = call.actor.user_id;
    account.tell_of_decision(&unsorted, "decline", by);
    account.delete_card(Ref::lead(unsorted.lead_id), by);
    let (pipeline, lead) = (unsorted.pipeline_id, unsorted.lead_id);
    Ok(decided(
        call,
        &unsorted.uid,
        pipeline,
        lead,
        unsorted.contact_id,
    ))
}

/// Joins an incoming chat to a lead that exists.
fn link(account: &mut Account, call: &Call) -> Answered {
    let lead_id = read_one(call, |item| {
        let link = item.object("link");
        let id = link.map(|mut link| link.required_integer("entity_id"));
        if id.and_then(|id| account.card(Kind::Lead, id)).is_none() {
            item.refuse_choice("link.entity_id");
        }
        id.unwrap_or_default()
    })?;
    let unsorted = account.take_unsorted(call.param("uid"))?;
    account.talks.move_to_lead(unsorted.lead_id, lead_id);
    if let Some(contact) = unsorted.contact_id {
        account.link(
            Ref::lead(lead_id),
            Ref::contact(contact),
            false,
            call.actor.user_id,
        );
    }
    account.delete_card(Ref::lead(unsorted.lead_id), call.actor.user_id);
    account.tell_of_decision(&unsorted, "link", call.actor.user_id);
    Ok(decided(
        call,
        &unsorted.uid,
        unsorted.pipeline_id,
        lead_id,
        unsorted.contact_id,
    ))
}
