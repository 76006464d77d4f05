//! Replicas of crm on one database, with a connected account of the stand-in of Kommo.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait as _, Statement};
use secrecy::ExposeSecret as _;
use t11_core::{Caller, Clock, OrgId, OrgScope, Permission, SystemWorld, World};
use t11_fake_kommo::{FakeKommo, FakeKommoOptions, Integration};
use t11_kommo::{Client, Hosts, Http, Lane};
use t11_runtime::Bus;
use t11_runtime::bus::InProcess;
use t11_store::testing::TestDb;
use t11_store::{Keyring, StoreError, System};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::authorization::{Answer, Authorizations};
use crate::connection::{Connection, State};
use crate::credential::NewCredential;
use crate::error::Error;
use crate::kommo::{Kommo, Meter};
use crate::store::Store;

pub(super) const TOKENS: &str = "POST /oauth2/access_token";

/// Goes as the machine's clock does, and can be moved.
#[derive(Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemWorld.now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

pub(super) struct Rig {
    pub(super) fake: FakeKommo,
    pub(super) scope: OrgScope,
    pub(super) connection: Uuid,
    /// One of the replicas.
    pub(super) kommo: Kommo,
    clock: Arc<MovedClock>,
    world: World,
    db: TestDb,
}

impl Rig {
    pub(super) async fn start() -> Self {
        t11_runtime::init_process();
        let app = Integration::new("http://127.0.0.1:8080/api/kommo/oauth/callback");
        let fake = FakeKommo::start(FakeKommoOptions::with(app.clone()).unlimited())
            .await
            .unwrap();
        let clock = Arc::<MovedClock>::default();
        let world = World::new(clock.clone(), Arc::new(SystemWorld));
        let migrate = |db| async move { t11_migrations::migrate("crm", &db).await };
        let db = TestDb::with_world(world.clone(), migrate).await;
        let org = OrgId(Uuid::from_u128(1));
        let scope = Caller::service("crm", org).require(Permission::Internal);
        let kommo = replica(&fake, &db, &world);
        let mut rig = Self {
            fake,
            scope: scope.unwrap(),
            connection: Uuid::nil(),
            kommo,
            clock,
            world,
            db,
        };
        rig.connection = rig.connect(app).await;
        rig
    }

    async fn connect(&self, app: Integration) -> Uuid {
        let credential = NewCredential {
            client_id: app.client_id.parse().unwrap(),
            client_secret: app.client_secret.into(),
            redirect_uri: app.redirect_uri,
        };
        let store = &self.kommo.store;
        store.set_credential(&self.scope, credential).await.unwrap();
        let oauth_url = self.fake.oauth_url().parse().unwrap();
        let authorizations = Authorizations::new(self.kommo.clone(), oauth_url);
        let (uri, _) = authorizations.start(&self.scope, None).await.unwrap();
        let redirect = reqwest::redirect::Policy::none();
        let browser = reqwest::Client::builder()
            .redirect(redirect)
            .build()
            .unwrap();
        let answer = browser.get(uri).send().await.unwrap();
        let place = answer.headers()["location"].to_str().unwrap();
        let place: url::Url = place.parse().unwrap();
        let value = |name: &str| {
            let found = place.query_pairs().find(|(key, _)| key == name);
            found.map_or_else(String::new, |(_, value)| value.into_owned())
        };
        let answer = Answer {
            code: value("code").into(),
            state: value("state"),
            referer: value("referer"),
            client_id: value("client_id"),
            error: String::new(),
        };
        let made = authorizations.complete(&self.scope, answer).await.unwrap();
        made.id
    }

    /// Another replica, which shares the database alone.
    pub(super) fn replica(&self) -> Kommo {
        replica(&self.fake, &self.db, &self.world)
    }

    /// What people are to be told, by its keys.
    pub(super) async fn told(&self) -> Vec<String> {
        let read = self.db.read(System("test"), |tx| async move {
            let sql = "SELECT unique_key FROM outbox WHERE kind = 'accounts.raise_notification' \
                       ORDER BY position";
            let statement = Statement::from_string(tx.get_database_backend(), sql);
            let rows = tx.query_all_raw(statement).await?;
            let keys = rows.iter().map(|row| row.try_get_by_index::<String>(0));
            Ok::<_, StoreError>(keys.collect::<Result<Vec<_>, _>>()?)
        });
        read.await.unwrap()
    }

    /// Moves the clocks of both sides.
    pub(super) fn advance(&self, by: TimeDelta) {
        self.advance_ours(by);
        self.fake.advance(by.to_std().unwrap());
    }

    pub(super) fn advance_ours(&self, by: TimeDelta) {
        self.clock.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }

    /// How many tokens were bought since the account was connected, refused tries too.
    pub(super) fn bought(&self) -> usize {
        self.fake.count(TOKENS) - 1
    }

    pub(super) async fn stored(&self) -> Connection {
        let store = &self.kommo.store;
        store
            .connection(&self.scope, self.connection)
            .await
            .unwrap()
    }

    pub(super) async fn state(&self) -> State {
        self.stored().await.state
    }

    /// The stored pair.
    pub(super) async fn pair(&self) -> (i64, String) {
        let opened = self.kommo.store.opened(&self.scope, self.connection).await;
        let (_, token) = opened.unwrap();
        (token.version, token.access.expose_secret().to_owned())
    }

    /// Somebody needs the account.
    pub(super) async fn ask(&self, kommo: &Kommo) -> Result<(), Error> {
        let ask = |client: Client| async move { client.account().await };
        kommo
            .with(&self.scope, self.connection, Lane::Person, ask)
            .await
            .map(drop)
    }
}

fn replica(fake: &FakeKommo, db: &TestDb, world: &World) -> Kommo {
    let hosts: Vec<_> = fake.hosts().split(',').map(str::to_owned).collect();
    let http = Http::new(Hosts::with_test_hosts(&hosts, false).unwrap()).unwrap();
    let store = Store::new(db.db(), world.clone(), Arc::new(Keyring::new([9; 32])));
    let bus = Bus::join(Arc::new(InProcess::default()), world);
    let meter = Meter::unlimited(world, bus);
    Kommo::new(store, http, meter, world.clone(), TaskTracker::new())
}
