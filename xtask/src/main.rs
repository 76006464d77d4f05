//! `cargo xtask`: the one door for chores. It needs a Rust toolchain and a C compiler; whatever
//! else a chore needs it installs once and says so.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a tool beside the product: it waits, reads the environment"
)]

mod bench;
mod deny;
mod deploy;
mod dev;
mod docs;
mod envoy;
mod faults;
mod proto;
mod provision;
mod running;
mod server;
mod servers;
mod shell;
mod test;
mod tidy;
mod try_model;
mod wasm;
mod web;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Chores of the T11 platform"
)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build what is missing and start the platform on http://127.0.0.1:8080.
    Dev(dev::Options),
    /// Run every check and test there is, installing what they need.
    Test(test::Options),
    /// Build the browser client into <target>/web.
    Web(web::Options),
    /// Lint the protos and compare them with the accepted contract.
    Proto(proto::Options),
    /// Check the rules of the architecture that no compiler checks.
    Tidy,
    /// Write the documents that are made from the code.
    Docs(docs::Options),
    /// Write the proxies' configuration, which is made from the protos.
    Envoy(envoy::Options),
    /// Break things at length: processes, Redis, the network; and count what was lost.
    Faults(faults::Options),
    /// Measure the figures of the README.
    Bench(bench::Options),
    /// Ask a small real model, run on this machine, one question through the whole platform.
    TryModel(try_model::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        // Without a backtrace, which would only lead through this tool.
        Err(error) => {
            eprintln!("xtask: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<()> {
    let workspace = Workspace::find()?;
    match chore {
        Chore::Dev(options) => dev::run(&workspace, &options),
        Chore::Test(options) => test::run(&workspace, &options),
        Chore::Web(options) => web::build(&workspace, &options).map(drop),
        Chore::Proto(options) => proto::run(&workspace, &options),
        Chore::Tidy => tidy::run(&workspace),
        Chore::Docs(options) => docs::run(&workspace, &options),
        Chore::Envoy(options) => envoy::run(&workspace, &options),
        Chore::Faults(options) => faults::run(&workspace, &options),
        Chore::Bench(options) => bench::run(&workspace, &options),
        Chore::TryModel(options) => try_model::run(&workspace, &options),
    }
}
