//! Programs of other teams: the Rust client, and a program that knows no more than reflection says.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use t11_client::{Client, Fault as _, RemoteFault};
use t11_proto::agents::v1::ListAgentsRequest;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_tests::TestMesh;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tonic::{Code, Status};

#[path = "../../../crates/client/examples/list_agents.rs"]
#[expect(dead_code, reason = "its `main` is not called here")]
mod list_agents;

/// The interpreter that has grpcio, where there is one.
const PYTHON_VARIABLE: &str = "T11_TEST_PYTHON";

/// A mesh with two agents, and a key that may list them.
async fn with_agents() -> (TestMesh, String) {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Clients").await;
    for name in ["Anna", "Борис"] {
        owner.agent(json!({"display_name": name})).await;
    }
    let asked = json!({"display_name": "Client", "scopes": ["agents.read"]});
    let made = owner.post("/api/account/apiKeys", asked).await.ok();
    let key = made["key"].as_str().unwrap().to_owned();
    (mesh, key)
}

async fn list(client: &Client) -> Result<usize, Status> {
    let mut agents = AgentServiceClient::new(client.clone());
    let page = agents.list_agents(ListAgentsRequest::default()).await?;
    Ok(page.into_inner().agents.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_lists_agents_and_a_bad_key_has_its_reason() {
    let (mesh, key) = with_agents().await;
    let mut names = list_agents::agents(&mesh.url(""), &key).await.unwrap();
    names.sort();
    assert_eq!(names, ["Anna", "Борис"]);

    let client = Client::builder(mesh.url("")).api_key("t11_dev_nothing");
    let refused = list(&client.build().unwrap()).await.unwrap_err();
    let fault = RemoteFault::from(&refused);
    assert_eq!(fault.code(), Code::Unauthenticated, "{refused}");
    assert!(
        fault
            .domain()
            .is_some_and(|domain| domain.ends_with(".t11.dev"))
    );
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_fails_no_call() {
    let (mesh, key) = with_agents().await;
    // Bound and dropped: nobody listens there.
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let client = Client::builder(format!("http://{gone}"))
        .endpoint(mesh.url(""))
        .api_key(&key)
        .build()
        .unwrap();
    for _ in 0..10 {
        assert_eq!(list(&client).await.unwrap(), 2);
    }
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_call_that_nobody_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::builder(format!("http://{}", silent.local_addr().unwrap()))
        .deadline(Duration::from_millis(200))
        .build()
        .unwrap();
    let refused = list(&client).await.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_a_private_authority_and_a_certificate_of_its_own() {
    let (mesh, key) = with_agents().await;
    let authority = authority();
    let (server, client) = (certificate(&authority), certificate(&authority));
    let door = terminate_tls(&authority, &server, mesh.url("")).await;
    let url = format!("https://{door}");

    let builder = Client::builder(url)
        .api_key(&key)
        .authority(authority.pem());
    let (chain, own) = (client.0.pem(), client.1.serialize_pem());
    let shown = builder.clone().identity(chain, own).build().unwrap();
    assert_eq!(list(&shown).await.unwrap(), 2);

    let unshown = list(&builder.build().unwrap()).await.unwrap_err();
    assert_eq!(RemoteFault::from(&unshown).reason(), "SERVICE_UNREACHABLE");
    mesh.stop().await;
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "authority of a test");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn certificate(authority: &Authority) -> (rcgen::Certificate, KeyPair) {
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

/// A door that asks for a certificate and passes on what it hears to `url`.
async fn terminate_tls(
    authority: &Authority,
    (certificate, key): &(rcgen::Certificate, KeyPair),
    url: String,
) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let behind = url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_in_python_needs_no_more_than_reflection() {
    let Ok(python) = std::env::var(PYTHON_VARIABLE) else {
        println!("not run: {PYTHON_VARIABLE} is not set");
        return;
    };
    let (mesh, key) = with_agents().await;
    let address = mesh.url("").trim_start_matches("http://").to_owned();
    let folder = "../examples/python";
    let run = move || {
        Command::new(python)
            .arg("list_agents.py")
            .current_dir(folder)
            .env("T11_ADDRESS", address)
            .env("T11_API_KEY", key)
            .env("PYTHONIOENCODING", "utf-8")
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let names = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<_> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["Anna", "Борис"]);
    mesh.stop().await;
}
