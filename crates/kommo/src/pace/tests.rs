use std::collections::HashMap;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::*;
use crate::host::Hosts;

/// Spaces the calls of each budget evenly.
#[derive(Default)]
struct Spacing(Mutex<HashMap<String, Instant>>);

#[async_trait]
impl Meter for Spacing {
    async fn count(&self, budget: Budget<'_>) -> Result<(), Duration> {
        let (key, per_second) = match budget {
            Budget::Sync(account) => (format!("sync {account}"), SYNC_PER_SECOND),
            Budget::Account(account) => (format!("account {account}"), ACCOUNT_PER_SECOND),
            Budget::Address => ("address".to_owned(), ADDRESS_PER_SECOND),
        };
        let mut next = self.0.lock();
        let now = Instant::now();
        let slot = next.entry(key).or_insert(now);
        if *slot > now {
            return Err(*slot - now);
        }
        *slot = now + Duration::from_secs(1) / per_second;
        Ok(())
    }
}

fn account(name: &str) -> AccountHost {
    Hosts::kommo()
        .account(&format!("{name}.kommo.com"))
        .unwrap()
}

fn pace() -> Pace {
    Pace::new(Arc::new(Spacing::default()))
}

/// Makes `calls` calls at once; when each was admitted.
async fn admitted(pace: &Pace, account: &AccountHost, lane: Lane, calls: usize) -> Vec<Instant> {
    let call = || async {
        let admission = pace.admit(account, lane).await.unwrap();
        admission.settle(&Ok(()));
        Instant::now()
    };
    join_all(std::iter::repeat_with(call).take(calls)).await
}

fn most_in_a_second(times: &[Instant]) -> usize {
    let within = |from: &Instant| {
        let end = *from + Duration::from_millis(999);
        times
            .iter()
            .filter(|time| (*from..=end).contains(time))
            .count()
    };
    times.iter().map(within).max().unwrap_or(0)
}

fn limited(seconds: u64) -> Result<(), Error> {
    Err(Error::RateLimited {
        retry_after: Duration::from_secs(seconds),
    })
}

fn blocked(seconds: u64) -> Result<(), Error> {
    Err(Error::Blocked {
        retry_after: Duration::from_secs(seconds),
    })
}

async fn refused(pace: &Pace, account: &AccountHost) -> Duration {
    match pace.admit(account, Lane::Reply).await.err() {
        Some(Error::Paced { retry_after }) => retry_after,
        other => panic!("{other:?}"),
    }
}

async fn settle(pace: &Pace, account: &AccountHost, outcome: Result<(), Error>) {
    pace.admit(account, Lane::Reply)
        .await
        .unwrap()
        .settle(&outcome);
}

#[tokio::test(start_paused = true)]
async fn an_account_has_four_a_second_and_all_together_seven() {
    let pace = pace();
    let one = admitted(&pace, &account("one"), Lane::Person, 12).await;
    assert_eq!(most_in_a_second(&one), 4);
    let accounts = ["a", "b", "c", "d"].map(account);
    let all = accounts
        .iter()
        .map(|account| admitted(&pace, account, Lane::Person, 8));
    let all: Vec<_> = join_all(all).await.into_iter().flatten().collect();
    assert_eq!((all.len(), most_in_a_second(&all)), (32, 7));
}

#[tokio::test(start_paused = true)]
async fn synchronisation_leaves_room() {
    let times = admitted(&pace(), &account("one"), Lane::Sync, 8).await;
    assert_eq!(most_in_a_second(&times), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_goes_before_those_who_came_earlier() {
    let (pace, account) = (pace(), account("one"));
    let order = Mutex::new(Vec::new());
    let call = async |lane, after| {
        sleep(Duration::from_millis(after)).await;
        pace.admit(&account, lane).await.unwrap().settle(&Ok(()));
        order.lock().push(lane);
    };
    // The first two take what is there; the others wait for what comes.
    tokio::join!(
        call(Lane::Person, 0),
        call(Lane::Sync, 1),
        call(Lane::Sync, 2),
        call(Lane::Person, 3),
        call(Lane::Person, 4),
        call(Lane::Reply, 5),
    );
    assert_eq!(
        *order.lock(),
        [
            Lane::Person,
            Lane::Reply,
            Lane::Person,
            Lane::Person,
            Lane::Sync,
            Lane::Sync
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_leaves_the_queue() {
    let (pace, account) = (pace(), account("one"));
    settle(&pace, &account, Ok(())).await;
    {
        let waiting = pace.admit(&account, Lane::Reply);
        assert!(
            tokio::time::timeout(Duration::from_millis(10), waiting)
                .await
                .is_err()
        );
    }
    assert_eq!(admitted(&pace, &account, Lane::Sync, 1).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let (pace, account) = (pace(), account("one"));
    let calls = (0..60).map(|_| pace.admit(&account, Lane::Person));
    let outcomes = join_all(calls).await;
    let paced = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(Error::Paced { .. })))
        .count();
    // Ten seconds, four a second, and the one that need not wait.
    assert_eq!(60 - paced, 41);
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_the_account_rests_and_others_do_not() {
    let (pace, one, other) = (pace(), account("one"), account("other"));
    settle(&pace, &one, limited(300)).await;
    let clone = pace.clone();
    assert_eq!(refused(&clone, &one).await, Duration::from_secs(300));
    assert_eq!(clone.resting(&one), Some(Duration::from_secs(300)));
    settle(&clone, &other, Ok(())).await;
    assert_eq!(clone.resting(&other), None);
    sleep(Duration::from_secs(299)).await;
    assert!(refused(&clone, &one).await <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn after_the_rest_one_call_probes() {
    let (pace, one) = (pace(), account("one"));
    settle(&pace, &one, limited(10)).await;
    sleep(Duration::from_secs(10)).await;
    let probe = pace.admit(&one, Lane::Sync).await.unwrap();
    assert_eq!(refused(&pace, &one).await, Duration::from_secs(5));
    probe.settle(&limited(20));
    assert_eq!(refused(&pace, &one).await, Duration::from_secs(20));
    sleep(Duration::from_secs(20)).await;
    let refusal: Result<(), Error> = Err(Error::NotFound(Box::default()));
    pace.admit(&one, Lane::Sync).await.unwrap().settle(&refusal);
    assert_eq!(admitted(&pace, &one, Lane::Sync, 2).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_an_answer_is_followed_by_one_a_minute_later() {
    let (pace, one) = (pace(), account("one"));
    for is_given_up in [true, false] {
        settle(&pace, &one, limited(10)).await;
        sleep(Duration::from_secs(10)).await;
        let probe = pace.admit(&one, Lane::Reply).await.unwrap();
        if is_given_up {
            drop(probe);
        } else {
            probe.settle(&Err::<(), _>(Error::Timeout));
        }
        assert_eq!(refused(&pace, &one).await, Duration::from_secs(60));
        sleep(Duration::from_secs(60)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_under_way_does_not_end_the_rest() {
    let (pace, one) = (pace(), account("one"));
    let slow = pace.admit(&one, Lane::Reply).await.unwrap();
    settle(&pace, &one, limited(300)).await;
    slow.settle(&Ok(()));
    assert_eq!(refused(&pace, &one).await, Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_when_the_rest_begins_are_not_sent() {
    let (pace, one) = (pace(), account("one"));
    let first = pace.admit(&one, Lane::Reply).await.unwrap();
    let waiting = async { refused(&pace, &one).await };
    let refusing = async {
        sleep(Duration::from_millis(100)).await;
        first.settle(&limited(300));
    };
    let (wait, ()) = tokio::join!(waiting, refusing);
    assert!(wait > Duration::from_secs(299), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn several_blocked_accounts_are_a_blocked_address() {
    let (pace, third) = (pace(), account("third"));
    settle(&pace, &account("one"), blocked(300)).await;
    settle(&pace, &third, Ok(())).await;
    settle(&pace, &account("two"), blocked(300)).await;
    assert!(refused(&pace, &third).await > Duration::from_secs(299));
    sleep(Duration::from_secs(300)).await;
    // One call for all.
    let probe = pace.admit(&third, Lane::Reply).await.unwrap();
    refused(&pace, &account("one")).await;
    probe.settle(&blocked(300));
    assert!(refused(&pace, &account("one")).await > Duration::from_secs(299));
    sleep(Duration::from_secs(300)).await;
    pace.admit(&third, Lane::Reply)
        .await
        .unwrap()
        .settle(&Ok(()));
    settle(&pace, &account("one"), Ok(())).await;
}

/// Notes who was refused.
#[derive(Default)]
struct Told(Mutex<Vec<(AccountHost, Refusal)>>);

#[async_trait]
impl Meter for Told {
    async fn count(&self, _: Budget<'_>) -> Result<(), Duration> {
        Ok(())
    }

    fn refused(&self, account: &AccountHost, refusal: Refusal) {
        self.0.lock().push((account.clone(), refusal));
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_replica_is_refused_others_are_told_and_rest() {
    let (told, one) = (Arc::new(Told::default()), account("one"));
    let (here, there) = (Pace::new(told.clone()), pace());
    settle(&here, &one, Ok(())).await;
    assert_eq!(*told.0.lock(), []);
    settle(&here, &one, limited(30)).await;
    let heard = std::mem::take(&mut *told.0.lock());
    assert_eq!(
        heard,
        [(one.clone(), Refusal::Limited(Duration::from_secs(30)))]
    );
    for (account, refusal) in heard {
        there.rest(&account, refusal);
    }
    assert_eq!(refused(&there, &one).await, Duration::from_secs(30));
    assert_eq!(refused(&here, &one).await, Duration::from_secs(30));
}
