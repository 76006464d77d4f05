//! Texts as vectors, when an embedding model is set; else search says that it compares words only.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use t11_core::{Fault as _, FaultKind};
use t11_grpc::{Peer, RemoteFault};
use t11_proto::llm::v1::embedding_service_client::EmbeddingServiceClient;
use t11_proto::llm::v1::{EmbedRequest, EmbeddingPurpose};

use crate::Error;
use crate::knowledge::index::Embedding;
use crate::vector;

/// Texts of one call.
pub(crate) const BATCH: usize = 64;
/// For how long "no embedding model is set" is believed.
const BELIEVED: Duration = Duration::from_secs(30);

/// The llm service's embeddings.
pub(crate) struct Embedder {
    peer: Peer,
    unavailable: Mutex<Option<Instant>>,
}

impl Embedder {
    /// Embeddings of the llm service behind `peer`.
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            unavailable: Mutex::new(None),
        }
    }

    /// The vector of a question; `None` without an embedding model, or when it does not answer:
    /// a search by words is better than none, and says so.
    pub(crate) async fn query(&self, text: &str) -> Option<Embedding> {
        match self
            .embed(vec![text.to_owned()], EmbeddingPurpose::Query)
            .await
        {
            Ok(vectors) => vectors?.pop(),
            Err(error) => {
                tracing::warn!(%error, "the question was not embedded; searching by words only");
                None
            }
        }
    }

    /// The vectors of passages, in order; `None` without an embedding model.
    ///
    /// # Errors
    /// The neighbour's refusal.
    pub(crate) async fn passages(
        &self,
        texts: Vec<String>,
    ) -> Result<Option<Vec<Embedding>>, Error> {
        self.embed(texts, EmbeddingPurpose::Passage).await
    }

    async fn embed(
        &self,
        texts: Vec<String>,
        purpose: EmbeddingPurpose,
    ) -> Result<Option<Vec<Embedding>>, Error> {
        if self
            .unavailable
            .lock()
            .is_some_and(|since| since.elapsed() < BELIEVED)
        {
            return Ok(None);
        }
        let count = texts.len();
        let request = EmbedRequest {
            model: String::new(),
            texts,
            purpose: purpose.into(),
        };
        let answer = EmbeddingServiceClient::new(self.peer.clone())
            .embed(request)
            .await;
        let response = match answer {
            Ok(response) => response.into_inner(),
            Err(status) => {
                let fault = RemoteFault::from(&status);
                if fault.reason() == "EMBEDDINGS_UNAVAILABLE"
                    && fault.kind() == FaultKind::Precondition
                {
                    *self.unavailable.lock() = Some(Instant::now());
                    return Ok(None);
                }
                return Err(fault.into());
            }
        };
        if response.vectors.len() != count {
            return Err(Error::Corrupt("answer of the embedding model"));
        }
        let model = response.model;
        let vectors = response.vectors.iter().map(|bytes| Embedding {
            model: model.clone(),
            values: vector::from_bytes(bytes),
        });
        Ok(Some(vectors.collect()))
    }
}
