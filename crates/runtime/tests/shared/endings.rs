use std::time::Duration;

use futures::FutureExt as _;
use t11_core::OrgId;
use t11_runtime::Endings;
use tokio::time::timeout;
use uuid::Uuid;

use crate::server::Way;

#[tokio::test(flavor = "multi_thread")]
async fn every_other_replica_hears_whose_session_or_key_has_ended() {
    for way in Way::all() {
        let accounts = Endings::new(way.member().await);
        let edges = [way.member().await, way.member().await].map(Endings::new);
        let mut hearing = [edges[0].hear().await, edges[1].hear().await];
        for number in 1..=3 {
            accounts.tell(OrgId(Uuid::from_u128(number)));
        }
        for one in &mut hearing {
            for number in 1..=3 {
                let org = timeout(Duration::from_secs(10), one.next()).await.unwrap();
                assert_eq!(org, OrgId(Uuid::from_u128(number)));
            }
            assert!(one.next().now_or_never().is_none(), "each once");
        }
    }
}
