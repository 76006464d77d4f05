//! `ModelService`.

use std::sync::Arc;

use t11_core::{Page, PageTokens};
use t11_proto::llm::v1::model_service_server::ModelService;
use t11_proto::llm::v1::{ListModelsRequest, ListModelsResponse};
use tonic::{Request, Response, Status};

use super::convert;
use crate::catalog::{Catalog, Model};
use crate::error::Error;
use crate::provider::demo;

const DEFAULT_PAGE: u64 = 50;
/// OpenRouter lists some hundreds.
const MAX_PAGE: u64 = 1_000;

pub(super) struct Service {
    pub(super) catalog: Arc<Catalog>,
    pub(super) provider: &'static str,
    pub(super) embeddings: bool,
    pub(super) page_tokens: PageTokens,
}

#[tonic::async_trait]
impl ModelService for Service {
    async fn list_models(
        &self,
        request: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        let request = request.into_inner();
        let arguments = format!("ListModels\n{}", request.query);
        let page = self
            .page_tokens
            .read(
                &arguments,
                request.page_size,
                &request.page_token,
                DEFAULT_PAGE,
                MAX_PAGE,
            )
            .map_err(Error::from)?;
        let models = self.catalog.models().await?;
        let default = self.catalog.default_model().await?;
        let found = matching(&models, &request.query, page.cursor.as_deref());
        let limit = usize::try_from(page.size)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let page = Page::from_rows(found.take(limit).collect(), page.size, |model: &&Model| {
            model.id.clone()
        });
        Ok(Response::new(ListModelsResponse {
            next_page_token: self
                .page_tokens
                .write(&arguments, page.next_cursor.as_deref()),
            models: page
                .map(|model| convert::model(model, self.provider, &default))
                .items,
            demo: self.provider == demo::NAME,
            embeddings: self.embeddings,
        }))
    }
}

/// The models after `cursor` whose id or name contains `query`, whatever the case.
fn matching<'a>(
    models: &'a [Model],
    query: &str,
    cursor: Option<&str>,
) -> impl Iterator<Item = &'a Model> {
    let query = query.trim().to_lowercase();
    let start = cursor.map_or(0, |cursor| {
        models.partition_point(|model| model.id.as_str() <= cursor)
    });
    models[start..].iter().filter(move |model| {
        model.id.to_lowercase().contains(&query)
            || model.display_name.to_lowercase().contains(&query)
    })
}
