use std::sync::Arc;

use chrono::DateTime;
use t11_core::{Fault as _, ManualWorld};
use t11_store::testing::TestDb;

use super::*;

const PASSWORD: &str = "correct horse";

struct Fixture {
    clock: Arc<ManualWorld>,
    db: TestDb,
    store: Store,
    hasher: Hasher,
    authenticator: Authenticator,
}

async fn fixture() -> Fixture {
    let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let clock = ManualWorld::new(start, 1);
    let migrate = |db| async move { t11_migrations::migrate("accounts", &db).await };
    let db = TestDb::with_world(clock.world(), migrate).await;
    let store = Store::new(db.db(), clock.world());
    let hasher = Hasher::new(clock.world(), 2);
    let authenticator = Authenticator::new(store.clone(), hasher.clone(), clock.world());
    Fixture {
        clock,
        db,
        store,
        hasher,
        authenticator,
    }
}

fn email(text: &str) -> Email {
    Email::stored(text.to_owned())
}

fn client(address: &str) -> Client {
    Client {
        address: Some(address.to_owned()),
        ..Client::default()
    }
}

fn registration(request_id: Option<Uuid>) -> Registration {
    Registration {
        organization_display_name: "Мебель".to_owned(),
        email: email("anna@example.com"),
        password: PASSWORD.into(),
        display_name: "Anna".to_owned(),
        locale: Locale::Ru,
        time_zone: "Europe/Moscow".to_owned(),
        request_id,
    }
}

impl Fixture {
    async fn register(&self) -> SignedIn {
        let home = client("192.0.2.1");
        self.authenticator
            .register(registration(None), home)
            .await
            .unwrap()
    }

    async fn sign_in(&self, who: &str, password: &str, from: &str) -> Result<SignedIn, Error> {
        self.authenticator
            .sign_in(&email(who), &password.into(), false, client(from))
            .await
    }
}

/// The work of a sign-in, in the two units that take time.
#[derive(Debug, PartialEq, Eq)]
struct Work {
    hashes: u64,
    transactions: u64,
}

async fn work_of_failing(fixture: &Fixture, who: &str) -> Work {
    let hashes = fixture.hasher.operations();
    let transactions = fixture.db.counters().writes;
    let failed = fixture
        .sign_in(who, "wrong horse!", "192.0.2.9")
        .await
        .unwrap_err();
    assert!(matches!(failed, Error::CredentialsWrong));
    Work {
        hashes: fixture.hasher.operations() - hashes,
        transactions: fixture.db.counters().writes - transactions,
    }
}

#[tokio::test]
async fn an_unknown_address_takes_the_work_of_a_wrong_password() {
    let fixture = fixture().await;
    fixture.register().await;
    let wrong = work_of_failing(&fixture, "anna@example.com").await;
    let unknown = work_of_failing(&fixture, "nobody@example.com").await;
    assert_eq!(
        wrong,
        Work {
            hashes: 1,
            transactions: 2
        }
    );
    assert_eq!(unknown, wrong);
}

#[tokio::test]
async fn tries_that_come_at_the_same_time_are_counted_too() {
    let fixture = fixture().await;
    let anna = email("anna@example.com");
    let stranger = client("192.0.2.9");
    let tries: Vec<_> = (0..15)
        .map(|_| fixture.store.begin_sign_in(&anna, &stranger))
        .collect();
    let outcomes = futures::future::join_all(tries).await;
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        10
    );
    for refused in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(refused.reason(), "SIGN_IN_LIMITED");
        assert_eq!(refused.retry_after().unwrap().as_secs(), 90);
    }
}

#[tokio::test]
async fn one_address_cannot_try_many_accounts() {
    let fixture = fixture().await;
    let stranger = client("192.0.2.9");
    for number in 0..50 {
        let anybody = email(&format!("{number}@example.com"));
        fixture
            .store
            .begin_sign_in(&anybody, &stranger)
            .await
            .unwrap();
    }
    let next = email("next@example.com");
    let refused = fixture
        .store
        .begin_sign_in(&next, &stranger)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::SignInLimited { .. }));
    fixture
        .store
        .begin_sign_in(&next, &client("192.0.2.10"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stranger_does_not_lock_out_who_is_signed_in_elsewhere() {
    let fixture = fixture().await;
    fixture.register().await;
    let anna = email("anna@example.com");
    for _ in 0..10 {
        fixture
            .store
            .begin_sign_in(&anna, &client("192.0.2.9"))
            .await
            .unwrap();
    }
    let stranger = fixture
        .sign_in("anna@example.com", PASSWORD, "192.0.2.9")
        .await;
    assert!(matches!(stranger, Err(Error::SignInLimited { .. })));
    fixture
        .sign_in("anna@example.com", PASSWORD, "192.0.2.1")
        .await
        .unwrap();
}

#[tokio::test]
async fn being_right_fills_the_buckets_again() {
    let fixture = fixture().await;
    fixture.register().await;
    for _ in 0..60 {
        let candidate = fixture
            .store
            .begin_sign_in(&email("anna@example.com"), &client("192.0.2.9"))
            .await;
        let stranger = client("192.0.2.9");
        fixture
            .store
            .complete_sign_in(candidate.unwrap(), stranger, false)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_password_changed_while_it_is_checked_lets_nobody_in() {
    let fixture = fixture().await;
    let owner = fixture.register().await;
    let anna = email("anna@example.com");
    let candidate = fixture
        .store
        .begin_sign_in(&anna, &client("192.0.2.9"))
        .await
        .unwrap();
    let caller = fixture
        .store
        .caller(owner.token.expose(), Client::default())
        .await
        .unwrap();
    let scope = caller.require(t11_core::Permission::SelfManage).unwrap();
    let new = SecretString::from("another horse");
    fixture
        .authenticator
        .change_password(&scope, PASSWORD.into(), new)
        .await
        .unwrap();
    let late = fixture
        .store
        .complete_sign_in(candidate, client("192.0.2.9"), false)
        .await;
    assert!(matches!(late, Err(Error::CredentialsWrong)));
}

#[tokio::test]
async fn two_of_the_same_registration_at_once_make_one_account() {
    let fixture = fixture().await;
    let request_id = Some(Uuid::from_u128(5));
    let (first, second) = tokio::join!(
        fixture
            .authenticator
            .register(registration(request_id), Client::default()),
        fixture
            .authenticator
            .register(registration(request_id), Client::default()),
    );
    assert_eq!(first.unwrap().me.user.id, second.unwrap().me.user.id);
}

#[tokio::test]
async fn a_registration_is_repeatable_for_a_day() {
    let fixture = fixture().await;
    let request_id = Some(Uuid::from_u128(5));
    let again = || {
        fixture
            .authenticator
            .register(registration(request_id), Client::default())
    };
    again().await.unwrap();
    fixture.clock.advance(TimeDelta::hours(24));
    again().await.unwrap();
    fixture.clock.advance(TimeDelta::seconds(1));
    assert!(matches!(again().await, Err(Error::EmailTaken)));
}

#[tokio::test]
async fn the_old_password_is_tried_a_few_times_only() {
    let fixture = fixture().await;
    let owner = fixture.register().await;
    for _ in 0..10 {
        fixture
            .store
            .try_old_password(owner.session.id)
            .await
            .unwrap();
    }
    let refused = fixture.store.try_old_password(owner.session.id).await;
    assert!(matches!(refused, Err(Error::SignInLimited { .. })));
}

#[tokio::test]
async fn a_sweep_takes_what_has_expired_and_nothing_else() {
    let fixture = fixture().await;
    let owner = fixture.register().await;
    fixture
        .store
        .begin_sign_in(&email("x@example.com"), &Client::default())
        .await
        .unwrap();
    fixture.store.sweep().await.unwrap();
    fixture
        .store
        .caller(owner.token.expose(), Client::default())
        .await
        .unwrap();
    fixture.clock.advance(TimeDelta::hours(13));
    fixture.store.sweep().await.unwrap();
    let ended = fixture
        .store
        .caller(owner.token.expose(), Client::default())
        .await;
    assert!(matches!(ended, Err(Error::SessionInvalid)));
    assert_eq!(
        fixture.rows("sessions").await + fixture.rows("session_tokens").await,
        0
    );
    assert_eq!(fixture.rows("sign_in_buckets").await, 0);
    assert_eq!(fixture.rows("users").await, 1);
}

impl Fixture {
    async fn rows(&self, table: &'static str) -> i64 {
        use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
        let count = self
            .db
            .read(t11_store::System("test"), move |tx| async move {
                let backend: DbBackend = tx.get_database_backend();
                let sql = format!("SELECT count(*) AS n FROM {table}");
                let row = tx
                    .query_one_raw(Statement::from_string(backend, sql))
                    .await?;
                Ok::<i64, t11_store::StoreError>(row.unwrap().try_get("", "n")?)
            });
        count.await.unwrap()
    }
}
