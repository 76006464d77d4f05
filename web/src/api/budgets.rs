pub(crate) use t11_proto::llm::v1::{Budget, BudgetExhaustion, BudgetPeriod};
use t11_proto::llm::v1::{
    DeleteBudgetRequest, ListBudgetsRequest, ListBudgetsResponse, SetBudgetRequest,
};

use super::Problem;
use super::transport::{rpc, unary};

/// The organization's first, then those of agents.
pub(crate) async fn all() -> Result<Vec<Budget>, Problem> {
    let path = rpc!("/t11.llm.v1.BudgetService/ListBudgets");
    let answer: ListBudgetsResponse = unary(path, &ListBudgetsRequest {}).await?;
    Ok(answer.budgets)
}

/// Sets the cap of a resource for a period.
pub(crate) async fn set(budget: Budget) -> Result<Budget, Problem> {
    let request = SetBudgetRequest {
        resource: budget.resource,
        period: budget.period,
        cap_micro_usd: budget.cap_micro_usd,
        exhaustion: budget.exhaustion,
    };
    unary(rpc!("/t11.llm.v1.BudgetService/SetBudget"), &request).await
}

pub(crate) async fn delete(name: String) -> Result<(), Problem> {
    let path = rpc!("/t11.llm.v1.BudgetService/DeleteBudget");
    unary::<()>(path, &DeleteBudgetRequest { name }).await
}
