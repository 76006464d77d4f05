//! `cargo xtask`: the one door for chores. It needs a Rust toolchain and a C compiler; whatever
//! else a chore needs it installs once and says so.
#![expect(clippy::print_stdout, reason = "a command-line tool talks on stdout")]

mod provision;
mod shell;
mod wasm;
mod web;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Chores of the T11 platform")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build the browser client into <target>/web.
    Web(web::Options),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let workspace = Workspace::find()?;
    match arguments.chore {
        Chore::Web(options) => web::build(&workspace, &options).map(drop),
    }
}
