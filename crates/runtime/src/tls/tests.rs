use std::net::SocketAddr;
use std::os::unix::fs::symlink;

use axum::Router;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use t11_core::World;
use t11_grpc::{Peer, tls_connector};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::Code;
use tonic::service::Routes;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::Health;
use crate::http::{Manners, serve};

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A folder as a mounted Secret is: files in a folder of their own, behind a link that is swapped.
struct Mount {
    folder: TempDir,
    versions: u32,
}

impl Mount {
    fn new(authority: &Authority, until_year: i32) -> Self {
        let folder = TempDir::new().unwrap();
        let mut mount = Self {
            folder,
            versions: 0,
        };
        mount.put(authority, authority, until_year);
        mount
    }

    /// A certificate of `authority`, good until the year, believing `believed`.
    fn put(&mut self, authority: &Authority, believed: &Authority, until_year: i32) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until_year, 1, 1);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, authority).unwrap();
        self.versions += 1;
        let version = self.folder.path().join(format!("v{}", self.versions));
        fs::create_dir(&version).unwrap();
        fs::write(version.join("tls.crt"), cert.pem()).unwrap();
        fs::write(version.join("tls.key"), key.serialize_pem()).unwrap();
        fs::write(version.join("ca.crt"), believed.pem()).unwrap();
        let next = self.folder.path().join("next");
        symlink(&version, &next).unwrap();
        fs::rename(&next, self.folder.path().join("now")).unwrap();
    }

    fn files(&self) -> TlsFiles {
        let file = |name: &str| Some(self.folder.path().join("now").join(name));
        TlsFiles {
            cert: file("tls.crt"),
            key: file("tls.key"),
            ca: file("ca.crt"),
        }
    }

    fn tls(&self) -> Tls {
        Tls::load(&self.files()).unwrap().unwrap()
    }
}

/// A service with nothing but its health, behind TLS.
async fn service(tls: Tls) -> SocketAddr {
    let health = Health::default();
    health.begin().await;
    let router: Router = Routes::new(health.server([], World::system())).into_axum_router();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let manners = Manners::inside(Duration::ZERO, World::system(), Some(tls));
    tokio::spawn(serve(listener, router, manners, CancellationToken::new()));
    address
}

fn caller(tls: &Tls, address: SocketAddr) -> HealthClient<Peer> {
    let tls = tls.clone();
    let channel = Endpoint::from_shared(format!("https://{address}"))
        .unwrap()
        .connect_with_connector_lazy(tls_connector(move || tls.client_config()));
    HealthClient::new(Peer::remote("agents", channel, World::system()))
}

async fn asked(client: &mut HealthClient<Peer>) -> Result<(), Code> {
    let request = HealthCheckRequest::default();
    client
        .check(request)
        .await
        .map(drop)
        .map_err(|status| status.code())
}

#[tokio::test]
async fn services_of_one_authority_speak_to_each_other() {
    let authority = authority();
    let mount = Mount::new(&authority, 2100);
    let address = service(mount.tls()).await;
    assert_eq!(asked(&mut caller(&mount.tls(), address)).await, Ok(()));
}

#[tokio::test]
async fn strangers_and_the_expired_are_refused_by_both_sides() {
    let authority = authority();
    let good = Mount::new(&authority, 2100);
    let stranger = Mount::new(&self::authority(), 2100);
    let expired = Mount::new(&authority, 2021);
    // The stranger believes us, so that it is we who refuse it.
    let mut knows_us = Mount::new(&authority, 2100);
    knows_us.put(&self::authority(), &authority, 2100);
    for (server, client) in [
        (&good, &stranger),
        (&good, &expired),
        (&good, &knows_us),
        (&stranger, &good),
        (&expired, &good),
    ] {
        let address = service(server.tls()).await;
        let refused = asked(&mut caller(&client.tls(), address)).await;
        assert_eq!(refused, Err(Code::Unavailable));
    }
}

#[tokio::test]
async fn nothing_is_said_in_the_clear() {
    let authority = authority();
    let mount = Mount::new(&authority, 2100);
    let address = service(mount.tls()).await;
    let plain = Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy();
    let mut client = HealthClient::new(Peer::remote("agents", plain, World::system()));
    assert_eq!(asked(&mut client).await, Err(Code::Unavailable));
}

#[tokio::test]
async fn renewed_files_are_used_without_breaking_connections() {
    let (old, new) = (authority(), authority());
    let mut mount = Mount::new(&old, 2100);
    let tls = mount.tls();
    let address = service(tls.clone()).await;
    let mut connected = caller(&tls, address);
    asked(&mut connected).await.unwrap();
    assert!(!tls.renew().unwrap(), "nothing has changed");

    mount.put(&new, &new, 2100);
    assert!(tls.renew().unwrap());
    assert_eq!(asked(&mut connected).await, Ok(()), "it was open before");
    assert_eq!(asked(&mut caller(&tls, address)).await, Ok(()));
    let left_behind = Mount::new(&old, 2100);
    let refused = asked(&mut caller(&left_behind.tls(), address)).await;
    assert_eq!(refused, Err(Code::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn files_that_do_not_fit_leave_the_old_ones_in_force() {
    let authority = authority();
    let mount = Mount::new(&authority, 2100);
    let tls = mount.tls();
    fs::write(mount.files().key.unwrap(), "no key").unwrap();
    assert!(tls.renew().is_err());
    let shutdown = CancellationToken::new();
    let keeping = tokio::spawn(tls.clone().keep(shutdown.clone()));
    tokio::time::sleep(LOOK_EVERY * 2).await;
    shutdown.cancel();
    keeping.await.unwrap();
    let address = service(tls.clone()).await;
    assert_eq!(asked(&mut caller(&tls, address)).await, Ok(()));
}

#[test]
fn half_a_setting_is_refused() {
    let files = TlsFiles {
        cert: Some("tls.crt".into()),
        ..TlsFiles::default()
    };
    assert!(Tls::load(&files).is_err());
    assert!(Tls::load(&TlsFiles::default()).unwrap().is_none());
}
