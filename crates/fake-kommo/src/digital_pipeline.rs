//! What an account's automation sends when it was set up by hand for a stage.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::account::Account;
use crate::cards::{Kind, Ref};
use crate::delivery::{Parcel, Purpose};
use crate::php;

/// Why the automation fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PipelineEvent {
    Status,
    MailIn,
    CallIn,
    Chat,
    SiteVisit,
}

impl PipelineEvent {
    fn key(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::MailIn => "mail_in",
            Self::CallIn => "call_in",
            Self::Chat => "chat",
            Self::SiteVisit => "site_visit",
        }
    }

    /// The number and name a widget gets.
    fn widget_code(self) -> (i64, &'static str) {
        match self {
            Self::Status => (14, "lead_status_changed"),
            Self::MailIn => (16, "mail_in"),
            Self::CallIn => (17, "call_in"),
            Self::SiteVisit => (18, "site_visit"),
            Self::Chat => (19, "chat"),
        }
    }
}

impl Account {
    /// "API: Send webhook". Whether there is such a lead.
    pub(crate) fn fire_pipeline_webhook(
        &mut self,
        url: &str,
        event: PipelineEvent,
        lead_id: i64,
        old_status_id: Option<i64>,
    ) -> bool {
        let Some(item) = self.stage_of(lead_id, event, old_status_id) else {
            return false;
        };
        let mut form = serde_json::Map::new();
        form.insert("leads".to_owned(), json!({event.key(): [item]}));
        form.insert("account".to_owned(), self.envelope());
        let body = php::build_query(&form);
        let due = self.now_millis;
        self.parcels
            .push(Parcel::form(url, &body, Purpose::DigitalPipeline, due));
        true
    }

    fn stage_of(
        &self,
        lead_id: i64,
        event: PipelineEvent,
        old_status_id: Option<i64>,
    ) -> Option<Value> {
        let deal = self.card(Kind::Lead, lead_id)?.deal.as_ref()?;
        let mut item = json!({
            "id": lead_id,
            "status_id": deal.status_id,
            "pipeline_id": deal.pipeline_id,
        });
        if event == PipelineEvent::Status {
            item["old_status_id"] = json!(old_status_id);
            item["old_pipeline_id"] = json!(deal.pipeline_id);
        }
        Some(item)
    }

    /// A widget in the digital pipeline. Whether there is such a lead.
    pub(crate) fn fire_widget(
        &mut self,
        url: &str,
        event: PipelineEvent,
        lead_id: i64,
        settings: &Value,
    ) -> bool {
        let lead = Ref::lead(lead_id);
        let deal = self.cards.get(&lead).and_then(|card| card.deal.as_ref());
        let Some(deal) = deal else {
            return false;
        };
        let (number, name) = event.widget_code();
        let body = json!({
            "event": {
                "type": number,
                "type_code": name,
                "time": self.now(),
                "data": {
                    "id": lead_id,
                    "element_type": lead.kind.element_type(),
                    "status_id": deal.status_id,
                    "pipeline_id": deal.pipeline_id,
                    "direction_of_movement": "went_in_trigger",
                },
            },
            "action": {"settings": {"widget": {"settings": settings}}},
            "subdomain": self.subdomain,
            "account_id": self.id,
        });
        let due = self.now_millis;
        let parcel = Parcel::json(url, &body.to_string(), Purpose::DigitalPipeline, due);
        self.parcels.push(parcel);
        true
    }
}
