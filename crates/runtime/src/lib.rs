//! How services are configured, wired, served, drained and given work. A service says what it
//! is ([`Service`]); the same code then runs alone, beside others in one process, or in a test.

mod admin;
pub mod bus;
mod cache;
mod clock;
mod context;
mod endings;
mod health;
mod http;
mod keys;
pub mod limiter;
mod mesh;
mod metrics;
pub mod notification;
mod peers;
mod redis;
mod relay;
mod secret;
mod service;
mod settings;
#[cfg(feature = "simulation")]
pub mod simulation;
mod telemetry;
mod tls;
mod worker;

pub use bus::Bus;
pub use cache::{Cache, CacheKey};
pub use context::{Context, check_database};
pub use endings::{Endings, Hearing};
pub use health::{Finding, Health, Report};
pub use keys::Keys;
pub use mesh::{Mesh, Shape};
pub use redis::{Redis, RedisError};
pub use secret::Secret;
pub use service::{Built, Entry, Service};
pub use settings::{
    Common, ENV, EnvName, Environment, LogFormat, Settings, SettingsError, Sources, TlsFiles,
};
pub use telemetry::Telemetry;
pub use worker::{JobFailure, JobHandler, RunningJob};

/// Sets up what every process needs once: the TLS provider. Safe to call again.
pub fn init_process() {
    // A second call finds the provider installed, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// The whole `main` of a service's own binary: settings, telemetry, serve until a signal.
pub fn main<S: Service>() -> std::process::ExitCode {
    let run = async {
        let settings = Settings::load(&Sources::process())?;
        let telemetry = Telemetry::start(&settings, S::NAME)?;
        let outcome = Mesh::serve(settings, &[Entry::of::<S>()], &[S::NAME]).await;
        telemetry.stop().await;
        outcome
    };
    block_on(run)
}

/// Runs `future` on a runtime sized for the machine and reports how it ended.
pub fn block_on<F: Future<Output = anyhow::Result<()>>>(future: F) -> std::process::ExitCode {
    init_process();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(future) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a process that could not run"
)]
fn fail(error: &anyhow::Error) -> std::process::ExitCode {
    eprintln!("t11: {error:#}");
    std::process::ExitCode::FAILURE
}
