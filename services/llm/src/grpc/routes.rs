//! `RouteService`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use t11_core::{OrgId, Violations, World, format_name, parse_name};
use t11_proto::llm::v1 as pb;
use t11_proto::llm::v1::route_service_server::RouteService;
use tonic::{Request, Response, Status};

use super::convert::{self, timestamp};
use crate::answers::Verdict;
use crate::budget::Purse;
use crate::completion::{Completions, Explanation, Judged};
use crate::error::Error;
use crate::health::{Breaker, HealthView};
use crate::money::NanoUsd;
use crate::route::{Limits, Route, Target, is_alias};
use crate::router::{Exclusion, Lane, Router};
use crate::store::Store;

const MOST_TARGETS: usize = 8;
const MAX_MODEL_CHARS: usize = 200;
const MAX_HEDGE_DELAY_MS: i32 = 60_000;
/// No call takes longer.
const MAX_TIMEOUT_MS: i32 = 120_000;

pub(super) struct Service {
    pub(super) completions: Completions,
    pub(super) router: Arc<Router>,
    pub(super) store: Store,
    pub(super) world: World,
}

#[tonic::async_trait]
impl RouteService for Service {
    async fn get_route(
        &self,
        request: Request<pb::GetRouteRequest>,
    ) -> Result<Response<pb::Route>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("routes", &request.into_inner().name).map_err(Error::from)?;
        let routes = self.store.routes(&scope).await.map_err(Error::from)?;
        let found = routes.iter().find(|route| route.id == id);
        let route = found.ok_or(Error::RouteUnknown)?;
        Ok(Response::new(self.route(scope.org(), route)))
    }

    async fn list_routes(
        &self,
        request: Request<pb::ListRoutesRequest>,
    ) -> Result<Response<pb::ListRoutesResponse>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let routes = self.store.routes(&scope).await.map_err(Error::from)?;
        let routes = routes
            .iter()
            .map(|route| self.route(scope.org(), route))
            .collect();
        Ok(Response::new(pb::ListRoutesResponse { routes }))
    }

    async fn set_route(
        &self,
        request: Request<pb::SetRouteRequest>,
    ) -> Result<Response<pb::Route>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let route = new_route(&self.world, request.into_inner())?;
        let route = self.store.set_route(&scope, route).await?;
        self.router.forget(scope.org());
        Ok(Response::new(self.route(scope.org(), &route)))
    }

    async fn delete_route(
        &self,
        request: Request<pb::DeleteRouteRequest>,
    ) -> Result<Response<()>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("routes", &request.into_inner().name).map_err(Error::from)?;
        self.store.delete_route(&scope, id).await?;
        self.router.forget(scope.org());
        Ok(Response::new(()))
    }

    async fn explain(
        &self,
        request: Request<pb::ExplainRequest>,
    ) -> Result<Response<pb::ExplainResponse>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let asked = request.into_inner().completion.unwrap_or_default();
        let new = convert::new_completion(asked)?;
        let explanation = self.completions.explain(&scope, new).await?;
        Ok(Response::new(self.explained(explanation)))
    }
}

impl Service {
    fn route(&self, org: OrgId, route: &Route) -> pb::Route {
        let target = |target: &Target| pb::RouteTarget {
            model: target.model.clone(),
            headers_timeout_ms: wire(target.limits.headers_ms),
            first_content_timeout_ms: wire(target.limits.first_content_ms),
            idle_timeout_ms: wire(target.limits.idle_ms),
            total_timeout_ms: wire(target.limits.total_ms),
            health: Some(self.health((org, Some(route.id)), &target.model)),
        };
        pb::Route {
            name: format_name("routes", route.id),
            alias: route.alias.clone(),
            targets: route.targets.iter().map(target).collect(),
            hedge_delay_ms: millis(route.hedge_delay),
            cache: convert::cache(route.cache_time),
            update_time: Some(timestamp(route.update_time)),
        }
    }

    fn health(&self, lane: Lane, model: &str) -> pb::TargetHealth {
        health(&self.router.health(lane, model).view(), self.world.now())
    }

    fn explained(&self, explanation: Explanation) -> pb::ExplainResponse {
        let now = self.world.now();
        let candidates = explanation.candidates.iter();
        let left = explanation.left.into_iter();
        pb::ExplainResponse {
            route: explanation
                .route
                .map(|id| format_name("routes", id))
                .unwrap_or_default(),
            candidates: candidates.map(|judged| candidate(judged, now)).collect(),
            prompt_tokens: explanation.prompt_tokens,
            budgets: left.map(budget_left).collect(),
            cache: cache_verdict(explanation.cache).into(),
            provider_key: explanation
                .provider_key
                .map(|id| format_name("providerKeys", id))
                .unwrap_or_default(),
            keys_exhausted: explanation.keys_exhausted,
        }
    }
}

fn cache_verdict(verdict: Verdict) -> pb::CacheVerdict {
    match verdict {
        Verdict::NotAsked => pb::CacheVerdict::Unspecified,
        Verdict::Hit => pb::CacheVerdict::Hit,
        Verdict::Miss => pb::CacheVerdict::Miss,
        Verdict::NotDeterministic => pb::CacheVerdict::NotDeterministic,
        Verdict::Tools => pb::CacheVerdict::Tools,
    }
}

fn candidate(judged: &Judged, now: DateTime<Utc>) -> pb::Candidate {
    let exclusion = match judged.candidate.exclusion {
        None => pb::Exclusion::Unspecified,
        Some(Exclusion::ContextTooShort) => pb::Exclusion::ContextTooShort,
        Some(Exclusion::NoTools) => pb::Exclusion::NoTools,
        Some(Exclusion::NoJsonSchema) => pb::Exclusion::NoJsonSchema,
        Some(Exclusion::BreakerOpen) => pb::Exclusion::BreakerOpen,
        Some(Exclusion::Budget) => pb::Exclusion::Budget,
    };
    pb::Candidate {
        model: judged.candidate.target.model.clone(),
        exclusion: exclusion.into(),
        worst_cost_micro_usd: judged.worst.micro_usd(),
        price_known: judged.price_known,
        health: Some(health(&judged.candidate.health.view(), now)),
    }
}

fn budget_left((purse, left): (Purse, NanoUsd)) -> pb::BudgetLeft {
    pb::BudgetLeft {
        scope: purse.scope,
        cap_micro_usd: purse.cap.micro_usd(),
        left_micro_usd: left.micro_usd(),
    }
}

fn health(view: &HealthView, now: DateTime<Utc>) -> pb::TargetHealth {
    let breaker = match view.breaker {
        Breaker::Closed => pb::BreakerState::Closed,
        Breaker::Open => pb::BreakerState::Open,
        Breaker::HalfOpen => pb::BreakerState::HalfOpen,
    };
    let wait = view.wait.and_then(|wait| TimeDelta::from_std(wait).ok());
    pb::TargetHealth {
        breaker: breaker.into(),
        consecutive_failures: wire(view.failures),
        retry_time: wait.map(|wait| timestamp(now + wait)),
        reason: view.reason.unwrap_or_default().to_owned(),
        calls: view.calls,
        failed_calls: view.failed_calls,
        first_content_ms: millis(view.first_content.unwrap_or_default()),
    }
}

fn new_route(world: &World, request: pb::SetRouteRequest) -> Result<Route, Error> {
    let mut violations = Violations::default();
    let v = &mut violations;
    if !is_alias(&request.alias) {
        let words = "`alias` must be 1 to 64 of a-z, 0-9, `.`, `_` and `-`";
        v.add("alias", "INVALID", words);
    }
    if !(1..=MOST_TARGETS).contains(&request.targets.len()) {
        let words = format!("`targets` must be 1 to {MOST_TARGETS}");
        v.add("targets", "OUT_OF_RANGE", words);
    }
    v.range(
        "hedge_delay_ms",
        request.hedge_delay_ms,
        0,
        MAX_HEDGE_DELAY_MS,
    );
    let cache_time = convert::cache_time(request.cache.as_ref(), v);
    let mut models = HashSet::new();
    let targets = request.targets.into_iter().take(MOST_TARGETS).enumerate();
    let targets: Vec<_> = targets
        .map(|(place, given)| {
            let target = target(place, &given, v);
            if !models.insert(target.model.clone()) {
                let field = format!("targets[{place}].model");
                let words = format!("`{field}` is there already");
                v.add(&field, "DUPLICATE", words);
            }
            target
        })
        .collect();
    violations.check().map_err(Error::Invalid)?;
    Ok(Route {
        id: world.new_id(),
        alias: request.alias,
        targets: targets.into(),
        hedge_delay: Duration::from_millis(request.hedge_delay_ms.unsigned_abs().into()),
        cache_time: cache_time.unwrap_or_default(),
        update_time: world.now(),
    })
}

fn target(place: usize, given: &pb::RouteTarget, v: &mut Violations) -> Target {
    let field = |name: &str| format!("targets[{place}].{name}");
    let model = v.text(&field("model"), &given.model, 1, MAX_MODEL_CHARS);
    let mut limit = |name: &str, millis: i32| {
        v.range(&field(name), millis, 0, MAX_TIMEOUT_MS);
        u32::try_from(millis).unwrap_or(0)
    };
    Target {
        model,
        limits: Limits {
            headers_ms: limit("headers_timeout_ms", given.headers_timeout_ms),
            first_content_ms: limit("first_content_timeout_ms", given.first_content_timeout_ms),
            idle_ms: limit("idle_timeout_ms", given.idle_timeout_ms),
            total_ms: limit("total_timeout_ms", given.total_timeout_ms),
        },
    }
}

fn wire(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}
