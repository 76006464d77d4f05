//! A crm service that answers effects as it is told to.

use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::lead_service_server::{LeadService, LeadServiceServer};
use t11_runtime::{Built, Context, Service};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// What was asked, and what is answered next; effects of all tests, told apart by their leads.
#[derive(Default)]
pub(super) struct Account {
    pub(super) asked: Vec<pb::ApplyEffectRequest>,
    /// Answered first to last, then `done`.
    pub(super) faults: Vec<Status>,
}

pub(super) static ACCOUNT: LazyLock<Arc<Mutex<Account>>> = LazyLock::new(Arc::default);

pub(super) struct Crm;

impl Service for Crm {
    const NAME: &'static str = "crm";
    type Config = crate::Config;

    async fn build(_: Self::Config, _: &Context) -> anyhow::Result<Built> {
        Ok(Built::new(Routes::new(LeadServiceServer::new(Leads))))
    }
}

struct Leads;

#[tonic::async_trait]
impl LeadService for Leads {
    async fn get_lead(&self, _: Request<pb::GetLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        Err(Status::unimplemented("no lead is read here"))
    }

    async fn apply_effect(
        &self,
        request: Request<pb::ApplyEffectRequest>,
    ) -> Result<Response<pb::EffectResult>, Status> {
        let mut account = ACCOUNT.lock();
        account.asked.push(request.into_inner());
        match account.faults.pop() {
            Some(fault) => Err(fault),
            None => Ok(Response::new(pb::EffectResult {
                state: pb::EffectState::Done.into(),
                before_json: "{\"value\":\"\"}".to_owned(),
                after_json: "{\"value\":\"1\"}".to_owned(),
                ..pb::EffectResult::default()
            })),
        }
    }
}

/// Runs it alone.
pub(super) async fn start(data: &std::path::Path) -> t11_runtime::Mesh {
    use t11_runtime::{Entry, Mesh, Settings, Shape, Sources};
    t11_runtime::init_process();
    let folder = data.display().to_string();
    let sources = Sources {
        variables: [("T11_DATA_DIR".to_owned(), folder)].into(),
        file: None,
    };
    let settings = Settings::load(&sources).unwrap();
    let (world, entries) = (t11_core::World::system(), [Entry::of::<Crm>()]);
    let mesh = Mesh::start(settings, world, &entries, &["crm"], Shape::OneProcess);
    mesh.await.unwrap()
}
