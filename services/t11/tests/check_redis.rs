//! `t11 check redis` against servers that are well, ill, and behind TLS. Runs where tests have a
//! Redis (`T11_TEST_REDIS_URL`), on servers of its own.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    /// `None` where tests have no Redis.
    fn start(options: &[&str]) -> Option<Self> {
        Self::start_in(tempfile::tempdir().unwrap(), |port| {
            let mut all = vec!["--port".to_owned(), port.to_string()];
            all.extend(options.iter().map(|option| (*option).to_owned()));
            all
        })
    }

    fn start_in(folder: TempDir, options: impl FnOnce(u16) -> Vec<String>) -> Option<Self> {
        std::env::var_os("T11_TEST_REDIS_URL")?;
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(folder.path())
            .args(options(port))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            child,
            port,
            folder,
        })
    }

    /// Its address, for someone with these credentials.
    fn url(&self, credentials: &str) -> String {
        format!("redis://{credentials}127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether the check is content, and what it says.
fn check(url: &str, trusted: Option<PathBuf>) -> (bool, String) {
    let mut check = Command::new(env!("CARGO_BIN_EXE_t11"));
    check.args(["check", "redis"]).env("REDIS_URL", url);
    if let Some(trusted) = trusted {
        check
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR");
    }
    let output = check.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.success(), said)
}

#[test]
fn a_server_that_is_well_is_found_so() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    assert_eq!(check(&server.url(""), None), (true, "ok\n".to_owned()));
}

#[test]
fn a_server_that_drops_keys_is_warned_of() {
    let Some(server) = Server::start(&["--maxmemory-policy", "allkeys-lru"]) else {
        return;
    };
    let (is_content, said) = check(&server.url(""), None);
    assert!(is_content, "{said}");
    assert!(said.contains("`allkeys-lru`"), "{said}");
}

#[test]
fn a_wrong_password_is_named_but_not_shown() {
    let Some(server) = Server::start(&["--requirepass", "right"]) else {
        return;
    };
    assert!(check(&server.url(":right@"), None).0);
    let (is_content, said) = check(&server.url(":s3cret@"), None);
    assert!(!is_content, "{said}");
    assert!(said.contains("WRONGPASS"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn nobody_there_is_a_problem() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let url = server.url("");
    drop(server);
    let (is_content, said) = check(&url, None);
    assert!(!is_content && said.contains("refused"), "{said}");
}

#[test]
fn a_user_who_may_not_publish_is_found_out() {
    let user = [
        "--user",
        "mute",
        "on",
        ">word",
        "~*",
        "resetchannels",
        "+@all",
    ];
    let Some(server) = Server::start(&user) else {
        return;
    };
    let (is_content, said) = check(&server.url("mute:word@"), None);
    assert!(!is_content && said.contains("does not arrive"), "{said}");
}

#[test]
fn over_tls_a_server_must_show_a_certificate_that_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, options) = certificates(&folder);
    let server = Server::start_in(folder, |port| {
        let mut all = options;
        all.extend(["--port", "0", "--tls-port"].map(ToOwned::to_owned));
        all.push(port.to_string());
        all
    });
    let Some(server) = server else {
        return;
    };
    let url = format!("rediss://localhost:{}", server.port);
    let trusted = server.folder.path().join(authority);
    assert_eq!(check(&url, Some(trusted)), (true, "ok\n".to_owned()));
    let (is_content, said) = check(&url, None);
    assert!(!is_content && said.contains("UnknownIssuer"), "{said}");
}

/// Writes a certificate for `localhost` and who vouches for it; his file, and the server's options.
fn certificates(folder: &TempDir) -> (&'static str, Vec<String>) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    let mut options = vec!["--tls-auth-clients".to_owned(), "no".to_owned()];
    for (option, file, text) in [
        ("--tls-ca-cert-file", "authority.pem", authority.pem()),
        ("--tls-cert-file", "server.pem", server.pem()),
        ("--tls-key-file", "server.key", key.serialize_pem()),
    ] {
        let path = folder.path().join(file);
        std::fs::write(&path, text).unwrap();
        options.push(option.to_owned());
        options.push(path.display().to_string());
    }
    ("authority.pem", options)
}
