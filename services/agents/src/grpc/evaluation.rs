//! `EvaluationService`.

use t11_core::{Violations, format_name, parse_child_name, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::evaluation_service_server::EvaluationService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Handlers;
use super::conversation::turn_name;
use super::convert::{request_id, timestamp};
use super::version::optional_version;
use crate::Error;
use crate::evaluation::{
    Assert, Case, CaseResult, Judged, NewCase, NewSuite, Reply, Run, RunState, Said, Setup, Suite,
};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl EvaluationService for Handlers {
    async fn get_eval_suite(
        &self,
        request: Request<pb::GetEvalSuiteRequest>,
    ) -> Answer<pb::EvalSuite> {
        let scope = t11_grpc::scope(&request)?;
        let id = suite(&request.get_ref().name)?;
        let found = self.store.eval_suite(&scope, id).await?;
        Ok(Response::new(found.into()))
    }

    async fn list_eval_suites(
        &self,
        request: Request<pb::ListEvalSuitesRequest>,
    ) -> Answer<pb::ListEvalSuitesResponse> {
        let scope = t11_grpc::scope(&request)?;
        let agent = parse_name("agents", &request.get_ref().agent).map_err(Error::from)?;
        let suites = self.store.eval_suites(&scope, agent).await?;
        Ok(Response::new(pb::ListEvalSuitesResponse {
            eval_suites: suites.into_iter().map(Into::into).collect(),
        }))
    }

    async fn create_eval_suite(
        &self,
        request: Request<pb::CreateEvalSuiteRequest>,
    ) -> Answer<pb::EvalSuite> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let given = request.eval_suite.unwrap_or_default();
        let agent = parse_name("agents", &given.agent).map_err(Error::from)?;
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        let given = new_suite(given).check(&mut violations);
        violations.check().map_err(Error::from)?;
        let making = self
            .store
            .create_eval_suite(&scope, agent, given, request_id);
        Ok(Response::new(making.await?.into()))
    }

    async fn update_eval_suite(
        &self,
        request: Request<pb::UpdateEvalSuiteRequest>,
    ) -> Answer<pb::EvalSuite> {
        let scope = t11_grpc::scope(&request)?;
        let given = request.into_inner().eval_suite.unwrap_or_default();
        let id = suite(&given.name)?;
        let etag = given.etag.clone();
        let mut violations = Violations::default();
        let given = new_suite(given).check(&mut violations);
        violations.check().map_err(Error::from)?;
        let changed = self
            .store
            .update_eval_suite(&scope, id, given, etag)
            .await?;
        Ok(Response::new(changed.into()))
    }

    async fn delete_eval_suite(&self, request: Request<pb::DeleteEvalSuiteRequest>) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let id = suite(&request.name)?;
        let deleting = self.store.delete_eval_suite(&scope, id, request.etag);
        deleting.await?;
        Ok(Response::new(()))
    }

    async fn list_eval_cases(
        &self,
        request: Request<pb::ListEvalCasesRequest>,
    ) -> Answer<pb::ListEvalCasesResponse> {
        let scope = t11_grpc::scope(&request)?;
        let suite = suite(&request.get_ref().parent)?;
        let cases = self.store.eval_cases(&scope, suite).await?;
        Ok(Response::new(pb::ListEvalCasesResponse {
            eval_cases: cases.into_iter().map(Into::into).collect(),
        }))
    }

    async fn create_eval_case(
        &self,
        request: Request<pb::CreateEvalCaseRequest>,
    ) -> Answer<pb::EvalCase> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let suite = suite(&request.parent)?;
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        let given = new_case(request.eval_case.unwrap_or_default(), violations)?;
        let making = self
            .store
            .create_eval_case(&scope, suite, given, request_id);
        Ok(Response::new(making.await?.into()))
    }

    async fn copy_turn_to_eval_case(
        &self,
        request: Request<pb::CopyTurnToEvalCaseRequest>,
    ) -> Answer<pb::EvalCase> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let suite = suite(&request.parent)?;
        let turn =
            parse_child_name("conversations", "turns", &request.turn).map_err(Error::from)?;
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        let made = self
            .store
            .copy_turn(&scope, suite, turn, request_id)
            .await?;
        Ok(Response::new(made.into()))
    }

    async fn update_eval_case(
        &self,
        request: Request<pb::UpdateEvalCaseRequest>,
    ) -> Answer<pb::EvalCase> {
        let scope = t11_grpc::scope(&request)?;
        let given = request.into_inner().eval_case.unwrap_or_default();
        let name = case(&given.name)?;
        let etag = given.etag.clone();
        let given = new_case(given, Violations::default())?;
        let changed = self
            .store
            .update_eval_case(&scope, name, given, etag)
            .await?;
        Ok(Response::new(changed.into()))
    }

    async fn delete_eval_case(&self, request: Request<pb::DeleteEvalCaseRequest>) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let name = case(&request.name)?;
        let deleting = self.store.delete_eval_case(&scope, name, request.etag);
        deleting.await?;
        Ok(Response::new(()))
    }

    async fn run_eval_suite(
        &self,
        request: Request<pb::RunEvalSuiteRequest>,
    ) -> Answer<pb::EvalRun> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let suite = suite(&request.name)?;
        let version = optional_version(&request.version)?;
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        let making = self
            .store
            .create_eval_run(&scope, suite, version, request_id);
        Ok(Response::new(making.await?.into()))
    }

    async fn get_eval_run(&self, request: Request<pb::GetEvalRunRequest>) -> Answer<pb::EvalRun> {
        let scope = t11_grpc::scope(&request)?;
        let name = run(&request.get_ref().name)?;
        let found = self.store.eval_run(&scope, name).await?;
        Ok(Response::new(with_results(found)))
    }

    async fn list_eval_runs(
        &self,
        request: Request<pb::ListEvalRunsRequest>,
    ) -> Answer<pb::ListEvalRunsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let suite = suite(&request.get_ref().parent)?;
        let runs = self.store.eval_runs(&scope, suite).await?;
        Ok(Response::new(pb::ListEvalRunsResponse {
            eval_runs: runs.into_iter().map(Into::into).collect(),
        }))
    }

    async fn cancel_eval_run(
        &self,
        request: Request<pb::CancelEvalRunRequest>,
    ) -> Answer<pb::EvalRun> {
        let scope = t11_grpc::scope(&request)?;
        let name = run(&request.get_ref().name)?;
        let cancelled = self.store.cancel_eval_run(&scope, name).await?;
        Ok(Response::new(with_results(cancelled)))
    }
}

fn suite(name: &str) -> Result<Uuid, Error> {
    Ok(parse_name("evalSuites", name)?)
}

fn case(name: &str) -> Result<(Uuid, Uuid), Error> {
    Ok(parse_child_name("evalSuites", "cases", name)?)
}

fn run(name: &str) -> Result<(Uuid, Uuid), Error> {
    Ok(parse_child_name("evalSuites", "runs", name)?)
}

fn new_suite(given: pb::EvalSuite) -> NewSuite {
    NewSuite {
        display_name: given.display_name,
        required_for_publish: given.required_for_publish,
        budget_micro_usd: given.budget_micro_usd,
    }
}

fn new_case(given: pb::EvalCase, mut violations: Violations) -> Result<NewCase, Error> {
    let setup = given.setup.unwrap_or_default();
    let history = setup.history.into_iter().map(|message| Said {
        from_client: message.from_client,
        text: message.text,
    });
    let mut asserts = Vec::new();
    for (index, given) in given.asserts.into_iter().enumerate() {
        match assert(given) {
            Some(assert) => asserts.push(assert),
            None => {
                let field = format!("eval_case.asserts[{index}].kind");
                violations.add(field, "REQUIRED", "say what is wanted");
            }
        }
    }
    let case = NewCase {
        display_name: given.display_name,
        enabled: given.enabled.unwrap_or(true),
        setup: Setup {
            language: setup.language,
            pipeline_id: setup.pipeline_id,
            stage_id: setup.stage_id,
            history: history.collect(),
        },
        client_texts: given.client_texts,
        asserts,
    };
    let case = case.check(&mut violations);
    violations.check()?;
    Ok(case)
}

fn assert(given: pb::EvalAssert) -> Option<Assert> {
    use pb::EvalAssertKind as Kind;
    let value = given.value.clone();
    Some(match given.kind() {
        Kind::Unspecified => return None,
        Kind::Contains => Assert::Contains { text: value },
        Kind::NotContains => Assert::NotContains { text: value },
        Kind::Outcome => Assert::Outcome { outcome: value },
        Kind::Tool => Assert::Tool { tool: value },
        Kind::NoTool => Assert::NoTool { tool: value },
        Kind::NumbersSourced => Assert::NumbersSourced,
        Kind::MaxCost => Assert::MaxCost {
            micro_usd: given.amount,
        },
    })
}

fn pb_assert(assert: Assert) -> pb::EvalAssert {
    use pb::EvalAssertKind as Kind;
    let (kind, value, amount) = match assert {
        Assert::Contains { text } => (Kind::Contains, text, 0),
        Assert::NotContains { text } => (Kind::NotContains, text, 0),
        Assert::Outcome { outcome } => (Kind::Outcome, outcome, 0),
        Assert::Tool { tool } => (Kind::Tool, tool, 0),
        Assert::NoTool { tool } => (Kind::NoTool, tool, 0),
        Assert::NumbersSourced => (Kind::NumbersSourced, String::new(), 0),
        Assert::MaxCost { micro_usd } => (Kind::MaxCost, String::new(), micro_usd),
    };
    pb::EvalAssert {
        kind: kind.into(),
        value,
        amount,
    }
}

impl From<Suite> for pb::EvalSuite {
    fn from(suite: Suite) -> Self {
        let etag = suite.etag().into();
        Self {
            name: format_name("evalSuites", suite.id),
            agent: format_name("agents", suite.agent_id),
            display_name: suite.given.display_name,
            required_for_publish: suite.given.required_for_publish,
            budget_micro_usd: suite.given.budget_micro_usd,
            case_count: suite.case_count,
            create_time: Some(timestamp(suite.create_time)),
            update_time: Some(timestamp(suite.update_time)),
            etag,
        }
    }
}

impl From<Case> for pb::EvalCase {
    fn from(case: Case) -> Self {
        let etag = case.etag().into();
        let setup = case.given.setup;
        let history = setup.history.into_iter().map(|said| pb::EvalMessage {
            from_client: said.from_client,
            text: said.text,
        });
        Self {
            name: format!("evalSuites/{}/cases/{}", case.suite_id, case.id),
            display_name: case.given.display_name,
            enabled: Some(case.given.enabled),
            setup: Some(pb::EvalSetup {
                language: setup.language,
                pipeline_id: setup.pipeline_id,
                stage_id: setup.stage_id,
                history: history.collect(),
            }),
            client_texts: case.given.client_texts,
            asserts: case.given.asserts.into_iter().map(pb_assert).collect(),
            create_time: Some(timestamp(case.create_time)),
            update_time: Some(timestamp(case.update_time)),
            etag,
        }
    }
}

impl From<Run> for pb::EvalRun {
    fn from(run: Run) -> Self {
        let state = match run.state {
            RunState::Queued => pb::EvalRunState::Queued,
            RunState::Running => pb::EvalRunState::Running,
            RunState::Passed => pb::EvalRunState::Passed,
            RunState::Failed => pb::EvalRunState::Failed,
            RunState::Cancelled => pb::EvalRunState::Cancelled,
        };
        Self {
            name: format!("evalSuites/{}/runs/{}", run.suite_id, run.id),
            state: state.into(),
            version_number: run.version_number,
            sha256: run.sha256,
            case_count: run.case_count,
            passed_count: run.passed_count,
            failed_count: run.failed_count,
            cost_micro_usd: run.cost_micro_usd,
            budget_micro_usd: run.budget_micro_usd,
            error_reason: run.error_reason,
            create_time: Some(timestamp(run.create_time)),
            end_time: run.end_time.map(timestamp),
            results: Vec::new(),
        }
    }
}

fn with_results((run, results): (Run, Vec<CaseResult>)) -> pb::EvalRun {
    let suite = run.suite_id;
    let results = results.into_iter().map(|result| pb_result(suite, result));
    pb::EvalRun {
        results: results.collect(),
        ..run.into()
    }
}

fn pb_result(suite: Uuid, result: CaseResult) -> pb::EvalResult {
    let conversation = result.conversation_id;
    let replies = result.replies.into_iter();
    pb::EvalResult {
        case: format!("evalSuites/{suite}/cases/{}", result.case_id),
        display_name: result.display_name,
        passed: result.passed,
        error_reason: result.error_reason,
        asserts: result.asserts.into_iter().map(pb_judged).collect(),
        replies: replies.map(|reply| pb_reply(conversation, reply)).collect(),
        cost_micro_usd: result.cost_micro_usd,
        took_ms: result.took_ms,
    }
}

fn pb_judged(judged: Judged) -> pb::EvalAssertResult {
    pb::EvalAssertResult {
        assert: Some(pb_assert(judged.assert)),
        passed: judged.passed,
        found: judged.found,
    }
}

fn pb_reply(conversation: Uuid, reply: Reply) -> pb::EvalReply {
    pb::EvalReply {
        client_text: reply.client_text,
        text: reply.text,
        outcome: reply.outcome,
        turn: turn_name(conversation, reply.turn_id),
    }
}
