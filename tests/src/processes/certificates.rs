//! Certificates for a mesh whose processes do not trust the network.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// What may be wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing.
    Good,
    /// It was good until 2021.
    Expired,
    /// Another authority signed it.
    OfAStranger,
}

/// A folder with a certificate for each process, all of one authority.
pub(super) struct Certificates {
    folder: PathBuf,
    authority: Authority,
}

impl Certificates {
    /// Makes a good one for each of `names`.
    pub(super) fn make(folder: PathBuf, names: &[&str]) -> Self {
        let made = Self {
            folder,
            authority: authority(),
        };
        for name in names {
            made.put(name, Certificate::Good);
        }
        made
    }

    /// Replaces the certificate of `name`. Whom it believes stays the same.
    pub(super) fn put(&self, name: &str, kind: Certificate) {
        let mut params =
            CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        if kind == Certificate::Expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let cert = match kind {
            Certificate::OfAStranger => params.signed_by(&key, &authority()),
            Certificate::Good | Certificate::Expired => params.signed_by(&key, &self.authority),
        };
        let own = self.folder.join(name);
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("tls.crt"), cert.unwrap().pem()).unwrap();
        fs::write(own.join("tls.key"), key.serialize_pem()).unwrap();
        fs::write(own.join("ca.crt"), self.authority.pem()).unwrap();
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
        let committed = Path::new("../deploy/envoy/mtls");
        let own = self.folder.join(name).display().to_string();
        for file in ["certificate.yaml", "authority.yaml"] {
            let text = fs::read_to_string(committed.join(file)).unwrap();
            let text = text.replace("/etc/envoy/certificates", &own);
            fs::write(self.folder.join(file), text).unwrap();
        }
        self.folder.clone()
    }
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Of its own, or those it signs look as if they had signed themselves.
    params
        .distinguished_name
        .push(DnType::CommonName, "authority of a test");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
