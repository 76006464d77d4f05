use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _};
use t11_store::{Engine, NewJob, StoreError, System};

use crate::fixture::{add_note, database, new_note, note, org, scope, texts, write_note};

#[tokio::test]
async fn each_organization_sees_and_changes_only_its_own_rows() {
    let db = database().await;
    write_note(&db, 1, "of one").await.unwrap();
    let foreign = write_note(&db, 2, "of two").await.unwrap().id;

    let seen = db
        .write(&scope(1), move |tx| async move {
            let by_id = tx
                .find::<note::Entity>()?
                .filter(note::Column::Id.eq(foreign));
            assert_eq!(by_id.one(&tx).await?, None);
            let changed = tx
                .update_many::<note::Entity>()?
                .col_expr(note::Column::Body, vec![1_u8].into())
                .exec(&tx)
                .await?;
            assert_eq!(changed.rows_affected, 1);
            let seen = tx.find::<note::Entity>()?.all(&tx).await?;
            let deleted = tx.delete_many::<note::Entity>()?.exec(&tx).await?;
            assert_eq!(deleted.rows_affected, 1);
            Ok::<_, StoreError>(seen)
        })
        .await
        .unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].text.as_str(), seen[0].body.as_slice()),
        ("of one", &[1][..])
    );
    assert_eq!(texts(&db).await, ["of two"]);
}

#[tokio::test]
async fn system_access_has_no_organization() {
    let db = database().await;
    db.write(System("test"), |tx| async move {
        assert_eq!(tx.org(), None);
        assert!(tx.scope().is_none());
        assert!(matches!(tx.org_id(), Err(StoreError::WrongOrganization)));
        assert!(tx.find::<note::Entity>().is_err());
        assert!(tx.update_many::<note::Entity>().is_err());
        assert!(tx.delete_many::<note::Entity>().is_err());
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_job_for_another_organization_is_refused() {
    let db = database().await;
    let refused = db
        .write(&scope(1), |tx| async move {
            let mut job = NewJob::new(org(7).0, "q", "k", Vec::new());
            job.org = Some(org(2));
            tx.enqueue(job).await
        })
        .await;
    assert!(matches!(refused, Err(StoreError::WrongOrganization)));
}

/// The second wall: queries that forget the organization.
#[tokio::test]
async fn row_security_hides_other_organizations_on_postgres() {
    let db = database().await;
    if db.engine() == Engine::Sqlite {
        return;
    }
    write_note(&db, 1, "of one").await.unwrap();
    write_note(&db, 2, "of two").await.unwrap();
    let superuser = db
        .read(System("test"), |tx| async move {
            let on = sea_orm::Statement::from_string(
                sea_orm::DbBackend::Postgres,
                "SELECT rolsuper OR rolbypassrls AS over FROM pg_roles WHERE rolname = current_user",
            );
            let row = tx.query_one_raw(on).await?;
            Ok::<_, StoreError>(row.unwrap().try_get::<bool>("", "over")?)
        })
        .await
        .unwrap();
    assert!(
        !superuser,
        "the role of the test URL must be subject to row security"
    );

    let unfiltered = db
        .read(&scope(1), |tx| async move {
            Ok::<_, StoreError>(note::Entity::find().all(&tx).await?)
        })
        .await
        .unwrap();
    assert_eq!(unfiltered.len(), 1);
    let foreign = db
        .write(&scope(1), |tx| async move {
            note::Entity::insert(new_note(org(2), "smuggled"))
                .exec(&tx)
                .await?;
            Ok::<_, StoreError>(())
        })
        .await;
    assert!(
        matches!(foreign, Err(StoreError::Internal(_))),
        "{foreign:?}"
    );
    assert_eq!(texts(&db).await, ["of one", "of two"]);
}

#[tokio::test]
async fn connections_carry_no_organization_over() {
    let db = database().await;
    let calls = (0..200_u32).map(|number| {
        let db = db.db();
        async move {
            let own = u128::from(number % 5 + 1);
            db.write(&scope(own), move |tx| async move {
                add_note(&tx, &format!("{number}")).await?;
                let seen = tx.find::<note::Entity>()?.all(&tx).await?;
                assert!(seen.iter().all(|note| note.org_id == org(own).0));
                if number % 3 == 0 {
                    Err(StoreError::Timeout)
                } else {
                    Ok(())
                }
            })
            .await
        }
    });
    let results = futures::future::join_all(calls).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 133);
    assert_eq!(texts(&db).await.len(), 133);
}
