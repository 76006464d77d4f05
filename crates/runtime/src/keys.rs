//! The keys of a process: given to it, or in development made once and kept.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use t11_core::{PageTokens, World};
use t11_grpc::{Signer, Verifier, parse_key};
use t11_store::Keyring;

use crate::settings::Environment;
use crate::{Secret, Settings};

/// What seals, signs and verifies.
#[derive(Clone)]
pub struct Keys {
    pub keyring: Arc<Keyring>,
    pub signer: Signer,
    pub verifier: Verifier,
    pub page_tokens: PageTokens,
}

impl Keys {
    /// Reads the keys of the settings; in development, makes missing ones and keeps them in
    /// `data_dir/keys`, readable by the owner only.
    ///
    /// # Errors
    /// A key that is malformed or, in production, missing.
    pub fn load(settings: &Settings, world: &World) -> Result<Self> {
        let common = &settings.common;
        let given = |secret: &Option<Secret>, name: &str| -> Result<String> {
            given(settings, secret.as_ref(), name, world)
        };
        let encryption = given(&common.encryption_key, "ENCRYPTION_KEY")?;
        let keyring = Keyring::parse(
            &encryption.clone().into(),
            common.keyring.as_ref().map(Secret::as_secret_string),
        )
        .context("ENCRYPTION_KEY")?;
        let seed = given(&common.signing_key, "T11_SIGNING_KEY")?;
        let seed = parse_key(&seed).context("T11_SIGNING_KEY must be 32 bytes in base64 or hex")?;
        let signer = Signer::from_seed(&seed)?;
        let jwks = common
            .jwks
            .as_ref()
            .map_or_else(|| signer.jwks(), |j| j.expose().to_owned());
        let verifier = Verifier::from_jwks(&jwks).context("T11_JWKS")?;
        let page_tokens = PageTokens::new(*keyring.derive("page-tokens"));
        Ok(Self {
            keyring: Arc::new(keyring),
            signer,
            verifier,
            page_tokens,
        })
    }
}

/// A key of the settings; in development one that is missing is made and kept as all are.
pub(crate) fn given(
    settings: &Settings,
    secret: Option<&Secret>,
    name: &str,
    world: &World,
) -> Result<String> {
    match secret {
        Some(secret) => Ok(secret.expose().to_owned()),
        None if settings.common.environment == Environment::Production => {
            bail!("`{name}` is not set; make one with `openssl rand -base64 32`")
        }
        None => kept(&settings.data_path("keys"), name, world),
    }
}

fn kept(dir: &Path, name: &str, world: &World) -> Result<String> {
    let path = dir.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
            let text = STANDARD.encode(world.random::<32>());
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .with_context(|| path.display().to_string())?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            Ok(text)
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}
