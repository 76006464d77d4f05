//! `t11 keys`.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use t11_core::World;
use t11_grpc::Signer;

use crate::entries;

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Print new keys as environment lines. Nothing is stored.
    Generate {
        /// A signing key for each service, on lines `T11_SIGNING_KEY_AGENTS=…`: for processes of
        /// one service each.
        #[arg(long)]
        by_service: bool,
    },
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(crate) fn run(action: Action) -> Result<()> {
    let Action::Generate { by_service } = action;
    let world = World::system();
    for name in ["ENCRYPTION_KEY", "KOMMO_WEBHOOK_SECRET"] {
        println!("{name}={}", STANDARD.encode(world.random::<32>()));
    }
    let lines = if by_service {
        each(&world)?
    } else {
        shared(&world)?
    };
    println!("{lines}");
    Ok(())
}

fn shared(world: &World) -> Result<String> {
    let seed = world.random::<32>();
    let jwks = Signer::from_seed(&seed)?.jwks();
    let seed = STANDARD.encode(seed);
    Ok(format!("T11_SIGNING_KEY={seed}\nT11_JWKS={jwks}"))
}

fn each(world: &World) -> Result<String> {
    let (mut lines, mut signers) = (Vec::new(), Vec::new());
    for name in entries().map(|entry| entry.name) {
        let seed = world.random::<32>();
        signers.push((name, Signer::from_seed(&seed)?));
        let (name, seed) = (name.to_uppercase(), STANDARD.encode(seed));
        lines.push(format!("T11_SIGNING_KEY_{name}={seed}"));
    }
    let jwks = Signer::jwks_by_service(signers.iter().map(|(name, signer)| (*name, signer)));
    lines.push(format!("T11_JWKS={jwks}"));
    Ok(lines.join("\n"))
}
