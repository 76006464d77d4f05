//! The models that can be called and what they charge, remembered for a while.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::money::TokenPrice;
use crate::provider::Provider;
use crate::usage::Prices;

/// Lists are as old as this at most; prices change by the day.
const FRESH: Duration = Duration::from_secs(600);
/// After a failure an old list serves this long before the provider is asked again.
const PAUSE: Duration = Duration::from_secs(30);
/// How long a provider may take to list its models.
const PATIENCE: Duration = Duration::from_secs(8);

/// A model of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    /// The provider's slug: `openai/gpt-4o-mini`.
    pub(crate) id: String,
    pub(crate) display_name: String,
    /// 0 = not known.
    pub(crate) context_tokens: i64,
    pub(crate) prompt_price: Option<TokenPrice>,
    pub(crate) completion_price: Option<TokenPrice>,
    pub(crate) supports_json_schema: bool,
    pub(crate) supports_tools: bool,
    pub(crate) supports_images: bool,
}

impl Model {
    /// Both prices, when both are known.
    fn prices(&self) -> Option<Prices> {
        Some(Prices {
            prompt: self.prompt_price?,
            completion: self.completion_price?,
        })
    }

    /// What is known of a model that is in no list.
    fn unlisted(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            display_name: id.to_owned(),
            context_tokens: 0,
            prompt_price: None,
            completion_price: None,
            supports_json_schema: true,
            supports_tools: true,
            supports_images: false,
        }
    }
}

/// A provider's models.
pub(crate) struct Catalog {
    provider: Arc<dyn Provider>,
    /// As configured; empty = the first of the list.
    default_model: String,
    list: RwLock<Option<List>>,
    /// Held by the one who asks the provider; others wait for their answer.
    asking: Mutex<()>,
}

#[derive(Clone)]
struct List {
    models: Arc<[Model]>,
    stale_at: Instant,
}

impl Catalog {
    pub(crate) fn new(provider: Arc<dyn Provider>, default_model: String) -> Self {
        Self {
            provider,
            default_model,
            list: RwLock::new(None),
            asking: Mutex::new(()),
        }
    }

    /// The models, sorted by id. The configured default is among them even if the provider does
    /// not list it.
    pub(crate) async fn models(&self) -> Result<Arc<[Model]>, Failure> {
        if let Some(models) = self.fresh() {
            return Ok(models);
        }
        let _asking = self.asking.lock().await;
        if let Some(models) = self.fresh() {
            return Ok(models);
        }
        let listed = self.provider.models(Instant::now() + PATIENCE).await;
        let old = self.list.read().clone();
        let (models, fresh) = match (listed, old) {
            (Ok(models), _) => (self.complete(models), FRESH),
            (Err(failure), Some(old)) => {
                tracing::warn!(cause = %failure.cause, "the list of models cannot be renewed");
                (old.models, PAUSE)
            }
            (Err(failure), None) => return Err(failure),
        };
        let list = List {
            models: models.clone(),
            stale_at: Instant::now() + fresh,
        };
        *self.list.write() = Some(list);
        Ok(models)
    }

    /// The model of requests that name none.
    pub(crate) async fn default_model(&self) -> Result<String, Failure> {
        if !self.default_model.is_empty() {
            return Ok(self.default_model.clone());
        }
        let models = self.models().await?;
        let first = models.first().ok_or_else(|| Failure::model_unknown(""))?;
        Ok(first.id.clone())
    }

    /// What is known of a model, if a list with it was read before. Asks nobody.
    pub(crate) fn known(&self, id: &str) -> Option<Model> {
        let list = self.list.read();
        let models = &list.as_ref()?.models;
        models.iter().find(|model| model.id == id).cloned()
    }

    /// What a model charges, if a list with it was read before. Asks nobody.
    pub(crate) fn prices(&self, model: &str) -> Option<Prices> {
        let list = self.list.read();
        let models = &list.as_ref()?.models;
        models.iter().find(|known| known.id == model)?.prices()
    }

    /// The dearest of both prices among the models listed; `None` where no model has a price.
    pub(crate) fn dearest(&self) -> Option<Prices> {
        let list = self.list.read();
        let prices = list.as_ref()?.models.iter().filter_map(Model::prices);
        prices.reduce(|one, other| Prices {
            prompt: one.prompt.max(other.prompt),
            completion: one.completion.max(other.completion),
        })
    }

    /// Keeps the list at hand, so that prices are known before the first call.
    pub(crate) async fn keep(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            match shutdown.run_until_cancelled(self.models()).await {
                None => return,
                Some(Ok(_)) => {}
                Some(Err(failure)) => {
                    tracing::warn!(cause = %failure.cause, "the models cannot be listed");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(FRESH) => {}
            }
        }
    }

    fn fresh(&self) -> Option<Arc<[Model]>> {
        let list = self.list.read();
        let list = list
            .as_ref()
            .filter(|list| Instant::now() < list.stale_at)?;
        Some(list.models.clone())
    }

    fn complete(&self, mut models: Vec<Model>) -> Arc<[Model]> {
        let default = &self.default_model;
        if !default.is_empty() && models.iter().all(|model| model.id != *default) {
            models.push(Model::unlisted(default));
        }
        models.sort_by(|a, b| a.id.cmp(&b.id));
        models.dedup_by(|a, b| a.id == b.id);
        models.into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use parking_lot::Mutex;
    use secrecy::SecretString;

    use super::*;
    use crate::provider::{Answer, Attempt, Charge, EmbeddingBatch, Embeddings};
    use crate::provider_key::KeyReport;

    /// Lists models, or fails once its list is taken away.
    #[derive(Default)]
    struct Lists {
        models: Mutex<Option<Vec<Model>>>,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Provider for Lists {
        fn name(&self) -> &'static str {
            "lists"
        }
        async fn complete(&self, _: &Attempt<'_>) -> Result<Answer, Failure> {
            Err(Failure::unavailable("test", ""))
        }
        async fn charged(
            &self,
            _: &str,
            _: Option<&SecretString>,
            _: Instant,
        ) -> Result<Option<Charge>, Failure> {
            Ok(None)
        }
        async fn check_key(&self, _: &SecretString, _: Instant) -> Result<KeyReport, Failure> {
            Err(Failure::unavailable("test", ""))
        }
        fn tells_charges(&self) -> bool {
            false
        }
        async fn embed(&self, _: &EmbeddingBatch<'_>, _: Instant) -> Result<Embeddings, Failure> {
            Err(Failure::unavailable("test", ""))
        }
        async fn models(&self, _: Instant) -> Result<Vec<Model>, Failure> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            self.models
                .lock()
                .clone()
                .ok_or_else(|| Failure::unavailable("test", ""))
        }
    }

    fn catalog(ids: &[&str], default: &str) -> (Arc<Lists>, Catalog) {
        let models = ids.iter().map(|id| Model::unlisted(id)).collect();
        let lists = Arc::new(Lists {
            models: Mutex::new(Some(models)),
            ..Lists::default()
        });
        (lists.clone(), Catalog::new(lists, default.to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn many_ask_and_the_provider_answers_once() {
        let (lists, catalog) = catalog(&["b", "a", "b"], "");
        let asked = (0..8).map(|_| catalog.models());
        for models in futures::future::join_all(asked).await {
            let ids: Vec<_> = models
                .unwrap()
                .iter()
                .map(|model| model.id.clone())
                .collect();
            assert_eq!(ids, ["a", "b"]);
        }
        assert_eq!(lists.asked.load(Ordering::Relaxed), 1);
        assert_eq!(catalog.default_model().await.unwrap(), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_list_outlives_an_outage() {
        let (lists, catalog) = catalog(&["a"], "mine");
        assert_eq!(
            catalog.models().await.unwrap().len(),
            2,
            "the default is added"
        );
        *lists.models.lock() = None;
        tokio::time::advance(FRESH).await;
        assert_eq!(catalog.models().await.unwrap().len(), 2);
        assert_eq!(catalog.models().await.unwrap().len(), 2);
        assert_eq!(
            lists.asked.load(Ordering::Relaxed),
            2,
            "not asked again at once"
        );
    }
}
