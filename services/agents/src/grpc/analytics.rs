//! `AnalyticsService`.

use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::analytics_service_server::AnalyticsService;
use tonic::{Request, Response, Status};

use super::Handlers;
use crate::overview::{answers, since};

#[tonic::async_trait]
impl AnalyticsService for Handlers {
    async fn get_overview(
        &self,
        request: Request<pb::GetOverviewRequest>,
    ) -> Result<Response<pb::Overview>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let zone = self.chat.accounts.organization(scope.org()).await?.zone;
        let now = self.world.now();
        let (counts, turns) = self.store.overview(&scope, since(now, zone)).await?;
        let answers = answers(&turns, now, zone);
        let small = |number: u64| i32::try_from(number).unwrap_or(i32::MAX);
        let day = |(date, count): (chrono::NaiveDate, i64)| pb::DayCount {
            date: date.to_string(),
            count,
        };
        Ok(Response::new(pb::Overview {
            agents_total: small(counts.agents_total),
            agents_active: small(counts.agents_active),
            answers_today: answers.today,
            answers_yesterday: answers.yesterday,
            answers_this_month: answers.this_month,
            answers_last_month: answers.last_month,
            cost_this_month_micro_usd: answers.cost_this_month_micro_usd,
            sources_ready: small(counts.sources_ready),
            sources_processing: small(counts.sources_processing),
            sources_failed: small(counts.sources_failed),
            chunks_total: small(counts.chunks_total),
            price_items_live: small(counts.price_items_live),
            answers_by_day: answers.by_day.into_iter().map(day).collect(),
            unanswered_30_days: answers.unanswered_30_days,
        }))
    }
}
