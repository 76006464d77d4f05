//! What a service says about itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use tonic::service::Routes;

use crate::{Context, JobHandler, Settings};

/// One of the mesh's services.
pub trait Service: 'static {
    /// `agents`: its name in settings, addresses, queues and error domains.
    const NAME: &'static str;
    /// Its section of the settings.
    type Config: DeserializeOwned + Default + JsonSchema;

    /// Wires the service. Nothing is served before every service of the process is built.
    fn build(config: Self::Config, context: &Context)
    -> impl Future<Output = Result<Built>> + Send;
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A service ready to be served.
#[derive(Default)]
pub struct Built {
    pub(crate) routes: Option<Routes>,
    pub(crate) http: Option<axum::Router>,
    pub(crate) tasks: Vec<(&'static str, Task)>,
    pub(crate) handlers: Vec<(&'static str, Arc<dyn JobHandler>)>,
}

impl Built {
    /// A service of gRPC routes.
    pub fn new(routes: Routes) -> Self {
        Self {
            routes: Some(routes),
            ..Self::default()
        }
    }

    /// A service of plain HTTP: edge.
    pub fn http(router: axum::Router) -> Self {
        Self {
            http: Some(router),
            ..Self::default()
        }
    }

    /// Runs `task` while the service runs; it should end when [`Context::shutdown`] is cancelled.
    #[must_use]
    pub fn task(
        mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.tasks.push((name, Box::pin(task)));
        self
    }

    /// Takes jobs of `kind` from the service's queue.
    #[must_use]
    pub fn handler(mut self, kind: &'static str, handler: Arc<dyn JobHandler>) -> Self {
        self.handlers.push((kind, handler));
        self
    }
}

type BuildFuture<'a> = Pin<Box<dyn Future<Output = Result<Built>> + Send + 'a>>;

/// A service by value, so that a process can hold a list of them.
#[derive(Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    /// The JSON Schema of its settings, for docs/config.md and checks.
    pub schema: fn() -> Schema,
    /// Reads the section.
    pub check: fn(&Settings) -> Result<()>,
    pub(crate) build: for<'a> fn(&'a Settings, &'a Context) -> BuildFuture<'a>,
}

impl Entry {
    /// The entry of a service.
    pub fn of<S: Service>() -> Self {
        Self {
            name: S::NAME,
            schema: || schemars::schema_for!(S::Config),
            check: |settings| {
                settings.section::<S::Config>(S::NAME)?;
                Ok(())
            },
            build: |settings, context| {
                Box::pin(async move {
                    let config = settings.section::<S::Config>(S::NAME)?;
                    S::build(config, context)
                        .await
                        .with_context(|| format!("service `{}`", S::NAME))
                })
            },
        }
    }
}
