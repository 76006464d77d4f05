//! `ProviderKeyService`.

use std::sync::Arc;

use prost_types::FieldMask;
use secrecy::SecretString;
use t11_core::{Violations, World, format_name, parse_name};
use t11_proto::llm::v1 as pb;
use t11_proto::llm::v1::provider_key_service_server::ProviderKeyService;
use tonic::{Request, Response, Status};

use super::convert::{self, timestamp};
use crate::error::Error;
use crate::failure::{Failure, FailureClass};
use crate::keys::{Checked, Keys};
use crate::provider::demo;
use crate::provider_key::{
    Bench, BenchReason, KeyChange, NewKey, PROVIDERS, ProviderKey, SetKeyPolicy, State,
};
use crate::store::Store;

const COLLECTION: &str = "providerKeys";
/// What an update may name.
const FIELDS: [&str; 4] = ["display_name", "secret", "state", "priority"];
const MAX_NAME_CHARS: usize = 100;
const MIN_SECRET_CHARS: usize = 8;
const MAX_SECRET_CHARS: usize = 500;
const MAX_PRIORITY: i32 = 100;

pub(super) struct Service {
    pub(super) keys: Arc<Keys>,
    pub(super) store: Store,
    pub(super) world: World,
    /// The provider that is called.
    pub(super) provider: &'static str,
    pub(super) has_platform_key: bool,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ProviderKeyService for Service {
    async fn get_provider_key(
        &self,
        request: Request<pb::GetProviderKeyRequest>,
    ) -> Answer<pb::ProviderKey> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name(COLLECTION, &request.get_ref().name).map_err(Error::from)?;
        let found = self.store.provider_key(&scope, id).await?;
        Ok(Response::new(self.provider_key(found.key)))
    }

    async fn list_provider_keys(
        &self,
        request: Request<pb::ListProviderKeysRequest>,
    ) -> Answer<pb::ListProviderKeysResponse> {
        let scope = t11_grpc::scope(&request)?;
        let keys = self.store.provider_keys(&scope).await;
        let keys = keys.map_err(Error::from)?.into_iter();
        Ok(Response::new(pb::ListProviderKeysResponse {
            provider_keys: keys.map(|key| self.provider_key(key)).collect(),
            provider: match self.provider {
                demo::NAME => String::new(),
                provider => provider.to_owned(),
            },
            has_platform_key: self.has_platform_key,
        }))
    }

    async fn create_provider_key(
        &self,
        request: Request<pb::CreateProviderKeyRequest>,
    ) -> Answer<pb::ProviderKey> {
        let scope = t11_grpc::scope(&request)?;
        let new = new_key(request.into_inner(), self.provider)?;
        let made = self.keys.create(&scope, new).await?;
        Ok(Response::new(self.provider_key(made)))
    }

    async fn update_provider_key(
        &self,
        request: Request<pb::UpdateProviderKeyRequest>,
    ) -> Answer<pb::ProviderKey> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let key = request.provider_key.unwrap_or_default();
        let id = parse_name(COLLECTION, &key.name).map_err(Error::from)?;
        let change = change(&key, request.update_mask)?;
        let changed = self.keys.update(&scope, id, change).await?;
        Ok(Response::new(self.provider_key(changed)))
    }

    async fn delete_provider_key(
        &self,
        request: Request<pb::DeleteProviderKeyRequest>,
    ) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name(COLLECTION, &request.get_ref().name).map_err(Error::from)?;
        self.keys.delete(&scope, id).await?;
        Ok(Response::new(()))
    }

    async fn check_provider_key(
        &self,
        request: Request<pb::CheckProviderKeyRequest>,
    ) -> Answer<pb::CheckProviderKeyResponse> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name(COLLECTION, &request.get_ref().name).map_err(Error::from)?;
        let checked = self.keys.check(&scope, id).await?;
        Ok(Response::new(self.checked(checked)))
    }

    async fn get_provider_key_policy(
        &self,
        request: Request<pb::GetProviderKeyPolicyRequest>,
    ) -> Answer<pb::ProviderKeyPolicy> {
        let scope = t11_grpc::scope(&request)?;
        let set = self.store.key_policy(&scope).await.map_err(Error::from)?;
        Ok(Response::new(set.map(policy).unwrap_or_default()))
    }

    async fn update_provider_key_policy(
        &self,
        request: Request<pb::UpdateProviderKeyPolicyRequest>,
    ) -> Answer<pb::ProviderKeyPolicy> {
        let scope = t11_grpc::scope(&request)?;
        let new = request.into_inner().provider_key_policy.unwrap_or_default();
        let new = SetKeyPolicy {
            may_fall_back: new.fallback_to_platform_key,
            update_time: self.world.now(),
        };
        let set = self.store.set_key_policy(&scope, self.world.new_id(), new);
        let set = set.await.map_err(Error::from)?;
        self.keys.forget(scope.org());
        Ok(Response::new(policy(set)))
    }
}

impl Service {
    fn provider_key(&self, key: ProviderKey) -> pb::ProviderKey {
        let now = self.world.now();
        let state = match key.state {
            State::Active => pb::ProviderKeyState::Active,
            State::Disabled => pb::ProviderKeyState::Disabled,
        };
        pb::ProviderKey {
            name: format_name(COLLECTION, key.id),
            provider: key.provider,
            display_name: key.display_name,
            secret: String::new(),
            hint: key.hint,
            state: state.into(),
            priority: key.priority,
            create_time: Some(timestamp(key.create_time)),
            update_time: Some(timestamp(key.update_time)),
            last_used_time: key.last_used_time.map(timestamp),
            bench: key.bench.filter(|bench| bench.holds(now)).map(bench),
        }
    }

    fn checked(&self, checked: Checked) -> pb::CheckProviderKeyResponse {
        let report = checked.report.as_ref();
        let told = report.ok().copied().unwrap_or_default();
        let failure = report.err();
        pb::CheckProviderKeyResponse {
            verdict: verdict(failure).into(),
            message: failure.map(ToString::to_string).unwrap_or_default(),
            limit_left_micro_usd: told.left.map(|left| left.micro_usd()),
            spent_micro_usd: told.spent.map(|spent| spent.micro_usd()),
            latency_ms: i32::try_from(checked.latency.as_millis()).unwrap_or(i32::MAX),
            provider_key: Some(self.provider_key(checked.key)),
        }
    }
}

fn verdict(failure: Option<&Failure>) -> pb::KeyVerdict {
    let Some(failure) = failure else {
        return pb::KeyVerdict::Accepted;
    };
    match failure.class {
        FailureClass::KeyRefused | FailureClass::Forbidden => pb::KeyVerdict::Refused,
        FailureClass::Unpaid => pb::KeyVerdict::Unpaid,
        FailureClass::Limited => pb::KeyVerdict::Limited,
        _ => pb::KeyVerdict::Unknown,
    }
}

fn bench(bench: Bench) -> pb::KeyBench {
    let reason = match bench.reason {
        BenchReason::Refused => pb::KeyBenchReason::Refused,
        BenchReason::Unpaid => pb::KeyBenchReason::Unpaid,
        BenchReason::Limited => pb::KeyBenchReason::Limited,
    };
    pb::KeyBench {
        reason: reason.into(),
        end_time: bench.until.map(timestamp),
    }
}

fn policy(set: SetKeyPolicy) -> pb::ProviderKeyPolicy {
    pb::ProviderKeyPolicy {
        fallback_to_platform_key: set.may_fall_back,
        update_time: Some(timestamp(set.update_time)),
    }
}

/// `called` is the provider that is called.
fn new_key(request: pb::CreateProviderKeyRequest, called: &str) -> Result<NewKey, Error> {
    let mut violations = Violations::default();
    let v = &mut violations;
    let key = request.provider_key.unwrap_or_default();
    let new = NewKey {
        provider: provider(&key.provider, called, v),
        display_name: display_name(&key, v),
        secret: secret(&key, v),
        state: state(&key).unwrap_or(State::Active),
        priority: priority(&key, v),
        request_id: convert::request_id(&request.request_id, v),
    };
    violations.check().map_err(Error::Invalid)?;
    Ok(new)
}

fn provider(given: &str, called: &str, v: &mut Violations) -> String {
    let provider = match given {
        "" if called == demo::NAME => PROVIDERS[0],
        "" => called,
        given => given,
    };
    if !PROVIDERS.contains(&provider) {
        let words = format!("`provider_key.provider` must be one of {PROVIDERS:?}");
        v.add("provider_key.provider", "INVALID", words);
    }
    provider.to_owned()
}

fn display_name(key: &pb::ProviderKey, v: &mut Violations) -> String {
    v.text(
        "provider_key.display_name",
        &key.display_name,
        1,
        MAX_NAME_CHARS,
    )
}

/// What travels in a header: visible ASCII.
fn secret(key: &pb::ProviderKey, v: &mut Violations) -> SecretString {
    let field = "provider_key.secret";
    let secret = v.text(field, &key.secret, MIN_SECRET_CHARS, MAX_SECRET_CHARS);
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        let words = format!("`{field}` must be letters, digits and signs without spaces");
        v.add(field, "INVALID", words);
    }
    secret.into()
}

fn state(key: &pb::ProviderKey) -> Option<State> {
    match key.state() {
        pb::ProviderKeyState::Unspecified => None,
        pb::ProviderKeyState::Active => Some(State::Active),
        pb::ProviderKeyState::Disabled => Some(State::Disabled),
    }
}

fn priority(key: &pb::ProviderKey, v: &mut Violations) -> i32 {
    v.range("provider_key.priority", key.priority, 0, MAX_PRIORITY);
    key.priority
}

fn change(key: &pb::ProviderKey, mask: Option<FieldMask>) -> Result<KeyChange, Error> {
    let mut violations = Violations::default();
    let v = &mut violations;
    let fields = fields(key, mask.unwrap_or_default().paths, v);
    let names = |field: &str| fields.iter().any(|named| named == field);
    let state = state(key);
    if names("state") && state.is_none() {
        let field = "provider_key.state";
        v.add(field, "REQUIRED", format!("`{field}` must be given"));
    }
    let change = KeyChange {
        display_name: names("display_name").then(|| display_name(key, v)),
        secret: names("secret").then(|| secret(key, v)),
        state: state.filter(|_| names("state")),
        priority: names("priority").then(|| priority(key, v)),
    };
    violations.check().map_err(Error::Invalid)?;
    Ok(change)
}

/// The fields that an update takes: those of the mask; for none, those that are set; for `*` all,
/// but no secret where none is given: nobody can repeat it.
fn fields(key: &pb::ProviderKey, paths: Vec<String>, v: &mut Violations) -> Vec<String> {
    let is_set = |field: &str| match field {
        "display_name" => !key.display_name.is_empty(),
        "secret" => !key.secret.is_empty(),
        "state" => key.state() != pb::ProviderKeyState::Unspecified,
        _ => key.priority != 0,
    };
    let known = FIELDS.into_iter();
    if paths.is_empty() {
        return known
            .filter(|field| is_set(field))
            .map(Into::into)
            .collect();
    }
    if paths == ["*"] {
        let taken = known.filter(|field| *field != "secret" || is_set(field));
        return taken.map(Into::into).collect();
    }
    for path in paths.iter().filter(|path| !FIELDS.contains(&path.as_str())) {
        let words = format!("`{path}` is not a field that an update may name");
        v.add("update_mask", "UNKNOWN_PATH", words);
    }
    paths
}
