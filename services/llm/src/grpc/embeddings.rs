//! `EmbeddingService`.

use t11_proto::llm::v1::embedding_service_server::EmbeddingService;
use t11_proto::llm::v1::{EmbedRequest, EmbedResponse};
use tonic::{Request, Response, Status};

use super::convert;
use crate::embedding::Embedder;

pub(super) struct Service {
    pub(super) embedder: Embedder,
}

#[tonic::async_trait]
impl EmbeddingService for Service {
    async fn embed(
        &self,
        request: Request<EmbedRequest>,
    ) -> Result<Response<EmbedResponse>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let new = convert::new_embeddings(request.into_inner())?;
        let embedded = self.embedder.embed(&scope, new).await?;
        Ok(Response::new(convert::embed_response(embedded)))
    }
}
