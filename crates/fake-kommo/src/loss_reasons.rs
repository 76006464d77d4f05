//! Why leads are lost.

use axum::routing::MethodFilter;
use serde_json::json;

use crate::account::{Account, found};
use crate::answer::Answer;
use crate::routes::Routes;

#[derive(Debug, Clone)]
pub(crate) struct LossReason {
    pub(crate) id: i64,
    pub(crate) name: String,
}

impl LossReason {
    pub(crate) fn render(&self, account: &Account) -> serde_json::Value {
        let created_at = account.created_at;
        json!({
            "id": self.id,
            "name": self.name,
            "sort": self.id * 100,
            "created_at": created_at,
            "updated_at": created_at,
        })
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    const LIST: &str = "/api/v4/leads/loss_reasons";
    routes
        .api(MethodFilter::GET, LIST, |account, call| {
            Answer::page(call, "loss_reasons", &account.loss_reasons, |reason| {
                reason.render(account)
            })
        })
        .api(
            MethodFilter::GET,
            "/api/v4/leads/loss_reasons/{id}",
            |account, call| {
                let id = call.id("id")?;
                let reason = account.loss_reasons.iter().find(|reason| reason.id == id);
                found(reason.map(|reason| reason.render(account)))
            },
        )
}
