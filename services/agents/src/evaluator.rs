//! Tries the cases of a suite: each in a conversation of its own, by the turn of the test chat.

use std::sync::Arc;
use std::time::Instant;

use t11_core::{Fault as _, OrgScope};
use t11_runtime::RunningJob;
use uuid::Uuid;

use crate::Error;
use crate::chat::{Chat, Tried};
use crate::evaluation::{BUDGET_EXCEEDED, Case, CaseResult, Reply, cost};
use crate::store::{AnsweringFrom, Begun, Saying, Store, Trying};
use crate::turn::{Report, State};

/// Runs suites.
pub(crate) struct Evaluator {
    pub(crate) store: Store,
    pub(crate) chat: Arc<Chat>,
}

impl Evaluator {
    /// Tries what of a run was not tried yet, until somebody ends it.
    pub(crate) async fn run(
        &self,
        scope: &OrgScope,
        run: Uuid,
        job: &RunningJob,
    ) -> Result<(), Error> {
        let Some(trying) = self.store.begin_eval_run(scope, run).await? else {
            return Ok(());
        };
        let total = u64::try_from(trying.run.case_count).unwrap_or(0);
        let before = total.saturating_sub(trying.cases.len() as u64);
        for (done, case) in (before..).zip(&trying.cases) {
            let percent = (done * 100).checked_div(total).unwrap_or(0);
            job.progress("try", done, total, u8::try_from(percent).unwrap_or(100));
            if job.cancelled().is_cancelled() {
                let name = (trying.suite.id, run);
                self.store.cancel_eval_run(scope, name).await?;
                return Ok(());
            }
            match self.store.goes_on(scope, run).await? {
                None => return Ok(()),
                Some(cost) if cost >= trying.run.budget_micro_usd && cost > 0 => {
                    return self.store.end_eval_run(scope, run, BUDGET_EXCEEDED).await;
                }
                Some(_) => {}
            }
            let result = Box::pin(self.tried(scope, &trying, case)).await?;
            let exceeded = result.error_reason == BUDGET_EXCEEDED;
            self.store.keep_eval_result(scope, run, result).await?;
            if exceeded {
                return self.store.end_eval_run(scope, run, BUDGET_EXCEEDED).await;
            }
        }
        job.progress("try", total, total, 100);
        self.store.end_eval_run(scope, run, "").await
    }

    async fn tried(
        &self,
        scope: &OrgScope,
        trying: &Trying,
        case: &Case,
    ) -> Result<CaseResult, Error> {
        let started = Instant::now();
        let (agent, given) = (trying.suite.agent_id, &case.given);
        let conversation = self
            .store
            .create_eval_conversation(
                scope,
                agent,
                given.display_name.clone(),
                given.setup.clone(),
            )
            .await?;
        let (mut reports, mut replies) = (Vec::new(), Vec::new());
        for text in &given.client_texts {
            let (turn_id, report) = self
                .said(scope, trying, case, conversation.id, text.clone())
                .await?;
            replies.push(Reply {
                client_text: text.clone(),
                text: report.text(),
                outcome: report.outcome.as_str().to_owned(),
                turn_id,
            });
            let failed = report.state == State::Failed;
            reports.push(report);
            if failed {
                break;
            }
        }
        let fault = reports.last().and_then(|report| report.error.clone());
        let error_reason = fault.map(|(reason, _)| reason).unwrap_or_default();
        let asserts = given.asserts.iter().map(|assert| assert.judge(&reports));
        let asserts: Vec<_> = asserts.collect();
        Ok(CaseResult {
            case_id: case.id,
            conversation_id: conversation.id,
            display_name: given.display_name.clone(),
            passed: error_reason.is_empty() && asserts.iter().all(|one| one.passed),
            error_reason,
            asserts,
            replies,
            cost_micro_usd: cost(&reports),
            took_ms: i32::try_from(started.elapsed().as_millis()).unwrap_or(i32::MAX),
        })
    }

    /// Has one message answered. A turn that breaks off is a report of a failed one.
    async fn said(
        &self,
        scope: &OrgScope,
        trying: &Trying,
        case: &Case,
        conversation: Uuid,
        text: String,
    ) -> Result<(Uuid, Report), Error> {
        let saying = Saying {
            text,
            from: AnsweringFrom::Frozen(trying.frozen.clone()),
            request_id: None,
        };
        let begun = self.store.begin_turn(scope, conversation, saying).await?;
        // Without a request id nothing is repeated.
        let Begun::Turn(beginning) = begun else {
            return Err(Error::Interrupted);
        };
        let id = beginning.turn.id;
        let tried = Tried {
            setup: &case.given.setup,
            run: trying.run.id,
            budget_micro_usd: trying.run.budget_micro_usd,
        };
        let evaluating = self.chat.evaluate(scope, *beginning, tried);
        match Box::pin(evaluating).await {
            Ok(report) => Ok((id, report)),
            Err(error) => {
                let failed = Report {
                    state: State::Failed,
                    error: Some((error.reason().to_owned(), error.to_string())),
                    ..Report::empty()
                };
                Ok((id, failed))
            }
        }
    }
}
