//! `GET /v1/models`: the aliases of the organization's routes, then the models.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};
use t11_proto::llm::v1 as llm;
use t11_proto::llm::v1::model_service_client::ModelServiceClient;
use t11_proto::llm::v1::route_service_client::RouteServiceClient;
use tonic::Status;

use super::refusal::Refusal;
use super::{Call, admit};
use crate::app::{App, Shared};
use crate::stream_end::EndingPeer;

const RPC: &str = "/t11.llm.v1.ModelService/ListModels";
/// The most that the service gives at once.
const PAGE: i32 = 1_000;

/// Who owns an alias: whoever asks.
const OWN: &str = "organization";

/// What a request may name as its model.
struct Named {
    id: String,
    /// In seconds since 1970; 0 = not known.
    created: i64,
    owned_by: String,
}

impl Named {
    fn form(&self) -> Value {
        let Self {
            id,
            created,
            owned_by,
        } = self;
        json!({"id": id, "object": "model", "created": created, "owned_by": owned_by})
    }
}

impl From<llm::Route> for Named {
    fn from(route: llm::Route) -> Self {
        Self {
            id: route.alias,
            created: route.update_time.map_or(0, |time| time.seconds),
            owned_by: OWN.to_owned(),
        }
    }
}

impl From<llm::Model> for Named {
    fn from(model: llm::Model) -> Self {
        let id = model.name.strip_prefix("models/");
        Self {
            id: id.unwrap_or(&model.name).to_owned(),
            created: 0,
            owned_by: model.provider,
        }
    }
}

pub(super) async fn list(State(app): State<App>, request: Request) -> Response {
    let listed = async {
        let all = all(&app, request).await?;
        let data: Vec<_> = all.iter().map(Named::form).collect();
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
        let all = all(&app, request).await?;
        match all.iter().find(|one| one.id == wanted) {
            Some(found) => super::json(&found.form()),
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

/// An alias goes before a model of the same name, as it does where requests name it.
async fn all(app: &Shared, request: Request) -> Result<Vec<Named>, Refusal> {
    let (parts, _body) = request.into_parts();
    let Call { admitted, peer } = admit(app, &parts, RPC).await?;
    let call = async {
        let mut routes = RouteServiceClient::new(peer.clone());
        let routes = routes.list_routes(llm::ListRoutesRequest {}).await?;
        let mut all: Vec<Named> = routes
            .into_inner()
            .routes
            .into_iter()
            .map(Named::from)
            .collect();
        let aliases = all.len();
        for model in models(peer).await?.into_iter().map(Named::from) {
            if !all[..aliases].iter().any(|alias| alias.id == model.id) {
                all.push(model);
            }
        }
        Ok::<_, Status>(all)
    };
    let all = t11_grpc::in_context(admitted.context.clone(), call).await;
    Ok(all?)
}

async fn models(peer: EndingPeer) -> Result<Vec<llm::Model>, Status> {
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
}
