//! What is believed over TLS, with rustls and ring.

use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use t11_grpc::H2;

use crate::BuildError;

/// A certificate of one's own, in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// Believes `authority`, or the system's.
pub(crate) fn config(
    authority: Option<&[u8]>,
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>, BuildError> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(authority)?);
    let mut config = match identity {
        Some(Identity { chain, key }) => {
            let key = PrivateKeyDer::from_pem_slice(key)?;
            config.with_client_auth_cert(certificates(chain)?, key)?
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![H2.to_vec()];
    Ok(Arc::new(config))
}

fn roots(authority: Option<&[u8]>) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(pem) => {
            for certificate in certificates(pem)? {
                roots.add(certificate)?;
            }
        }
        None => {
            // A file that cannot be read is as if it were not there.
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    if roots.is_empty() {
        return Err(BuildError::NoAuthorities);
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    Ok(CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?)
}
