//! `PrivacyService`.

use std::sync::Arc;

use prost_types::Timestamp;
use t11_core::World;
use t11_proto::llm::v1 as pb;
use t11_proto::llm::v1::privacy_service_server::PrivacyService;
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::privacy::{Policy, Privacy, SetPolicy};
use crate::store::Store;

pub(super) struct Service {
    pub(super) privacy: Arc<Privacy>,
    pub(super) store: Store,
    pub(super) world: World,
}

#[tonic::async_trait]
impl PrivacyService for Service {
    async fn get_privacy_policy(
        &self,
        request: Request<pb::GetPrivacyPolicyRequest>,
    ) -> Result<Response<pb::PrivacyPolicy>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let set = self.store.privacy_policy(&scope).await;
        let set = set.map_err(Error::from)?;
        Ok(Response::new(set.map(privacy_policy).unwrap_or_default()))
    }

    async fn update_privacy_policy(
        &self,
        request: Request<pb::UpdatePrivacyPolicyRequest>,
    ) -> Result<Response<pb::PrivacyPolicy>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let new = request.into_inner().privacy_policy.unwrap_or_default();
        let policy = Policy {
            emails_allowed: new.emails_allowed,
            phones_allowed: new.phones_allowed,
            cards_allowed: new.cards_allowed,
        };
        let (id, now) = (self.world.new_id(), self.world.now());
        let set = self.store.set_privacy_policy(&scope, id, policy, now).await;
        let set = set.map_err(Error::from)?;
        self.privacy.changed(&scope);
        Ok(Response::new(privacy_policy(set)))
    }
}

fn privacy_policy(set: SetPolicy) -> pb::PrivacyPolicy {
    pb::PrivacyPolicy {
        emails_allowed: set.policy.emails_allowed,
        phones_allowed: set.policy.phones_allowed,
        cards_allowed: set.policy.cards_allowed,
        update_time: Some(Timestamp {
            seconds: set.update_time.timestamp(),
            nanos: set.update_time.timestamp_subsec_nanos().cast_signed(),
        }),
    }
}
