//! Which way a request goes: by the routes of its organization, past targets that cannot serve it
//! or fail.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use t11_core::{OrgId, OrgScope};
use tokio::time::Instant;
use uuid::Uuid;

use crate::catalog::{Catalog, Model};
use crate::error::Error;
use crate::health::{BreakerSettings, Health};
use crate::route::{DEFAULT, Route, Target, Way};
use crate::store::Store;

/// A change of a route is seen by other processes within this.
const FRESH: Duration = Duration::from_secs(5);
/// Organizations whose routes are remembered, and targets whose health is.
const REMEMBERED: usize = 10_000;

/// What the health of a model is told apart by: an organization does not feel what others do with
/// the same model.
pub(crate) type Lane = (OrgId, Option<Uuid>);

/// What a request needs of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Of the prompt and the answer, estimated.
    pub(crate) tokens: i64,
    pub(crate) tools: bool,
    pub(crate) json_schema: bool,
}

/// Why a target is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exclusion {
    ContextTooShort,
    NoTools,
    NoJsonSchema,
    BreakerOpen,
    /// It may cost more than there is left.
    Budget,
}

/// A target of a request's way.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) target: Target,
    pub(crate) health: Arc<Health>,
    pub(crate) exclusion: Option<Exclusion>,
}

/// Routes, and the health of their targets.
pub(crate) struct Router {
    store: Store,
    catalog: Arc<Catalog>,
    /// Asked after the default model.
    fallbacks: Vec<String>,
    breaker: BreakerSettings,
    known: Cache<OrgId, (Arc<[Route]>, Instant)>,
    health: Cache<(Lane, String), Arc<Health>>,
}

impl Router {
    pub(crate) fn new(
        store: Store,
        catalog: Arc<Catalog>,
        fallbacks: Vec<String>,
        breaker: BreakerSettings,
    ) -> Self {
        Self {
            store,
            catalog,
            fallbacks,
            breaker,
            known: Cache::new(REMEMBERED),
            health: Cache::new(REMEMBERED),
        }
    }

    /// Whom a request for `model` asks: an alias, a model, or nothing.
    pub(crate) async fn way(&self, scope: &OrgScope, model: &str) -> Result<Way, Error> {
        let alias = if model.is_empty() { DEFAULT } else { model };
        let routes = self.routes(scope).await?;
        if let Some(route) = routes.iter().find(|route| route.alias == alias) {
            return Ok(Way {
                route: Some(route.id),
                targets: route.targets.clone(),
                hedge_delay: route.hedge_delay,
                cache_time: route.cache_time,
            });
        }
        let targets = match model {
            "" => self.default_targets().await?,
            _ => vec![Target::of(model.to_owned())],
        };
        Ok(Way {
            route: None,
            targets: targets.into(),
            hedge_delay: Duration::ZERO,
            cache_time: Duration::ZERO,
        })
    }

    /// The targets of a way: those that would be asked, in order, then the others.
    pub(crate) fn candidates(&self, org: OrgId, way: &Way, needs: Needs) -> Vec<Candidate> {
        let mut candidates: Vec<_> = way
            .targets
            .iter()
            .map(|target| self.candidate((org, way.route), target.clone(), needs))
            .collect();
        // Where none seems fit, the provider says why: what is known of models may be old.
        if candidates.iter().all(|one| one.exclusion.is_some()) {
            for candidate in &mut candidates {
                candidate.exclusion = None;
            }
        }
        for candidate in &mut candidates {
            if candidate.exclusion.is_none() && !candidate.health.admits() {
                candidate.exclusion = Some(Exclusion::BreakerOpen);
            }
        }
        candidates.sort_by_key(|one| (one.exclusion.is_some(), one.health.is_benched()));
        candidates
    }

    /// The health of a target of this route, or of a model by its own name.
    pub(crate) fn health(&self, lane: Lane, model: &str) -> Arc<Health> {
        let key = (lane, model.to_owned());
        let new = || Ok::<_, std::convert::Infallible>(Arc::new(Health::new(self.breaker)));
        match self.health.get_or_insert_with(&key, new) {
            Ok(health) => health,
            Err(never) => match never {},
        }
    }

    /// Routes of the organization have changed.
    pub(crate) fn forget(&self, org: OrgId) {
        self.known.remove(&org);
    }

    /// The context of a model; 0 = not known.
    pub(crate) fn context(&self, model: &str) -> i64 {
        let known = self.catalog.known(model);
        known.map_or(0, |model| model.context_tokens)
    }

    fn candidate(&self, lane: Lane, target: Target, needs: Needs) -> Candidate {
        let known = self.catalog.known(&target.model);
        Candidate {
            health: self.health(lane, &target.model),
            exclusion: known.and_then(|model| unfit(&model, needs)),
            target,
        }
    }

    async fn default_targets(&self) -> Result<Vec<Target>, Error> {
        let first = self.catalog.default_model().await?;
        let fallbacks = self.fallbacks.iter().filter(|model| **model != first);
        let mut targets: Vec<_> = fallbacks.cloned().map(Target::of).collect();
        targets.insert(0, Target::of(first));
        Ok(targets)
    }

    async fn routes(&self, scope: &OrgScope) -> Result<Arc<[Route]>, Error> {
        if let Some((routes, read)) = self.known.get(&scope.org())
            && read.elapsed() < FRESH
        {
            return Ok(routes);
        }
        let routes: Arc<[Route]> = self.store.routes(scope).await?.into();
        let read = (routes.clone(), Instant::now());
        self.known.insert(scope.org(), read);
        Ok(routes)
    }
}

fn unfit(model: &Model, needs: Needs) -> Option<Exclusion> {
    let is_short = model.context_tokens > 0 && model.context_tokens < needs.tokens;
    if is_short {
        Some(Exclusion::ContextTooShort)
    } else if needs.tools && !model.supports_tools {
        Some(Exclusion::NoTools)
    } else if needs.json_schema && !model.supports_json_schema {
        Some(Exclusion::NoJsonSchema)
    } else {
        None
    }
}
