//! What happens when a card is made, changed or deleted: the card, its events, its webhooks.

use serde_json::{Value, json};

use super::{Card, Deal, Draft, Kind, Ref};
use crate::account::Account;
use crate::custom_fields;
use crate::pipelines::{LOST, WON};

impl Account {
    /// Makes a card on behalf of this person (0 is a robot) and gives its id.
    pub(crate) fn add_card(&mut self, kind: Kind, draft: Draft, by: i64) -> i64 {
        let by = draft.created_by.unwrap_or(by);
        let now = self.now();
        let first_user = self.users.first().map_or(0, |user| user.id);
        let id = self.ids.next(kind.singular());
        let card = Card {
            kind,
            id,
            name: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            responsible_user_id: if by == 0 { first_user } else { by },
            created_by: by,
            updated_by: by,
            created_at: draft.created_at.unwrap_or(now),
            updated_at: now,
            is_deleted: false,
            values: Default::default(),
            tags: Vec::new(),
            deal: (kind == Kind::Lead).then(|| self.new_deal(&draft)),
        };
        self.cards.insert(card.reference(), card);
        self.write(Ref { kind, id }, draft, by);
        self.name_if_nameless(Ref { kind, id });
        self.record(
            &format!("{}_added", kind.singular()),
            Some((kind, id)),
            by,
            json!([]),
            json!([]),
        );
        self.tell_card("add", Ref { kind, id }, &json!({}));
        id
    }

    fn new_deal(&self, draft: &Draft) -> Deal {
        let pipeline = match draft.pipeline_id {
            Some(id) => self.pipeline(id),
            None => self.main_pipeline(),
        };
        Deal {
            price: 0,
            pipeline_id: pipeline.map_or(0, |pipeline| pipeline.id),
            status_id: pipeline.map_or(0, |pipeline| pipeline.first_stage()),
            loss_reason_id: None,
            source_id: None,
            closed_at: None,
        }
    }

    fn name_if_nameless(&mut self, reference: Ref) {
        if let Some(card) = self.cards.get_mut(&reference)
            && card.name.is_empty()
        {
            let full = format!("{} {}", card.first_name, card.last_name);
            card.name = match (card.kind, full.trim()) {
                (Kind::Lead, _) => format!("Lead #{}", card.id),
                (_, "") => "Untitled".to_owned(),
                (_, full) => full.to_owned(),
            };
        }
    }

    /// Changes a card on behalf of this person, and tells of it.
    pub(crate) fn change_card(&mut self, reference: Ref, draft: Draft, by: i64) {
        let Some(before) = self.cards.get(&reference).cloned() else {
            return;
        };
        self.write(reference, draft, by);
        let Some(after) = self.cards.get(&reference).cloned() else {
            return;
        };
        self.record_changes(&before, &after, by);
        self.tell_card("update", reference, &json!({}));
        self.tell_of_stage(&before, &after);
        if before.responsible_user_id != after.responsible_user_id {
            let old = json!({"old_responsible_user_id": before.responsible_user_id});
            self.tell_card("responsible", reference, &old);
        }
    }

    fn tell_of_stage(&mut self, before: &Card, after: &Card) {
        let (Some(old), Some(new)) = (&before.deal, &after.deal) else {
            return;
        };
        if (old.pipeline_id, old.status_id) != (new.pipeline_id, new.status_id) {
            let old = json!({"old_status_id": old.status_id, "old_pipeline_id": old.pipeline_id});
            self.tell_card("status", after.reference(), &old);
        }
    }

    /// Marks a card as deleted, as a person does in the account; the API has no such call.
    pub(crate) fn delete_card(&mut self, reference: Ref, by: i64) {
        self.set_deleted(reference, true, by, "deleted");
        self.tell_card("delete", reference, &json!({}));
    }

    pub(crate) fn restore_card(&mut self, reference: Ref, by: i64) {
        self.set_deleted(reference, false, by, "restored");
        self.tell_card("restore", reference, &json!({}));
    }

    fn set_deleted(&mut self, reference: Ref, is_deleted: bool, by: i64, word: &str) {
        if let Some(card) = self.cards.get_mut(&reference) {
            card.is_deleted = is_deleted;
        }
        let Ref { kind, id } = reference;
        let event = format!("{}_{word}", kind.singular());
        self.record(&event, Some((kind, id)), by, json!([]), json!([]));
    }

    /// Puts the draft into the card. Tells nobody.
    fn write(&mut self, reference: Ref, draft: Draft, by: i64) {
        let tags = self.tags_after(reference, &draft);
        let now = self.now();
        for (contact, is_main) in &draft.contacts {
            self.link(reference, Ref::contact(*contact), *is_main, by);
        }
        for id in &draft.companies {
            let company = Ref {
                kind: Kind::Company,
                id: *id,
            };
            self.link(reference, company, false, by);
        }
        let first_stage = draft
            .pipeline_id
            .and_then(|id| self.pipeline(id))
            .map(|pipeline| pipeline.first_stage());
        let Some(card) = self.cards.get_mut(&reference) else {
            return;
        };
        if let Some(deal) = &mut card.deal {
            deal.write(&draft, first_stage, now);
        }
        card.write(draft);
        card.tags = tags;
        card.updated_at = now;
        card.updated_by = by;
    }

    fn tags_after(&mut self, reference: Ref, draft: &Draft) -> Vec<i64> {
        let current = self.cards.get(&reference).map(|card| card.tags.clone());
        let mut tags = match &draft.tags {
            Some(replacing) => self.tag_ids(reference.kind, replacing),
            None => current.unwrap_or_default(),
        };
        tags.extend(self.tag_ids(reference.kind, &draft.tags_to_add));
        let deleted = self.tag_ids(reference.kind, &draft.tags_to_delete);
        let mut kept = Vec::new();
        for tag in tags {
            if !deleted.contains(&tag) && !kept.contains(&tag) {
                kept.push(tag);
            }
        }
        kept
    }

    fn record_changes(&mut self, before: &Card, after: &Card, by: i64) {
        let about = Some((after.kind, after.id));
        let mut changes: Vec<(String, Value, Value)> = Vec::new();
        if before.name != after.name {
            let name = |card: &Card| json!([{"name_field_value": {"name": card.name}}]);
            changes.push(("name_field_changed".to_owned(), name(before), name(after)));
        }
        if before.responsible_user_id != after.responsible_user_id {
            let user =
                |card: &Card| json!([{"responsible_user": {"id": card.responsible_user_id}}]);
            let event = "entity_responsible_changed".to_owned();
            changes.push((event, user(before), user(after)));
        }
        changes.extend(deal_changes(before, after));
        changes.extend(tag_changes(before, after));
        changes.extend(value_changes(before, after));
        for (event, before, after) in changes {
            self.record(&event, about, by, before, after);
        }
    }

    /// Tells the subscribers of a card's `action`, with `extra` beside its fields.
    fn tell_card(&mut self, action: &'static str, reference: Ref, extra: &Value) {
        let Some(card) = self.cards.get(&reference) else {
            return;
        };
        let mut item = match action {
            "delete" => self.short_hook(card),
            _ => self.card_hook(card),
        };
        if let (Some(item), Some(extra)) = (item.as_object_mut(), extra.as_object()) {
            item.extend(extra.clone());
        }
        // Companies come among the contacts.
        let entity = match reference.kind {
            Kind::Lead => "leads",
            Kind::Contact | Kind::Company => "contacts",
        };
        // Only of leads a new responsible person is an action of its own.
        let wire_action = match (action, reference.kind) {
            ("responsible", Kind::Contact | Kind::Company) => "update",
            (action, _) => action,
        };
        let setting = format!("{action}_{}", reference.kind.singular());
        self.tell(&setting, entity, wire_action, item);
    }

    fn short_hook(&self, card: &Card) -> Value {
        let deal = card.deal.as_ref();
        json!({
            "id": card.id,
            "status_id": deal.map(|deal| deal.status_id),
            "pipeline_id": deal.map(|deal| deal.pipeline_id),
            "type": deal.is_none().then(|| card.kind.singular()),
        })
    }

    fn card_hook(&self, card: &Card) -> Value {
        let deal = card.deal.as_ref();
        let is_object = self.webhooks.manners.radiobutton_object;
        let tags = card.tags.iter().filter_map(|id| self.tag(*id));
        json!({
            "id": card.id,
            "name": card.name,
            "status_id": deal.map(|deal| deal.status_id),
            "price": deal.map(|deal| deal.price),
            "responsible_user_id": card.responsible_user_id,
            "last_modified": card.updated_at,
            "modified_user_id": card.updated_by,
            "created_user_id": card.created_by,
            "date_create": card.created_at,
            "pipeline_id": deal.map(|deal| deal.pipeline_id),
            "tags": tags.map(|tag| json!({"id": tag.id, "name": tag.name})).collect::<Vec<_>>(),
            "account_id": self.id,
            "custom_fields": custom_fields::webhook(self, card, is_object),
            "linked_leads_id": self.linked_leads(card),
            "created_at": card.created_at,
            "updated_at": card.updated_at,
            "type": deal.is_none().then(|| card.kind.singular()),
        })
    }

    /// `{"5001": {"ID": 5001}}`: a map whose keys are ids.
    fn linked_leads(&self, card: &Card) -> Value {
        let linked = self.linked(card.reference(), Kind::Lead);
        let pairs = linked
            .into_iter()
            .map(|id| (id.to_string(), json!({"ID": id})));
        Value::Object(pairs.collect())
    }
}

impl Card {
    fn write(&mut self, draft: Draft) {
        let set = |field: &mut String, value: Option<String>| {
            if let Some(value) = value {
                *field = value;
            }
        };
        set(&mut self.name, draft.name);
        set(&mut self.first_name, draft.first_name);
        set(&mut self.last_name, draft.last_name);
        if let Some(id) = draft.responsible_user_id {
            self.responsible_user_id = id;
        }
        self.values.extend(draft.values);
    }
}

impl Deal {
    fn write(&mut self, draft: &Draft, first_stage: Option<i64>, now: i64) {
        if let Some(pipeline_id) = draft.pipeline_id.filter(|id| *id != self.pipeline_id) {
            self.pipeline_id = pipeline_id;
            self.status_id = first_stage.unwrap_or(self.status_id);
        }
        self.status_id = draft.status_id.unwrap_or(self.status_id);
        self.price = draft.price.unwrap_or(self.price);
        self.loss_reason_id = draft.loss_reason_id.or(self.loss_reason_id);
        self.source_id = draft.source_id.or(self.source_id);
        let is_closed = matches!(self.status_id, WON | LOST);
        self.closed_at = is_closed.then(|| self.closed_at.unwrap_or(now));
    }
}

fn deal_changes(before: &Card, after: &Card) -> Vec<(String, Value, Value)> {
    let (Some(old), Some(new)) = (&before.deal, &after.deal) else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    if (old.pipeline_id, old.status_id) != (new.pipeline_id, new.status_id) {
        let stage = |deal: &Deal| json!([{"lead_status": {"id": deal.status_id, "pipeline_id": deal.pipeline_id}}]);
        changes.push(("lead_status_changed".to_owned(), stage(old), stage(new)));
    }
    if old.price != new.price {
        let sale = |deal: &Deal| json!([{"sale_field_value": {"sale": deal.price}}]);
        changes.push(("sale_field_changed".to_owned(), sale(old), sale(new)));
    }
    changes
}

fn tag_changes(before: &Card, after: &Card) -> Vec<(String, Value, Value)> {
    let only_in = |these: &Card, those: &Card| -> Vec<Value> {
        let missing = these.tags.iter().filter(|tag| !those.tags.contains(tag));
        missing.map(|tag| json!({"tag": {"id": tag}})).collect()
    };
    let mut changes = Vec::new();
    let added = only_in(after, before);
    if !added.is_empty() {
        changes.push(("entity_tag_added".to_owned(), json!([]), json!(added)));
    }
    let deleted = only_in(before, after);
    if !deleted.is_empty() {
        changes.push(("entity_tag_deleted".to_owned(), json!(deleted), json!([])));
    }
    changes
}

fn value_changes(before: &Card, after: &Card) -> Vec<(String, Value, Value)> {
    let shown = |card: &Card, id: i64| -> Value {
        let values = card.values.get(&id).into_iter().flatten();
        let shown = values.map(|value| {
            json!({"custom_field_value": {"field_id": id, "enum_id": value.enum_id, "text": value.value}})
        });
        shown.collect()
    };
    after
        .values
        .iter()
        .filter(|(id, values)| before.values.get(id) != Some(*values))
        .map(|(id, _)| {
            let event = format!("custom_field_{id}_value_changed");
            (event, shown(before, *id), shown(after, *id))
        })
        .collect()
}
