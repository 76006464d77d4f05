//! `t11 keys`.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use t11_core::World;
use t11_grpc::Signer;

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Print new keys as environment lines. Nothing is stored.
    Generate,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(crate) fn run(action: Action) -> Result<()> {
    let Action::Generate = action;
    let world = World::system();
    let seed = world.random::<32>();
    println!("ENCRYPTION_KEY={}", STANDARD.encode(world.random::<32>()));
    println!("T11_SIGNING_KEY={}", STANDARD.encode(seed));
    println!("T11_JWKS={}", Signer::from_seed(&seed)?.jwks());
    Ok(())
}
