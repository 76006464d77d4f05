#![doc = include_str!("../README.md")]

mod arrivals;
pub mod changes;
pub mod config;
pub mod dead;
mod dry;
pub mod error;
pub mod fair;
mod grpc;
pub mod job;
pub mod lease;
pub mod queue;
pub mod retry;
pub mod schedule;
pub mod store;
mod upkeep;
pub mod wake;

use t11_runtime::{Built, Context, Service};

pub use config::Config;
pub use error::Error;
pub use grpc::routes;
pub use upkeep::keep_up;

use crate::queue::Queue;
use crate::store::Store;

/// The jobs service.
pub struct Jobs;

impl Service for Jobs {
    const NAME: &'static str = "jobs";
    type Config = Config;

    async fn build(config: Config, context: &Context) -> anyhow::Result<Built> {
        config.validate()?;
        let (world, stop) = (context.world(), context.shutdown());
        let store = Store::new(context.database(Self::NAME).await?, world.clone(), config);
        let queue = Queue::new(store, world.clone(), &context.bus(), stop.clone());
        let routes = grpc::routes(queue.clone(), world.clone(), context.page_tokens());
        Ok(Built::new(routes).task("upkeep", keep_up(queue, world, stop)))
    }
}
