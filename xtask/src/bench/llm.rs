//! The gateway to models beside a bare proxy and beside other gateways: what the bench program `llm`
//! of the whole-mesh tests measures (`tests/benches/llm/main.rs`).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Figure, printed, programs};
use crate::dev::{self, Profile};
use crate::provision;
use crate::servers::Servers;
use crate::shell::say;
use crate::workspace::Workspace;

/// The versions that were measured when the goals were set.
const LITELLM: &[&[&str]] = &[&["litellm[proxy]==1.106.2"]];
const PORTKEY: &[&str] = &["@portkey-ai/gateway@1.15.2"];
/// With later ones every stream of it fails.
const PORTKEY_OVERRIDES: &str = r#"{"hono":"4.9.7","@hono/node-server":"1.13.5"}"#;
const TENSORZERO: &[&[&str]] = &[&["tensorzero==2026.6.0"]];

/// In short ours and the bare proxy alone; otherwise on PostgreSQL too, and beside the others that
/// can be installed.
pub(super) fn run(workspace: &Workspace, profile: Profile, short: bool) -> Result<Vec<Figure>> {
    // Each process is put on a core of its own.
    provision::program("taskset", "util-linux")?;
    // The program looks for it beside itself.
    dev::server(workspace, profile)?;
    let mut program = programs(workspace, profile, &["llm"]);
    if short {
        program.env("T11_BENCH_SHORT", "1");
        return printed(&mut program);
    }
    let servers = Servers::start()?;
    program.env("T11_TEST_DATABASE_URL", servers.postgres_url());
    program.envs(peers(&workspace.cache));
    say("running llm");
    printed(&mut program)
}

/// Where each is that could be installed, by the variable that the program reads.
fn peers(cache: &Path) -> Vec<(&'static str, OsString)> {
    let litellm = || provision::pip(cache, "llm-litellm", LITELLM);
    let tensorzero = || provision::pip(cache, "llm-tensorzero", TENSORZERO);
    let portkey = || {
        provision::program("node", "nodejs")?;
        provision::npm_overriding(cache, "llm-portkey", PORTKEY, PORTKEY_OVERRIDES)
    };
    let installed = [
        ("T11_BENCH_LITELLM", litellm()),
        ("T11_BENCH_PORTKEY", portkey()),
        ("T11_BENCH_TENSORZERO", tensorzero()),
    ];
    installed
        .into_iter()
        .filter_map(|(variable, place)| found(variable, place))
        .collect()
}

fn found(variable: &'static str, place: Result<PathBuf>) -> Option<(&'static str, OsString)> {
    match place {
        Ok(place) => Some((variable, place.into())),
        Err(error) => {
            say(format!("{variable} is left out: {error:#}"));
            None
        }
    }
}
