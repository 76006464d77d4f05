//! Pipelines and their stages. 142 (won) and 143 (lost) are in every pipeline; so a stage is known
//! by pipeline and status together.

mod edit;

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::account::{Account, found};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::routes::Routes;

pub(crate) const WON: i64 = 142;
pub(crate) const LOST: i64 = 143;

#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) sort: i64,
    pub(crate) is_main: bool,
    pub(crate) is_unsorted_on: bool,
    pub(crate) statuses: Vec<Status>,
}

#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) sort: i64,
    pub(crate) color: String,
    /// "Incoming leads": `type` 1. A lead gets there by a message alone.
    pub(crate) is_unsorted: bool,
}

impl Status {
    fn is_editable(&self) -> bool {
        !self.is_unsorted && !matches!(self.id, WON | LOST)
    }

    fn render(&self, account: &Account, pipeline_id: i64, base: &str) -> Value {
        let id = self.id;
        json!({
            "id": id,
            "name": self.name,
            "sort": self.sort,
            "is_editable": self.is_editable(),
            "pipeline_id": pipeline_id,
            "color": self.color,
            "type": i64::from(self.is_unsorted),
            "account_id": account.id,
            "_links": {"self": {"href": format!("{base}/api/v4/leads/pipelines/{pipeline_id}/statuses/{id}")}},
        })
    }
}

impl Pipeline {
    /// With the three stages every pipeline has.
    pub(crate) fn new(account: &mut Account, name: &str, stages: &[(&str, &str)]) -> Self {
        let mut statuses = vec![Status {
            id: account.ids.next("unsorted_status") + 7900,
            name: "Incoming leads".to_owned(),
            sort: 10,
            color: "#c1c1c1".to_owned(),
            is_unsorted: true,
        }];
        for (sort, (name, color)) in (20..).step_by(10).zip(stages) {
            statuses.push(Status {
                id: account.ids.next("status"),
                name: storable(name),
                sort,
                color: (*color).to_owned(),
                is_unsorted: false,
            });
        }
        statuses.push(closed(WON, "Closed - won", 10_000, "#CCFF66"));
        statuses.push(closed(LOST, "Closed - lost", 11_000, "#D5D8DB"));
        Self {
            id: account.ids.next("pipeline"),
            name: storable(name),
            sort: 1,
            is_main: account.pipelines.is_empty(),
            is_unsorted_on: true,
            statuses,
        }
    }

    pub(crate) fn status(&self, id: i64) -> Option<&Status> {
        self.statuses.iter().find(|status| status.id == id)
    }

    /// Where a lead begins that names no stage.
    pub(crate) fn first_stage(&self) -> i64 {
        let first = self.statuses.iter().find(|status| !status.is_unsorted);
        first.map_or(WON, |status| status.id)
    }

    pub(crate) fn unsorted_stage(&self) -> i64 {
        let unsorted = self.statuses.iter().find(|status| status.is_unsorted);
        unsorted.map_or_else(|| self.first_stage(), |status| status.id)
    }

    fn render(&self, account: &Account, base: &str) -> Value {
        let id = self.id;
        let statuses = self.statuses.iter();
        json!({
            "id": id,
            "name": self.name,
            "sort": self.sort,
            "is_main": self.is_main,
            "is_unsorted_on": self.is_unsorted_on,
            "is_archive": false,
            "account_id": account.id,
            "_links": {"self": {"href": format!("{base}/api/v4/leads/pipelines/{id}")}},
            "_embedded": {
                "statuses": statuses.map(|status| status.render(account, id, base)).collect::<Vec<_>>(),
            },
        })
    }
}

impl Account {
    pub(crate) fn pipeline(&self, id: i64) -> Option<&Pipeline> {
        self.pipelines.iter().find(|pipeline| pipeline.id == id)
    }

    pub(crate) fn main_pipeline(&self) -> Option<&Pipeline> {
        self.pipelines.iter().find(|pipeline| pipeline.is_main)
    }

    pub(crate) fn stage(&self, pipeline_id: i64, status_id: i64) -> Option<&Status> {
        self.pipeline(pipeline_id)?.status(status_id)
    }

    fn holds_leads(&self, pipeline_id: i64, status_id: Option<i64>) -> bool {
        self.cards
            .values()
            .filter_map(|card| card.deal.as_ref())
            .any(|deal| {
                deal.pipeline_id == pipeline_id && status_id.is_none_or(|id| deal.status_id == id)
            })
    }
}

fn closed(id: i64, name: &str, sort: i64, color: &str) -> Status {
    Status {
        id,
        name: name.to_owned(),
        sort,
        color: color.to_owned(),
        is_unsorted: false,
    }
}

/// A name as Kommo's database keeps it: characters of four bytes (emoji) become blanks.
fn storable(name: &str) -> String {
    name.chars()
        .map(|character| {
            if character.len_utf8() > 3 {
                ' '
            } else {
                character
            }
        })
        .collect()
}

pub(crate) fn routes(routes: Routes) -> Routes {
    const PIPELINES: &str = "/api/v4/leads/pipelines";
    const PIPELINE: &str = "/api/v4/leads/pipelines/{id}";
    const STATUSES: &str = "/api/v4/leads/pipelines/{id}/statuses";
    const STATUS: &str = "/api/v4/leads/pipelines/{id}/statuses/{status}";
    routes
        .api(MethodFilter::GET, PIPELINES, list)
        .api(MethodFilter::POST, PIPELINES, edit::create)
        .api(MethodFilter::GET, PIPELINE, get)
        .api(MethodFilter::PATCH, PIPELINE, edit::patch)
        .api(MethodFilter::DELETE, PIPELINE, edit::delete)
        .api(MethodFilter::GET, STATUSES, list_statuses)
        .api(MethodFilter::POST, STATUSES, edit::create_statuses)
        .api(MethodFilter::GET, STATUS, get_status)
        .api(MethodFilter::PATCH, STATUS, edit::patch_status)
        .api(MethodFilter::DELETE, STATUS, edit::delete_status)
}

fn list(account: &mut Account, call: &Call) -> Answered {
    let pipelines = account.pipelines.iter();
    let pipelines: Vec<Value> = pipelines
        .map(|pipeline| pipeline.render(account, &call.base))
        .collect();
    Ok(Answer::whole(call, "pipelines", &pipelines))
}

fn get(account: &mut Account, call: &Call) -> Answered {
    let pipeline = account.pipeline(call.id("id")?);
    found(pipeline.map(|pipeline| pipeline.render(account, &call.base)))
}

fn list_statuses(account: &mut Account, call: &Call) -> Answered {
    let id = call.id("id")?;
    let pipeline = account.pipeline(id).ok_or_else(Refusal::not_found)?;
    let statuses = pipeline.statuses.iter();
    let statuses: Vec<Value> = statuses
        .map(|status| status.render(account, id, &call.base))
        .collect();
    Ok(Answer::whole(call, "statuses", &statuses))
}

fn get_status(account: &mut Account, call: &Call) -> Answered {
    let pipeline_id = call.id("id")?;
    let status = account.stage(pipeline_id, call.id("status")?);
    found(status.map(|status| status.render(account, pipeline_id, &call.base)))
}
