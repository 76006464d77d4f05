//! What agents are tried with: suites, cases, runs.

use t11_proto::agents::v1::{
    CancelEvalRunRequest, CopyTurnToEvalCaseRequest, CreateEvalCaseRequest, CreateEvalSuiteRequest,
    DeleteEvalCaseRequest, DeleteEvalSuiteRequest, GetEvalRunRequest, ListEvalCasesRequest,
    ListEvalCasesResponse, ListEvalRunsRequest, ListEvalRunsResponse, ListEvalSuitesRequest,
    ListEvalSuitesResponse, RunEvalSuiteRequest, UpdateEvalCaseRequest, UpdateEvalSuiteRequest,
};
pub(crate) use t11_proto::agents::v1::{
    EvalAssert, EvalAssertKind, EvalAssertResult, EvalCase, EvalMessage, EvalReply, EvalResult,
    EvalRun, EvalRunState, EvalSetup, EvalSuite,
};

use super::transport::{rpc, unary};
use super::{Problem, request_id};

pub(crate) async fn suites(agent: String) -> Result<Vec<EvalSuite>, Problem> {
    let path = rpc!("/t11.agents.v1.EvaluationService/ListEvalSuites");
    let answer: ListEvalSuitesResponse = unary(path, &ListEvalSuitesRequest { agent }).await?;
    Ok(answer.eval_suites)
}

/// Creates a suite without a name, replaces one with.
pub(crate) async fn save_suite(suite: EvalSuite) -> Result<EvalSuite, Problem> {
    if suite.name.is_empty() {
        let path = rpc!("/t11.agents.v1.EvaluationService/CreateEvalSuite");
        let request = CreateEvalSuiteRequest {
            eval_suite: Some(suite),
            request_id: request_id(),
        };
        return unary(path, &request).await;
    }
    let path = rpc!("/t11.agents.v1.EvaluationService/UpdateEvalSuite");
    let request = UpdateEvalSuiteRequest {
        eval_suite: Some(suite),
    };
    unary(path, &request).await
}

pub(crate) async fn delete_suite(name: String, etag: String) -> Result<(), Problem> {
    let path = rpc!("/t11.agents.v1.EvaluationService/DeleteEvalSuite");
    unary::<()>(path, &DeleteEvalSuiteRequest { name, etag }).await
}

pub(crate) async fn cases(parent: String) -> Result<Vec<EvalCase>, Problem> {
    let path = rpc!("/t11.agents.v1.EvaluationService/ListEvalCases");
    let answer: ListEvalCasesResponse = unary(path, &ListEvalCasesRequest { parent }).await?;
    Ok(answer.eval_cases)
}

/// Creates a case without a name, replaces one with.
pub(crate) async fn save_case(parent: String, case: EvalCase) -> Result<EvalCase, Problem> {
    if case.name.is_empty() {
        let path = rpc!("/t11.agents.v1.EvaluationService/CreateEvalCase");
        let request = CreateEvalCaseRequest {
            parent,
            eval_case: Some(case),
            request_id: request_id(),
        };
        return unary(path, &request).await;
    }
    let path = rpc!("/t11.agents.v1.EvaluationService/UpdateEvalCase");
    let request = UpdateEvalCaseRequest {
        eval_case: Some(case),
    };
    unary(path, &request).await
}

/// Makes a case of what a client has said up to `turn`.
pub(crate) async fn copy_turn(parent: String, turn: String) -> Result<EvalCase, Problem> {
    let path = rpc!("/t11.agents.v1.EvaluationService/CopyTurnToEvalCase");
    let request = CopyTurnToEvalCaseRequest {
        parent,
        turn,
        request_id: request_id(),
    };
    unary(path, &request).await
}

pub(crate) async fn delete_case(name: String, etag: String) -> Result<(), Problem> {
    let path = rpc!("/t11.agents.v1.EvaluationService/DeleteEvalCase");
    unary::<()>(path, &DeleteEvalCaseRequest { name, etag }).await
}

/// Tries the draft.
pub(crate) async fn run(name: String) -> Result<EvalRun, Problem> {
    let path = rpc!("/t11.agents.v1.EvaluationService/RunEvalSuite");
    let request = RunEvalSuiteRequest {
        name,
        version: String::new(),
        request_id: request_id(),
    };
    unary(path, &request).await
}

pub(crate) async fn runs(parent: String) -> Result<Vec<EvalRun>, Problem> {
    let path = rpc!("/t11.agents.v1.EvaluationService/ListEvalRuns");
    let answer: ListEvalRunsResponse = unary(path, &ListEvalRunsRequest { parent }).await?;
    Ok(answer.eval_runs)
}

pub(crate) async fn get_run(name: String) -> Result<EvalRun, Problem> {
    let path = rpc!("/t11.agents.v1.EvaluationService/GetEvalRun");
    unary(path, &GetEvalRunRequest { name }).await
}

pub(crate) async fn cancel_run(name: String) -> Result<EvalRun, Problem> {
    let path = rpc!("/t11.agents.v1.EvaluationService/CancelEvalRun");
    unary(path, &CancelEvalRunRequest { name }).await
}
