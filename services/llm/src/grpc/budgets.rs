//! `BudgetService`.

use prost_types::Timestamp;
use t11_core::{Violations, World, format_name, parse_name};
use t11_proto::llm::v1 as pb;
use t11_proto::llm::v1::budget_service_server::BudgetService;
use tonic::{Request, Response, Status};

use crate::allowance::Allowances;
use crate::budget::{Budget, BudgetState, Exhaustion, ORGANIZATION, Period};
use crate::error::Error;
use crate::money::NanoUsd;
use crate::store::Store;

/// More than anybody means.
const MAX_CAP_MICRO_USD: i64 = 1_000_000_000_000;

pub(super) struct Service {
    pub(super) store: Store,
    pub(super) allowances: Allowances,
    pub(super) world: World,
}

#[tonic::async_trait]
impl BudgetService for Service {
    async fn list_budgets(
        &self,
        request: Request<pb::ListBudgetsRequest>,
    ) -> Result<Response<pb::ListBudgetsResponse>, Status> {
        let scope = t11_grpc::scope(&request)?;
        // What is held is what running calls may cost, and not what is kept ready for others.
        self.allowances.renew(&scope).await;
        let states = self.store.budgets(&scope, self.world.now()).await?;
        let budgets = states.iter().map(|state| self.budget(state)).collect();
        Ok(Response::new(pb::ListBudgetsResponse { budgets }))
    }

    async fn set_budget(
        &self,
        request: Request<pb::SetBudgetRequest>,
    ) -> Result<Response<pb::Budget>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let budget = new_budget(&self.world, &request.into_inner())?;
        let set = self.store.set_budget(&scope, budget, self.world.now());
        let set = set.await?;
        self.allowances.renew(&scope).await;
        Ok(Response::new(self.budget(&set)))
    }

    async fn delete_budget(
        &self,
        request: Request<pb::DeleteBudgetRequest>,
    ) -> Result<Response<()>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("budgets", &request.into_inner().name).map_err(Error::from)?;
        self.store.delete_budget(&scope, id).await?;
        self.allowances.renew(&scope).await;
        Ok(Response::new(()))
    }
}

impl Service {
    fn budget(&self, state: &BudgetState) -> pb::Budget {
        let now = self.world.now();
        let budget = &state.budget;
        let period = match budget.period {
            Period::Day => pb::BudgetPeriod::Day,
            Period::Month => pb::BudgetPeriod::Month,
        };
        let (_, reset) = budget.period.around(now);
        pb::Budget {
            name: format_name("budgets", budget.id),
            resource: budget.resource.clone(),
            period: period.into(),
            cap_micro_usd: budget.cap.micro_usd(),
            spent_micro_usd: state.spent.micro_usd(),
            reserved_micro_usd: state.held.micro_usd(),
            forecast_micro_usd: state.forecast(now).micro_usd(),
            reset_time: Some(Timestamp {
                seconds: reset.timestamp(),
                nanos: 0,
            }),
            exhaustion: match budget.exhaustion {
                Exhaustion::Degrade => pb::BudgetExhaustion::Degrade,
                Exhaustion::Refuse => pb::BudgetExhaustion::Refuse,
            }
            .into(),
        }
    }
}

fn new_budget(world: &World, request: &pb::SetBudgetRequest) -> Result<Budget, Error> {
    let mut violations = Violations::default();
    let v = &mut violations;
    let resource = v.text("resource", &request.resource, 1, 100);
    if !resource.is_empty() && resource != ORGANIZATION && parse_name("agents", &resource).is_err()
    {
        let words = "`resource` must be `organization` or of the form `agents/{agent}`";
        v.add("resource", "INVALID", words);
    }
    let period = match request.period() {
        pb::BudgetPeriod::Day => Period::Day,
        pb::BudgetPeriod::Month => Period::Month,
        pb::BudgetPeriod::Unspecified => {
            v.add("period", "REQUIRED", "`period` must be given");
            Period::Month
        }
    };
    if !(0..=MAX_CAP_MICRO_USD).contains(&request.cap_micro_usd) {
        let words = format!("`cap_micro_usd` must be from 0 to {MAX_CAP_MICRO_USD}");
        v.add("cap_micro_usd", "OUT_OF_RANGE", words);
    }
    violations.check().map_err(Error::Invalid)?;
    Ok(Budget {
        id: world.new_id(),
        resource,
        period,
        cap: NanoUsd::from_micro_usd(request.cap_micro_usd),
        exhaustion: match request.exhaustion() {
            pb::BudgetExhaustion::Refuse => Exhaustion::Refuse,
            pb::BudgetExhaustion::Unspecified | pb::BudgetExhaustion::Degrade => {
                Exhaustion::Degrade
            }
        },
    })
}
