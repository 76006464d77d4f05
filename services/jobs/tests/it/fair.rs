//! What fairness promises.

use chrono::TimeDelta;
use t11_jobs::config::{Config, OrganizationConfig};
use t11_jobs::job::NewJob;

use crate::bed::{Bed, org_id, scope};

/// Runs jobs `batch` at a time until `small` organization 2 has had all; the positions in which
/// its jobs were taken.
async fn positions_of_second(bed: &Bed, batch: usize, jobs: usize) -> Vec<usize> {
    let mut worker = bed.worker("w");
    let (mut position, mut positions) = (0, Vec::new());
    while positions.len() < jobs {
        let leased = bed.take(&mut worker, batch).await;
        assert!(!leased.is_empty());
        for leased in leased {
            position += 1;
            if leased.job.org == org_id(2) {
                positions.push(position);
            }
            bed.succeed(&mut worker, &leased).await;
        }
    }
    positions
}

#[tokio::test]
async fn a_small_organization_behind_a_flood_is_served_in_turn() {
    let bed = Bed::new().await;
    for _ in 0..10 {
        bed.enqueue((0..1000).map(|_| bed.job(1)).collect()).await;
    }
    bed.enqueue((0..10).map(|_| bed.job(2)).collect()).await;
    let concurrency = 4;
    let positions = positions_of_second(&bed, concurrency, 10).await;
    assert!(
        positions
            .iter()
            .all(|position| *position <= 20 + concurrency),
        "{positions:?}"
    );
    bed.check_counts([2]).await;
}

#[tokio::test]
async fn a_small_organization_that_comes_in_the_middle_of_a_flood_is_served_in_turn() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("before");
    bed.enqueue((0..300).map(|_| bed.job(1)).collect()).await;
    for _ in 0..50 {
        for leased in bed.take(&mut worker, 4).await {
            bed.succeed(&mut worker, &leased).await;
        }
    }
    bed.enqueue((0..10).map(|_| bed.job(2)).collect()).await;
    let positions = positions_of_second(&bed, 1, 10).await;
    assert!(
        positions.iter().all(|position| *position <= 21),
        "{positions:?}"
    );
}

#[tokio::test]
async fn an_organization_at_its_cap_does_not_fill_the_window() {
    let bed = Bed::with(Config {
        max_running_per_organization: 3,
        ..Config::default()
    })
    .await;
    let mut worker = bed.worker("w");
    bed.enqueue((0..100).map(|_| bed.job(1)).collect()).await;
    bed.enqueue((0..2).map(|_| bed.job(2)).collect()).await;
    let mut of_first = bed.take(&mut worker, 3).await;
    of_first.extend(bed.take(&mut worker, 10).await);
    let (of_first, of_second): (Vec<_>, Vec<_>) = of_first
        .into_iter()
        .partition(|leased| leased.job.org == org_id(1));
    assert_eq!((of_first.len(), of_second.len()), (3, 2));
    assert!(
        bed.take(&mut worker, 10).await.is_empty(),
        "all that may run is running"
    );
    bed.succeed(&mut worker, &of_first[0]).await;
    assert_eq!(
        bed.take(&mut worker, 10).await.len(),
        1,
        "a slot of its own came free"
    );
    bed.check_counts([1, 2]).await;
}

#[tokio::test]
async fn weight_is_worth_turns() {
    let heavy = OrganizationConfig {
        weight: 3,
        max_running: None,
    };
    let organizations = [(org_id(1).0, heavy)].into();
    let config = Config {
        organizations,
        max_running_per_organization: 1000,
        ..Config::default()
    };
    let bed = Bed::with(config).await;
    let mut worker = bed.worker("w");
    bed.enqueue((0..100).flat_map(|_| [bed.job(1), bed.job(2)]).collect())
        .await;
    let leased = bed.take(&mut worker, 40).await;
    let of_heavy = leased
        .iter()
        .filter(|leased| leased.job.org == org_id(1))
        .count();
    assert_eq!(of_heavy, 30);
}

#[tokio::test]
async fn a_paused_queue_gives_nothing_until_it_is_resumed() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    bed.enqueue(vec![bed.job(1), bed.job(1), bed.job(2)]).await;
    let paused = bed
        .queue
        .set_paused(&scope(1), "agents".to_owned(), true)
        .await
        .unwrap();
    assert!(paused.line.paused);
    let leased = bed.take(&mut worker, 10).await;
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].job.org, org_id(2));
    bed.enqueue(vec![bed.job(1)]).await;
    assert!(bed.take(&mut worker, 10).await.is_empty());
    bed.queue
        .set_paused(&scope(1), "agents".to_owned(), false)
        .await
        .unwrap();
    assert_eq!(bed.take(&mut worker, 10).await.len(), 3);
    assert!(
        bed.queue
            .set_paused(&scope(1), "unheard".to_owned(), true)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn waiting_long_goes_before_urgency() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let patient = bed.enqueue_one(bed.job(1)).await;
    bed.advance(TimeDelta::minutes(11));
    bed.enqueue(
        (0..20)
            .map(|_| NewJob {
                priority: 10,
                ..bed.job(1)
            })
            .collect(),
    )
    .await;
    assert_eq!(bed.take(&mut worker, 1).await[0].job.id, patient);
}

#[tokio::test]
async fn counts_that_went_wrong_are_counted_anew() {
    use sea_orm::ConnectionTrait as _;
    use t11_store::{StoreError, System};
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    bed.enqueue(vec![bed.job(1), bed.job(1), bed.job(2)]).await;
    bed.db
        .write(System("break the counts"), |tx| async move {
            tx.execute_unprepared("UPDATE queue_orgs SET ready = 77, running = 5")
                .await?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    bed.store.recount().await.unwrap();
    bed.check_counts([1, 2]).await;
    assert_eq!(bed.take(&mut worker, 10).await.len(), 3);
}
