//! Mutual TLS between services. Certificates are read again when their files change, for new
//! connections; open ones stay. With TLS nothing is ever sent or taken in the clear.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use parking_lot::RwLock;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use t11_grpc::H2;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server};
use tokio_util::sync::CancellationToken;

use crate::settings::TlsFiles;

/// How soon a changed file is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The certificates in force. Clones share them.
#[derive(Clone)]
pub(crate) struct Tls(Arc<Inner>);

struct Inner {
    files: [PathBuf; 3],
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    /// The files as they were read.
    bytes: [Vec<u8>; 3],
}

impl Tls {
    /// Reads the files; `None` when none is named.
    ///
    /// # Errors
    /// Some of the three are missing, or one cannot be used.
    pub(crate) fn load(files: &TlsFiles) -> Result<Option<Self>> {
        let files = match (&files.cert, &files.key, &files.ca) {
            (None, None, None) => return Ok(None),
            (Some(cert), Some(key), Some(ca)) => [cert.clone(), key.clone(), ca.clone()],
            _ => bail!("`tls.cert`, `tls.key` and `tls.ca` go together: set all three or none"),
        };
        let current = Current::of(read(&files)?)?;
        Ok(Some(Self(Arc::new(Inner {
            files,
            current: RwLock::new(current),
        }))))
    }

    /// Looks for changed files until `shutdown`.
    pub(crate) async fn keep(self, shutdown: CancellationToken) {
        loop {
            let pause = tokio::time::sleep(LOOK_EVERY);
            if shutdown.run_until_cancelled(pause).await.is_none() {
                return;
            }
            match self.renew() {
                Ok(true) => tracing::info!("TLS certificates renewed"),
                Ok(false) => {}
                // Files that are replaced one after the other do not fit for a moment.
                Err(error) => tracing::warn!(
                    error = format!("{error:#}"),
                    "changed TLS files cannot be used; the old ones stay in force"
                ),
            }
        }
    }

    /// Whether the files had changed; then they are in force.
    fn renew(&self) -> Result<bool> {
        let bytes = read(&self.0.files)?;
        if bytes == self.0.current.read().bytes {
            return Ok(false);
        }
        let renewed = Current::of(bytes)?;
        *self.0.current.write() = renewed;
        Ok(true)
    }

    /// Shakes hands with a client, who must have a certificate of our authority.
    ///
    /// # Errors
    /// The client's certificate, or its opinion of ours.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<server::TlsStream<TcpStream>> {
        let config = self.0.current.read().server.clone();
        TlsAcceptor::from(config).accept(stream).await
    }

    /// For connections to neighbours, who must have a certificate of our authority for their name.
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        self.0.current.read().client.clone()
    }
}

fn read(files: &[PathBuf; 3]) -> Result<[Vec<u8>; 3]> {
    let one = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
    let [cert, key, ca] = files;
    Ok([one(cert)?, one(key)?, one(ca)?])
}

impl Current {
    fn of(bytes: [Vec<u8>; 3]) -> Result<Self> {
        let [cert, key, ca] = &bytes;
        let provider = Arc::new(default_provider());
        let roots = roots(ca).context("`tls.ca`")?;
        let chain = certificates(cert).context("`tls.cert`")?;
        let key = PrivateKeyDer::from_pem_slice(key).context("`tls.key`")?;
        let server = server_config(&provider, roots.clone(), chain.clone(), key.clone_key())
            .context("`tls.cert` with `tls.key`")?;
        let client = client_config(&provider, roots, chain, key)?;
        Ok(Self {
            server: Arc::new(server),
            client: Arc::new(client),
            bytes,
        })
    }
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig> {
    let clients = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![H2.to_vec()];
    Ok(config)
}

fn client_config(
    provider: &Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![H2.to_vec()];
    // A session that is resumed is not checked against the certificates of today.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    if found.is_empty() {
        bail!("no certificate is in it");
    }
    Ok(found)
}

fn roots(pem: &[u8]) -> Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate)?;
    }
    Ok(Arc::new(roots))
}

#[cfg(test)]
mod tests;
