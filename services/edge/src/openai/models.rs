//! `GET /v1/models`.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};
use t11_proto::llm::v1 as llm;
use t11_proto::llm::v1::model_service_client::ModelServiceClient;

use super::refusal::Refusal;
use super::{Call, admit};
use crate::app::{App, Shared};

const RPC: &str = "/t11.llm.v1.ModelService/ListModels";
/// The most that the service gives at once.
const PAGE: i32 = 1_000;

pub(super) async fn list(State(app): State<App>, request: Request) -> Response {
    let listed = async {
        let models = models(&app, request).await?;
        let data: Vec<_> = models.iter().map(model).collect();
        super::json(&json!({"object": "list", "data": data}))
    };
    match listed.await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) async fn get(
    State(app): State<App>,
    Path(wanted): Path<String>,
    request: Request,
) -> Response {
    let found = async {
        let models = models(&app, request).await?;
        let found = models.iter().find(|one| id(one) == wanted);
        match found {
            Some(found) => super::json(&model(found)),
            None => Err(unknown(&wanted)),
        }
    };
    match found.await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

fn unknown(model: &str) -> Refusal {
    let message = format!("there is no model `{model}`");
    let http = StatusCode::NOT_FOUND;
    Refusal::invalid(http, "model_not_found", Some("model"), &message)
}

async fn models(app: &Shared, request: Request) -> Result<Vec<llm::Model>, Refusal> {
    let (parts, _body) = request.into_parts();
    let Call { admitted, peer } = admit(app, &parts, RPC).await?;
    let call = async {
        let mut client = ModelServiceClient::new(peer);
        let mut models = Vec::new();
        let mut request = llm::ListModelsRequest {
            page_size: PAGE,
            ..llm::ListModelsRequest::default()
        };
        loop {
            let page = client.list_models(request.clone()).await?.into_inner();
            models.extend(page.models);
            if page.next_page_token.is_empty() {
                return Ok(models);
            }
            request.page_token = page.next_page_token;
        }
    };
    t11_grpc::in_context(admitted.context.clone(), call).await
}

fn id(model: &llm::Model) -> &str {
    model.name.strip_prefix("models/").unwrap_or(&model.name)
}

fn model(model: &llm::Model) -> Value {
    json!({"id": id(model), "object": "model", "created": 0, "owned_by": model.provider})
}
