//! The service on the wire.

mod budgets;
mod completions;
mod convert;
mod embeddings;
mod models;
mod privacy;
mod provider_keys;
mod routes;
mod usage;

use std::sync::Arc;

use t11_core::{PageTokens, World};
use t11_proto::llm::v1::budget_service_server::BudgetServiceServer;
use t11_proto::llm::v1::completion_service_server::CompletionServiceServer;
use t11_proto::llm::v1::embedding_service_server::EmbeddingServiceServer;
use t11_proto::llm::v1::model_service_server::ModelServiceServer;
use t11_proto::llm::v1::privacy_service_server::PrivacyServiceServer;
use t11_proto::llm::v1::provider_key_service_server::ProviderKeyServiceServer;
use t11_proto::llm::v1::route_service_server::RouteServiceServer;
use t11_proto::llm::v1::usage_service_server::UsageServiceServer;
use tonic::Status;
use tonic::service::Routes;

use crate::allowance::Allowances;
use crate::catalog::Catalog;
use crate::completion::Completions;
use crate::embedding::Embedder;
use crate::error::Error;
use crate::failure::Failure;
use crate::keys::Keys;
use crate::privacy::Privacy;
use crate::router::Router;
use crate::store::Store;

/// A prompt of the longest context fits; 256 passages to embed do, too.
const MAX_REQUEST_BYTES: usize = 8 * 1024 * 1024;

/// Everything the handlers call.
pub(crate) struct Parts {
    pub(crate) completions: Completions,
    pub(crate) embedder: Embedder,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) provider: &'static str,
    pub(crate) has_platform_key: bool,
    pub(crate) keys: Arc<Keys>,
    pub(crate) router: Arc<Router>,
    pub(crate) privacy: Arc<Privacy>,
    pub(crate) store: Store,
    pub(crate) allowances: Allowances,
    pub(crate) page_tokens: PageTokens,
    pub(crate) world: World,
}

/// The routes of all RPCs.
pub(crate) fn routes(parts: Parts) -> Routes {
    let routes = routes::Service {
        completions: parts.completions.clone(),
        router: parts.router,
        store: parts.store.clone(),
        world: parts.world.clone(),
    };
    let completions = completions::Service {
        completions: parts.completions,
    };
    let models = models::Service {
        catalog: parts.catalog,
        provider: parts.provider,
        embeddings: parts.embedder.available(),
        page_tokens: parts.page_tokens,
    };
    let embeddings = embeddings::Service {
        embedder: parts.embedder,
    };
    let budgets = budgets::Service {
        store: parts.store.clone(),
        allowances: parts.allowances.clone(),
        world: parts.world.clone(),
    };
    let provider_keys = provider_keys::Service {
        keys: parts.keys,
        store: parts.store.clone(),
        world: parts.world.clone(),
        provider: parts.provider,
        has_platform_key: parts.has_platform_key,
    };
    let privacy = privacy::Service {
        privacy: parts.privacy,
        store: parts.store.clone(),
        world: parts.world.clone(),
    };
    let usage = usage::Service {
        store: parts.store,
        allowances: parts.allowances,
        world: parts.world,
    };
    let completions = CompletionServiceServer::new(completions);
    let embeddings = EmbeddingServiceServer::new(embeddings);
    Routes::new(completions.max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(embeddings.max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(ModelServiceServer::new(models))
        .add_service(BudgetServiceServer::new(budgets))
        .add_service(RouteServiceServer::new(routes).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(PrivacyServiceServer::new(privacy))
        .add_service(ProviderKeyServiceServer::new(provider_keys))
        .add_service(UsageServiceServer::new(usage))
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        t11_grpc::status("llm", &error)
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        t11_grpc::status("llm", &failure)
    }
}
