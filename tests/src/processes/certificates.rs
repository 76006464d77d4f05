//! Certificates for a mesh whose processes do not trust the network.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// A folder with a certificate for each process, all of one authority.
pub(super) struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes one for each of `names`.
    pub(super) fn make(folder: PathBuf, names: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Of its own, or those it signs look as if they had signed themselves.
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of a test");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        for name in names {
            let mut params =
                CertificateParams::new(vec![(*name).to_owned(), "127.0.0.1".to_owned()]).unwrap();
            params.extended_key_usages = vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ];
            let key = KeyPair::generate().unwrap();
            let cert = params.signed_by(&key, &authority).unwrap();
            let own = folder.join(name);
            fs::create_dir_all(&own).unwrap();
            fs::write(own.join("tls.crt"), cert.pem()).unwrap();
            fs::write(own.join("tls.key"), key.serialize_pem()).unwrap();
            fs::write(own.join("ca.crt"), authority.pem()).unwrap();
        }
        Self { folder }
    }

    /// The variables that tell a process of its files.
    pub(super) fn variables(&self, name: &str) -> [(String, String); 3] {
        let own = self.folder.join(name);
        [("CERT", "tls.crt"), ("KEY", "tls.key"), ("CA", "ca.crt")].map(|(variable, file)| {
            let path = own.join(file).display().to_string();
            (format!("T11_TLS__{variable}"), path)
        })
    }

    /// The folder of what tells the proxy of its files: the committed ones, with other paths.
    pub(super) fn proxy_folder(&self, name: &str) -> PathBuf {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/envoy/mtls");
        let own = self.folder.join(name).display().to_string();
        for file in ["certificate.yaml", "authority.yaml"] {
            let text = fs::read_to_string(committed.join(file)).unwrap();
            let text = text.replace("/etc/envoy/certificates", &own);
            fs::write(self.folder.join(file), text).unwrap();
        }
        self.folder.clone()
    }
}
