//! Texts as vectors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use t11_core::OrgScope;
use tokio::time::Instant;

use crate::budget::Worst;
use crate::error::Error;
use crate::failure::Failure;
use crate::gateway::{Gateway, NewCall, pseudonym};
use crate::keys::{Benched, Key};
use crate::meter::{Meter, Settled};
use crate::money::NanoUsd;
use crate::provider::{EmbeddingBatch, EmbeddingPurpose, Embeddings, Finish, FinishReason, Tokens};
use crate::usage::estimate_tokens;

/// The purpose in usage records.
const PURPOSE: &str = "embed";

/// A request for vectors, checked.
#[derive(Debug)]
pub(crate) struct NewEmbeddings {
    /// Empty = the configured one.
    pub(crate) model: String,
    /// At least one.
    pub(crate) texts: Vec<String>,
    pub(crate) purpose: EmbeddingPurpose,
}

/// Vectors in the order of their texts, all of one length.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) settled: Settled,
}

/// Makes vectors.
#[derive(Clone)]
pub(crate) struct Embedder {
    gateway: Gateway,
    /// Empty = there is none.
    model: String,
    /// Texts in one request to the provider.
    batch: usize,
    longest: Duration,
}

impl Embedder {
    pub(crate) fn new(gateway: Gateway, model: String, batch: usize, longest: Duration) -> Self {
        Self {
            gateway,
            model,
            batch: batch.max(1),
            longest,
        }
    }

    /// Whether texts can be embedded.
    pub(crate) fn available(&self) -> bool {
        !self.model.is_empty()
    }

    /// The vectors of the texts.
    pub(crate) async fn embed(
        &self,
        scope: &OrgScope,
        mut new: NewEmbeddings,
    ) -> Result<Embedded, Error> {
        if !self.available() {
            return Err(Error::EmbeddingsUnavailable);
        }
        self.gateway
            .privacy
            .mask_texts(scope, &mut new.texts)
            .await?;
        let model = if new.model.is_empty() {
            self.model.clone()
        } else {
            new.model
        };
        let mut key = self.gateway.keys.choose(scope).await?;
        let meter = self.gateway.meter(
            scope,
            NewCall {
                request_id: None,
                purpose: PURPOSE.to_owned(),
                agent: String::new(),
                model: model.clone(),
                prompt_tokens: new.texts.iter().map(|text| estimate_tokens(text)).sum(),
                worst: Worst {
                    prompt_bytes: new.texts.iter().map(String::len).sum(),
                    messages: new.texts.len(),
                    max_tokens: 0,
                },
                purses: Vec::new(),
                is_guard: false,
            },
        );
        let mut meter = meter.await?;
        let user = pseudonym(scope.org());
        let deadline = Instant::now() + self.longest;
        let mut all = Sum::default();
        for texts in new.texts.chunks(self.batch) {
            let batch = EmbeddingBatch {
                model: &model,
                texts,
                purpose: new.purpose,
                user: &user,
                key: None,
            };
            let may_have_cost = AtomicBool::new(false);
            let call = Batch {
                embedder: self,
                scope,
                batch,
                deadline,
                may_have_cost: &may_have_cost,
            };
            let outcome = call.embed(&mut key, &mut meter).await;
            if may_have_cost.into_inner() {
                all.finish.cost = None;
                all.finish.tokens = None;
            }
            let missed = match outcome {
                Ok(embeddings) => all.add(embeddings).err().map(Missed::from),
                Err(missed) => Some(missed),
            };
            if let Some(missed) = missed {
                meter.fail(&missed.failure).await;
                return Err(missed.error);
            }
        }
        let settled = meter.finish(all.finish).await;
        Ok(Embedded {
            vectors: all.vectors,
            settled,
        })
    }
}

/// One request to the provider.
struct Batch<'a> {
    embedder: &'a Embedder,
    scope: &'a OrgScope,
    batch: EmbeddingBatch<'a>,
    deadline: Instant,
    may_have_cost: &'a AtomicBool,
}

/// How it failed, and what its caller is told.
struct Missed {
    failure: Failure,
    error: Error,
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Self {
            error: failure.clone().into(),
            failure,
        }
    }
}

impl Batch<'_> {
    /// With this key, or those that follow when it does not serve.
    async fn embed(
        &self,
        key: &mut Option<Arc<Key>>,
        meter: &mut Meter,
    ) -> Result<Embeddings, Missed> {
        let keys = &self.embedder.gateway.keys;
        loop {
            meter.keyed(key.as_deref().map(|key| key.id));
            let failure = match self.attempt(key.as_deref(), meter).await {
                Ok(embeddings) => return Ok(embeddings),
                Err(failure) => failure,
            };
            let next = match keys.failed(self.scope, key.as_deref(), &failure).await {
                Ok(Benched::OthersServe) => keys.choose(self.scope).await,
                Ok(Benched::AllAre(exhausted)) if !failure.transient => Err(exhausted.into()),
                Ok(Benched::AllAre(_) | Benched::No) => return Err(failure.into()),
                Err(error) => Err(error),
            };
            match next {
                Ok(next) => *key = next,
                Err(error) => return Err(Missed { failure, error }),
            }
        }
    }

    async fn attempt(&self, key: Option<&Key>, meter: &mut Meter) -> Result<Embeddings, Failure> {
        let gateway = &self.embedder.gateway;
        let batch = EmbeddingBatch {
            key: key.map(|key| &key.secret),
            ..self.batch
        };
        let attempt = || async {
            let embedded = gateway.provider.embed(&batch, self.deadline).await;
            if embedded.as_ref().is_err_and(|failure| !failure.free) {
                self.may_have_cost.store(true, Ordering::Relaxed);
            }
            embedded
        };
        let (tries, outcome) = gateway.retry.run(self.deadline, attempt).await;
        meter.tried(tries);
        outcome
    }
}

/// Batches put together.
struct Sum {
    vectors: Vec<Vec<f32>>,
    finish: Finish,
}

impl Default for Sum {
    fn default() -> Self {
        let finish = Finish {
            reason: FinishReason::Stop,
            model: String::new(),
            tokens: Some(Tokens::default()),
            cost: Some(NanoUsd::default()),
            generation: String::new(),
        };
        Self {
            vectors: Vec::new(),
            finish,
        }
    }
}

impl Sum {
    /// A sum is known when all its parts are.
    fn add(&mut self, batch: Embeddings) -> Result<(), Failure> {
        let lengths = (
            self.vectors.first().map(Vec::len),
            batch.vectors.first().map(Vec::len),
        );
        if let (Some(before), Some(now)) = lengths
            && before != now
        {
            let message = "the provider's vectors are not of one length";
            return Err(Failure::unavailable("invalid_vectors", message));
        }
        self.vectors.extend(batch.vectors);
        self.finish.model = batch.model;
        let tokens = self.finish.tokens.zip(batch.tokens);
        self.finish.tokens = tokens.map(|(all, more)| Tokens {
            prompt: all.prompt + more.prompt,
            completion: all.completion + more.completion,
            cached: all.cached + more.cached,
        });
        self.finish.cost = self
            .finish
            .cost
            .zip(batch.cost)
            .map(|(all, more)| all + more);
        Ok(())
    }
}
