//! The steps of `cargo xtask test`, in the order they run: the quick and the telling ones first.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, Result};

use super::verdicts::Verdicts;
use super::{Lab, Step};
use crate::dev::{self, Profile};
use crate::server::DevServer;
use crate::shell::{self, say};
use crate::wasm::Toolchain;
use crate::{bench, deny, deploy, docs, envoy, proto, provision, tidy, web};

/// Drives the Chromium of the distribution; brings no browser of its own.
const PLAYWRIGHT: &str = "playwright-core@1.65.1";

/// What programs in Python need that use the platform.
const PYTHON: &[&[&str]] = &[&[
    "grpcio==1.85.1",
    "grpcio-reflection==1.85.1",
    "openai==3.54.0",
]];
/// The same for Node.
const NODE: &[&str] = &["openai@7.57.0"];

pub(super) const STEPS: &[Step] = &[
    Step {
        name: "format",
        about: "rustfmt",
        is_fast: true,
        run: format,
    },
    Step {
        name: "tidy",
        about: "the rules that no compiler checks",
        is_fast: true,
        run: tidy,
    },
    Step {
        name: "clippy",
        about: "lints, native crates",
        is_fast: true,
        run: clippy,
    },
    Step {
        name: "clippy-web",
        about: "lints, browser client",
        is_fast: false,
        run: clippy_web,
    },
    Step {
        name: "proto",
        about: "buf lint and breaking changes",
        is_fast: false,
        run: proto,
    },
    Step {
        name: "sqlite",
        about: "all tests, on SQLite",
        is_fast: true,
        run: sqlite,
    },
    Step {
        name: "postgres",
        about: "all tests, on Postgres and Redis",
        is_fast: false,
        run: postgres,
    },
    Step {
        name: "mesh",
        about: "the scenarios, on two processes of each service behind Envoy",
        is_fast: false,
        run: mesh,
    },
    Step {
        name: "docs",
        about: "generated documents are up to date",
        is_fast: true,
        run: docs,
    },
    Step {
        name: "envoy",
        about: "the proxies' configuration is up to date and Envoy takes it",
        is_fast: false,
        run: envoy,
    },
    Step {
        name: "deny",
        about: "licences, sources and banned crates",
        is_fast: false,
        run: deny,
    },
    Step {
        name: "deploy",
        about: "images, manifests, alerts: read, and held to the rules",
        is_fast: false,
        run: deploy,
    },
    Step {
        name: "web",
        about: "browser client and its size",
        is_fast: false,
        run: web,
    },
    Step {
        name: "browser",
        about: "end to end, in Chromium",
        is_fast: false,
        run: browser,
    },
    Step {
        name: "bench",
        about: "the benchmarks run, in short",
        is_fast: false,
        run: bench,
    },
];

fn format(lab: &mut Lab<'_>) -> Result<()> {
    shell::run(
        lab.workspace
            .cargo()
            .args(["fmt", "--all", "--", "--check"]),
    )
}

fn tidy(lab: &mut Lab<'_>) -> Result<()> {
    tidy::run(lab.workspace)
}

/// Tests may start loose tasks and read the clock, so what is disallowed there is asked of the
/// product alone.
fn clippy(lab: &mut Lab<'_>) -> Result<()> {
    let cargo = || {
        let mut cargo = lab.workspace.cargo();
        cargo.args(["clippy", "--workspace", "--exclude", "t11-web"]);
        cargo
    };
    shell::run(cargo().args(["--", "--deny", "warnings"]))?;
    shell::run(
        cargo()
            .args(["--all-targets", "--", "--deny", "warnings"])
            .args(["--allow", "clippy::disallowed_methods"]),
    )
}

/// In the bundle's profile and target directory, so that macros and build scripts compile once.
fn clippy_web(lab: &mut Lab<'_>) -> Result<()> {
    let toolchain = Toolchain::provision()?;
    let mut cargo = lab.workspace.cargo();
    cargo
        .args([
            "clippy",
            "--package",
            "t11-web",
            "--lib",
            "--profile",
            "wasm",
        ])
        .arg("--target-dir")
        .arg(toolchain.target_dir(&lab.workspace.target));
    toolchain.apply(&mut cargo)?;
    shell::run(cargo.args(["--", "--deny", "warnings"]))
}

fn proto(lab: &mut Lab<'_>) -> Result<()> {
    proto::check(lab.workspace)
}

fn sqlite(lab: &mut Lab<'_>) -> Result<()> {
    run_tests(&mut cargo_test(lab))
}

/// The same selection of crates as on SQLite: another one would unify features otherwise and
/// compile most of them again.
fn postgres(lab: &mut Lab<'_>) -> Result<()> {
    let mut cargo = cargo_test_with_servers(lab)?;
    run_tests(cargo.args(["--lib", "--bins", "--tests"]))
}

/// What makes a mesh of processes by itself has run with PostgreSQL.
fn mesh(lab: &mut Lab<'_>) -> Result<()> {
    let mut cargo = cargo_test_with_servers(lab)?;
    cargo
        // A test of the program's own package makes cargo build the program.
        .args(["--test", "scenarios", "--test", "check_redis", "--"])
        .args(["--skip", "traces::", "--test-threads", "2"])
        .env("T11_TEST_SHAPE", "processes");
    run_tests(&mut cargo)
}

/// Runs tests; an error names those that failed.
fn run_tests(cargo: &mut Command) -> Result<()> {
    let verdicts = Mutex::new(Verdicts::default());
    let heard = |line: &str| {
        if let Ok(mut verdicts) = verdicts.lock() {
            verdicts.read(line);
        }
    };
    let ran = shell::run_heard(cargo, heard);
    let verdicts = verdicts.into_inner()?;
    ran.with_context(|| verdicts.to_string())
}

fn cargo_test_with_servers(lab: &mut Lab<'_>) -> Result<Command> {
    let mut cargo = cargo_test(lab);
    let envoy = envoy::program(lab.workspace)?;
    let python = provision::pip(&lab.workspace.cache, "clients", PYTHON)?.join("python");
    let modules = provision::npm(&lab.workspace.cache, "clients", NODE)?;
    let servers = lab.servers()?;
    cargo
        .env("T11_TEST_DATABASE_URL", servers.postgres_url())
        .env("T11_TEST_POOLER_URL", servers.pooler_url())
        .env("T11_TEST_REDIS_URL", servers.redis_url())
        .env("T11_TEST_ENVOY", envoy)
        .env("T11_TEST_PYTHON", python)
        .env("T11_TEST_NODE_MODULES", modules);
    Ok(cargo)
}

fn cargo_test(lab: &Lab<'_>) -> Command {
    let mut cargo = lab.workspace.cargo();
    cargo.args([
        "test",
        "--workspace",
        "--exclude",
        "t11-web",
        "--no-fail-fast",
    ]);
    cargo
        .env_remove("T11_TEST_DATABASE_URL")
        .env_remove("T11_TEST_POOLER_URL")
        .env_remove("T11_TEST_REDIS_URL")
        .env_remove("T11_TEST_ENVOY")
        .env_remove("T11_TEST_PYTHON")
        .env_remove("T11_TEST_NODE_MODULES");
    cargo
}

fn docs(lab: &mut Lab<'_>) -> Result<()> {
    docs::run(lab.workspace, &docs::Options { check: true })
}

fn envoy(lab: &mut Lab<'_>) -> Result<()> {
    envoy::check(lab.workspace)
}

fn deny(lab: &mut Lab<'_>) -> Result<()> {
    deny::run(lab.workspace)
}

fn deploy(lab: &mut Lab<'_>) -> Result<()> {
    deploy::run(lab.workspace)
}

fn web(lab: &mut Lab<'_>) -> Result<()> {
    web::build(lab.workspace, &web::Options::default()).map(drop)
}

/// `web/end2end/run.mjs` is given the addresses of the server and of a pretended Kommo account, a
/// browser and a folder for screenshots.
fn browser(lab: &mut Lab<'_>) -> Result<()> {
    let workspace = lab.workspace;
    provision::apt(&["chromium", "fonts-dejavu-core"])?;
    provision::program("node", "nodejs")?;
    let modules = provision::npm(&workspace.cache, "playwright", &[PLAYWRIGHT])?;
    let web = web::build(workspace, &web::Options::default())?;
    let binary = dev::server(workspace, Profile::Dev)?;
    let screenshots = screenshots(lab)?;
    let (server, kommo) = DevServer::start_with_demo_crm(&binary, &web.folder)?;
    shell::run(
        Command::new("node")
            .arg("web/end2end/run.mjs")
            .current_dir(&workspace.root)
            .env("NODE_PATH", modules)
            .env("T11_URL", &server.url)
            .env("T11_DEMO_CRM", &kommo)
            .env("T11_SCREENSHOTS", &screenshots),
    )?;
    say(format!("screenshots are in {}", screenshots.display()));
    Ok(())
}

fn screenshots(lab: &Lab<'_>) -> Result<PathBuf> {
    let folder = lab.workspace.target.join("screenshots");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

fn bench(lab: &mut Lab<'_>) -> Result<()> {
    let options = bench::Options {
        parts: Vec::new(),
        short: true,
    };
    bench::run(lab.workspace, &options)
}
