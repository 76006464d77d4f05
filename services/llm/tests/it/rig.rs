//! The service, the server it calls, and a caller.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use t11_core::{Fault as _, OrgId, World};
use t11_grpc::{Peer, RemoteFault, as_service};
use t11_llm::Llm;
use t11_proto::llm::v1 as pb;
use t11_proto::llm::v1::budget_service_client::BudgetServiceClient;
use t11_proto::llm::v1::complete_response::Event;
use t11_proto::llm::v1::completion_service_client::CompletionServiceClient;
use t11_proto::llm::v1::embedding_service_client::EmbeddingServiceClient;
use t11_proto::llm::v1::model_service_client::ModelServiceClient;
use t11_proto::llm::v1::privacy_service_client::PrivacyServiceClient;
use t11_proto::llm::v1::route_service_client::RouteServiceClient;
use t11_proto::llm::v1::usage_service_client::UsageServiceClient;
use t11_runtime::{Entry, Mesh, Settings, Shape, Sources};
use t11_testkit::fake_model::{FakeModel, Received};
use tempfile::TempDir;
use tonic::{Status, Streaming};
use uuid::Uuid;

pub(crate) const KEY: &str = "sk-or-v1-test";

pub(crate) struct Rig {
    pub(crate) model: FakeModel,
    mesh: Mesh,
    pub(crate) org: OrgId,
    _data: TempDir,
}

/// What came of a completion.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) calls: Vec<pb::ToolCall>,
    /// Its last event, or what it ended with instead.
    pub(crate) end: Result<pb::Finish, Status>,
}

impl Outcome {
    pub(crate) fn finish(&self) -> &pb::Finish {
        self.end.as_ref().unwrap()
    }

    pub(crate) fn fault(&self) -> RemoteFault {
        RemoteFault::from(self.end.as_ref().unwrap_err())
    }

    pub(crate) fn reason(&self) -> String {
        self.fault().reason().to_owned()
    }
}

impl Rig {
    /// The service in front of a server that speaks OpenRouter's API.
    pub(crate) async fn openrouter() -> Self {
        Self::with(&[]).await
    }

    /// The same with further settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::offering(&[], settings).await
    }

    /// The same with further models, whose prices it knows.
    pub(crate) async fn offering(models: &[Value], settings: &[(&str, &str)]) -> Self {
        let model = FakeModel::start().await;
        for offered in models {
            model.offer(offered.clone());
        }
        model.require_key(KEY);
        let base_url = model.base_url();
        let mut variables = vec![
            ("OPENROUTER_BASE_URL", base_url.as_str()),
            ("OPENROUTER_API_KEY", KEY),
            ("T11_LLM__SERVER", "openrouter"),
            ("T11_LLM__SETTLE_DELAY_MS", "2"),
        ];
        variables.extend(settings);
        let rig = Self::start(model, &variables).await;
        if !models.is_empty() {
            rig.models(pb::ListModelsRequest::default()).await.unwrap();
        }
        rig
    }

    /// The same when it knows its models' prices: once they were listed.
    pub(crate) async fn priced() -> Self {
        let rig = Self::openrouter().await;
        rig.models(pb::ListModelsRequest::default()).await.unwrap();
        rig
    }

    /// The service without a provider.
    pub(crate) async fn demo() -> Self {
        Self::start(
            FakeModel::start().await,
            &[("T11_LLM__DEMO_WORD_DELAY_MS", "0")],
        )
        .await
    }

    async fn start(model: FakeModel, variables: &[(&str, &str)]) -> Self {
        t11_runtime::init_process();
        let data = tempfile::tempdir().unwrap();
        let mut all =
            BTreeMap::from([("T11_DATA_DIR".to_owned(), data.path().display().to_string())]);
        all.extend(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let settings = Settings::load(&Sources {
            variables: all,
            file: None,
        })
        .unwrap();
        let entries = [Entry::of::<Llm>()];
        let mesh = Mesh::start(
            settings,
            World::system(),
            &entries,
            &["llm"],
            Shape::OneProcess,
        );
        let mesh = mesh.await.unwrap();
        Self {
            model,
            mesh,
            org: OrgId(Uuid::from_u128(7)),
            _data: data,
        }
    }

    /// What the server was asked to do: lists and costs are asked for in the background.
    pub(crate) fn asked(&self) -> Vec<Received> {
        let received = self.model.received().into_iter();
        received
            .filter(|one| one.route.starts_with("POST"))
            .collect()
    }

    /// The models that were asked, in order.
    pub(crate) fn asked_models(&self) -> Vec<String> {
        let asked = self.asked().into_iter();
        asked
            .filter_map(|one| one.body["model"].as_str().map(ToOwned::to_owned))
            .collect()
    }

    /// Waits until it was asked so often.
    pub(crate) async fn until_asked(&self, count: usize) {
        let mut received = count;
        while self.asked().len() < count {
            self.model.until_received(received).await;
            received += 1;
        }
    }

    pub(crate) async fn stop(self) {
        self.mesh.stop().await;
    }

    /// The same service for another organization.
    pub(crate) fn in_org(&mut self, org: u128) {
        self.org = OrgId(Uuid::from_u128(org));
    }

    pub(crate) fn peer(&self) -> Peer {
        self.mesh.context().peer("llm")
    }

    /// Runs a call in the name of a service that works for the organization.
    pub(crate) async fn call<F: Future>(&self, call: F) -> F::Output {
        let context = self.mesh.context();
        as_service(
            &context.signer(),
            &context.world(),
            "agents",
            self.org,
            call,
        )
        .await
    }

    pub(crate) async fn begin(
        &self,
        request: pb::CompleteRequest,
    ) -> Result<Streaming<pb::CompleteResponse>, Status> {
        let mut client = CompletionServiceClient::new(self.peer());
        Ok(self.call(client.complete(request)).await?.into_inner())
    }

    pub(crate) async fn complete(&self, request: pb::CompleteRequest) -> Outcome {
        let mut outcome = Outcome {
            text: String::new(),
            calls: Vec::new(),
            end: Ok(pb::Finish::default()),
        };
        let mut events = match self.begin(request).await {
            Ok(events) => events,
            Err(status) => {
                return Outcome {
                    end: Err(status),
                    ..outcome
                };
            }
        };
        loop {
            match events.message().await {
                Ok(Some(response)) => match response.event.unwrap() {
                    Event::TextDelta(text) => outcome.text.push_str(&text),
                    Event::ToolCall(call) => outcome.calls.push(call),
                    Event::Finish(finish) => outcome.end = Ok(finish),
                },
                Ok(None) => return outcome,
                Err(status) => {
                    return Outcome {
                        end: Err(status),
                        ..outcome
                    };
                }
            }
        }
    }

    /// Asks the default model.
    pub(crate) async fn ask(&self, question: &str) -> Outcome {
        self.complete(request(question)).await
    }

    pub(crate) async fn embed(
        &self,
        request: pb::EmbedRequest,
    ) -> Result<pb::EmbedResponse, Status> {
        let mut client = EmbeddingServiceClient::new(self.peer());
        Ok(self.call(client.embed(request)).await?.into_inner())
    }

    pub(crate) async fn models(
        &self,
        request: pb::ListModelsRequest,
    ) -> Result<pb::ListModelsResponse, Status> {
        let mut client = ModelServiceClient::new(self.peer());
        Ok(self.call(client.list_models(request)).await?.into_inner())
    }

    pub(crate) async fn privacy_policy(&self) -> pb::PrivacyPolicy {
        let mut client = PrivacyServiceClient::new(self.peer());
        let request = pb::GetPrivacyPolicyRequest {};
        let got = self.call(client.get_privacy_policy(request)).await;
        got.unwrap().into_inner()
    }

    pub(crate) async fn set_privacy_policy(&self, policy: pb::PrivacyPolicy) -> pb::PrivacyPolicy {
        let mut client = PrivacyServiceClient::new(self.peer());
        let request = pb::UpdatePrivacyPolicyRequest {
            privacy_policy: Some(policy),
        };
        let set = self.call(client.update_privacy_policy(request)).await;
        set.unwrap().into_inner()
    }

    /// Sets what the organization may spend a month.
    pub(crate) async fn may_spend(&self, micro_usd: i64) -> pb::Budget {
        let request = pb::SetBudgetRequest {
            resource: "organization".to_owned(),
            period: pb::BudgetPeriod::Month.into(),
            cap_micro_usd: micro_usd,
            ..Default::default()
        };
        let mut client = BudgetServiceClient::new(self.peer());
        let set = self.call(client.set_budget(request)).await;
        set.unwrap().into_inner()
    }

    pub(crate) async fn budgets(&self) -> Vec<pb::Budget> {
        let mut client = BudgetServiceClient::new(self.peer());
        let request = pb::ListBudgetsRequest {};
        let list = self.call(client.list_budgets(request)).await;
        list.unwrap().into_inner().budgets
    }

    pub(crate) async fn delete_budget(&self, name: &str) -> Result<(), Status> {
        let request = pb::DeleteBudgetRequest {
            name: name.to_owned(),
        };
        let mut client = BudgetServiceClient::new(self.peer());
        self.call(client.delete_budget(request)).await.map(drop)
    }

    /// A route from an alias to models, asked in this order.
    pub(crate) async fn route(&self, alias: &str, models: &[&str]) -> pb::Route {
        let target = |model: &&str| pb::RouteTarget {
            model: (*model).to_owned(),
            ..Default::default()
        };
        let request = pb::SetRouteRequest {
            alias: alias.to_owned(),
            targets: models.iter().map(target).collect(),
            hedge_delay_ms: 0,
            cache: None,
        };
        self.set_route(request).await.unwrap()
    }

    pub(crate) async fn set_route(
        &self,
        request: pb::SetRouteRequest,
    ) -> Result<pb::Route, Status> {
        let mut client = RouteServiceClient::new(self.peer());
        Ok(self.call(client.set_route(request)).await?.into_inner())
    }

    pub(crate) async fn routes(&self) -> Vec<pb::Route> {
        let mut client = RouteServiceClient::new(self.peer());
        let list = self
            .call(client.list_routes(pb::ListRoutesRequest {}))
            .await;
        list.unwrap().into_inner().routes
    }

    pub(crate) async fn get_route(&self, name: &str) -> Result<pb::Route, Status> {
        let request = pb::GetRouteRequest {
            name: name.to_owned(),
        };
        let mut client = RouteServiceClient::new(self.peer());
        Ok(self.call(client.get_route(request)).await?.into_inner())
    }

    pub(crate) async fn delete_route(&self, name: &str) -> Result<(), Status> {
        let request = pb::DeleteRouteRequest {
            name: name.to_owned(),
        };
        let mut client = RouteServiceClient::new(self.peer());
        self.call(client.delete_route(request)).await.map(drop)
    }

    pub(crate) async fn explain(&self, completion: pb::CompleteRequest) -> pb::ExplainResponse {
        let request = pb::ExplainRequest {
            completion: Some(completion),
        };
        let mut client = RouteServiceClient::new(self.peer());
        let explained = self.call(client.explain(request)).await;
        explained.unwrap().into_inner()
    }

    /// Waits until so many calls are recorded.
    pub(crate) async fn until_recorded(&self, calls: i64) -> pb::QueryUsageResponse {
        loop {
            let usage = self.usage().await;
            if usage.total_calls >= calls {
                return usage;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn usage(&self) -> pb::QueryUsageResponse {
        self.query_usage(pb::QueryUsageRequest::default())
            .await
            .unwrap()
    }

    pub(crate) async fn query_usage(
        &self,
        request: pb::QueryUsageRequest,
    ) -> Result<pb::QueryUsageResponse, Status> {
        let mut client = UsageServiceClient::new(self.peer());
        Ok(self.call(client.query_usage(request)).await?.into_inner())
    }
}

/// A request with one message of the user.
pub(crate) fn request(question: &str) -> pb::CompleteRequest {
    let messages = vec![message(pb::MessageRole::User, question)];
    pb::CompleteRequest {
        messages,
        ..Default::default()
    }
}

pub(crate) fn message(role: pb::MessageRole, content: &str) -> pb::Message {
    pb::Message {
        role: role.into(),
        content: content.to_owned(),
        ..Default::default()
    }
}
