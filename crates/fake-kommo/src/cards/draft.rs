//! What a write says about a card.

use crate::account::Account;
use crate::cards::{Card, Deal, Kind};
use crate::custom_fields::{self, Values};
use crate::item::Item;
use crate::tags::{self, TagName};

/// Fields a write names; the others stay as they are.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) name: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) price: Option<i64>,
    pub(crate) responsible_user_id: Option<i64>,
    pub(crate) pipeline_id: Option<i64>,
    pub(crate) status_id: Option<i64>,
    pub(crate) loss_reason_id: Option<i64>,
    pub(crate) source_id: Option<i64>,
    pub(crate) created_by: Option<i64>,
    pub(crate) created_at: Option<i64>,
    pub(crate) values: Values,
    /// Replaces the set.
    pub(crate) tags: Option<Vec<TagName>>,
    pub(crate) tags_to_add: Vec<TagName>,
    pub(crate) tags_to_delete: Vec<TagName>,
    /// Contacts and whether each is the main one.
    pub(crate) contacts: Vec<(i64, bool)>,
    pub(crate) companies: Vec<i64>,
}

impl Draft {
    /// Reads one item; `id` is the card it changes.
    pub(crate) fn read(
        account: &Account,
        kind: Kind,
        id: Option<i64>,
        item: &mut Item<'_>,
    ) -> Self {
        let text = |value: Option<&str>| value.map(str::to_owned);
        let mut draft = Self {
            name: text(item.text("name")),
            first_name: text(item.text("first_name")),
            last_name: text(item.text("last_name")),
            responsible_user_id: user(account, item, "responsible_user_id"),
            created_by: user(account, item, "created_by"),
            created_at: item.integer("created_at"),
            values: custom_fields::read(account, kind, item),
            tags_to_add: tags::read(item, "tags_to_add"),
            tags_to_delete: tags::read(item, "tags_to_delete"),
            ..Self::default()
        };
        draft.read_embedded(account, item);
        if kind == Kind::Lead {
            let card = id.and_then(|id| account.card(kind, id));
            draft.read_deal(account, card, item);
        }
        draft
    }

    fn read_embedded(&mut self, account: &Account, item: &mut Item<'_>) {
        let Some(mut embedded) = item.object("_embedded") else {
            return;
        };
        if embedded.has("tags") {
            self.tags = Some(tags::read(&mut embedded, "tags"));
        }
        for (index, one) in embedded.list("contacts").iter().enumerate() {
            let known = one["id"]
                .as_i64()
                .filter(|id| account.card(Kind::Contact, *id).is_some());
            match known {
                Some(id) => self.contacts.push((id, one["is_main"] == true)),
                None if one["id"].is_null() => {}
                None => embedded.refuse_choice(&format!("contacts.{index}.id")),
            }
        }
        for (index, one) in embedded.list("companies").iter().enumerate() {
            let known = one["id"]
                .as_i64()
                .filter(|id| account.card(Kind::Company, *id).is_some());
            match known {
                Some(id) => self.companies.push(id),
                None if one["id"].is_null() => {}
                None => embedded.refuse_choice(&format!("companies.{index}.id")),
            }
        }
        if embedded.list("companies").len() > 1 {
            embedded.refuse("TooMany", "companies", "A lead has one company.");
        }
        item.absorb("_embedded", embedded);
    }

    fn read_deal(&mut self, account: &Account, card: Option<&Card>, item: &mut Item<'_>) {
        self.price = item.integer("price");
        self.source_id = item.integer("source_id");
        self.loss_reason_id = item.integer("loss_reason_id");
        let reasons = &account.loss_reasons;
        if let Some(id) = self.loss_reason_id
            && !reasons.iter().any(|reason| reason.id == id)
        {
            item.refuse_choice("loss_reason_id");
        }
        self.pipeline_id = item.integer("pipeline_id");
        self.status_id = item.integer("status_id");
        self.check_stage(account, card.and_then(|card| card.deal.as_ref()), item);
    }

    /// A stage must be of its pipeline and must not be "Incoming leads"; nor may a lead be moved
    /// out of there before it is accepted.
    fn check_stage(&self, account: &Account, deal: Option<&Deal>, item: &mut Item<'_>) {
        let pipeline = match (self.pipeline_id, deal) {
            (Some(id), _) => account.pipeline(id),
            (None, Some(deal)) => account.pipeline(deal.pipeline_id),
            (None, None) => account.main_pipeline(),
        };
        let Some(pipeline) = pipeline else {
            item.refuse_choice("pipeline_id");
            return;
        };
        let Some(status_id) = self.status_id else {
            return;
        };
        let status = pipeline.status(status_id);
        let waits = deal.is_some_and(|deal| {
            let stage = account.stage(deal.pipeline_id, deal.status_id);
            stage.is_some_and(|stage| stage.is_unsorted)
        });
        if waits || status.is_none_or(|status| status.is_unsorted) {
            item.refuse_choice("status_id");
        }
    }
}

/// A person of the account, or the robot.
fn user(account: &Account, item: &mut Item<'_>, key: &str) -> Option<i64> {
    let id = item.integer(key)?;
    if id != 0 && account.user(id).is_none() {
        item.refuse_choice(key);
    }
    Some(id)
}
