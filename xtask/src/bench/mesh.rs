//! The mesh as processes, on servers of its own: what bench programs of the whole-mesh tests measure
//! (`tests/benches/{mesh,live}.rs`).

use anyhow::Result;

use super::{Figure, printed, programs};
use crate::dev::{self, Profile};
use crate::envoy;
use crate::servers::Servers;
use crate::shell::say;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, profile: Profile, short: bool) -> Result<Vec<Figure>> {
    let envoy = envoy::program(workspace)?;
    // The program looks for it beside itself.
    dev::server(workspace, profile)?;
    let servers = Servers::start()?;
    say("running mesh, live");
    let mut programs = programs(workspace, profile, &["mesh", "live"]);
    if short {
        programs.env("T11_LEADS", "40");
    }
    printed(
        programs
            .env("T11_TEST_DATABASE_URL", servers.postgres_url())
            .env("T11_TEST_REDIS_URL", servers.redis_url())
            .env("T11_TEST_ENVOY", envoy),
    )
}
