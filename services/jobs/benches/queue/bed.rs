//! A queue to be measured.

use t11_core::World;
use t11_jobs::config::Config;
use t11_jobs::job::NewJob;
use t11_jobs::queue::Queue;
use t11_jobs::store::{Call, Settlement, Store, Want};
use t11_runtime::Bus;
use t11_runtime::bus::InProcess;
use t11_store::testing::TestDb;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Bytes, as many as the peer's.
pub(crate) const PAYLOAD: usize = 279;
const QUEUE: &str = "bench";

pub(crate) struct Bed {
    pub(crate) queue: Queue,
    pub(crate) world: World,
    _db: TestDb,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        let world = World::system();
        let db = TestDb::new(|db| async move { t11_migrations::migrate("jobs", &db).await }).await;
        let config = Config {
            max_running_per_organization: 1_000_000,
            ..Config::default()
        };
        let store = Store::new(db.db(), world.clone(), config);
        let bus = std::sync::Arc::new(InProcess::default());
        let bus = Bus::join(bus, &world);
        let queue = Queue::new(store, world.clone(), &bus, CancellationToken::new());
        Self {
            queue,
            world,
            _db: db,
        }
    }

    pub(crate) fn job(&self, org: u128) -> NewJob {
        NewJob {
            id: self.world.new_id(),
            org: Uuid::from_u128(org),
            queue: QUEUE.to_owned(),
            kind: "bench.nothing".to_owned(),
            payload: vec![7; PAYLOAD],
            ..NewJob::default()
        }
    }

    pub(crate) fn call(
        &self,
        worker: &str,
        boot: Uuid,
        sequence: i64,
        settlements: Vec<Settlement>,
        slots: usize,
    ) -> Call {
        Call {
            worker: worker.to_owned(),
            boot,
            sequence,
            settlements,
            extensions: Vec::new(),
            wants: vec![Want {
                queue: QUEUE.to_owned(),
                slots,
            }],
            leaving: false,
        }
    }
}
