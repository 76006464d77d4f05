//! The bus of a process that runs alone.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::hub::Hub;
use super::{Carrier, Member, Subscription};

/// Carries messages within the process.
#[derive(Default)]
pub struct InProcess {
    hub: Arc<Hub>,
}

#[async_trait]
impl Carrier for InProcess {
    fn publish(&self, from: Member, topic: &str, message: &dyn Fn() -> Bytes) {
        self.hub.tell(from, topic, message);
    }

    async fn subscribe(&self, member: Member, topic: &str) -> Subscription {
        Subscription::new(self.hub.listen(member, topic))
    }
}
