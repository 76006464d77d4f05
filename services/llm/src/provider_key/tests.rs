use chrono::TimeDelta;
use t11_core::{ManualWorld, World};

use super::*;

fn clock() -> (std::sync::Arc<ManualWorld>, World) {
    let start = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    let manual = ManualWorld::new(start, 7);
    let world = manual.world();
    (manual, world)
}

fn key(priority: i32) -> Candidate {
    Candidate {
        priority,
        bench: None,
    }
}

fn failure(class: FailureClass) -> Failure {
    Failure {
        of_key: true,
        ..Failure::new(class, "test", "")
    }
}

fn limited(wait: u64) -> Failure {
    Failure {
        retry_after: Some(Duration::from_secs(wait)),
        ..failure(FailureClass::Limited)
    }
}

#[test]
fn the_first_priority_serves_in_turn() {
    let (_, world) = clock();
    let keys = [key(5), key(0), key(0), key(5)];
    let chosen = |turn| choose(&keys, turn, world.now());
    assert_eq!([0, 1, 2].map(chosen), [Some(1), Some(2), Some(1)]);
    assert_eq!(choose(&[], 0, world.now()), None);
}

#[test]
fn a_benched_key_serves_again_when_its_time_is_over() {
    let (manual, world) = clock();
    let mut keys = [key(0), key(1)];
    keys[0].bench = Bench::after(&limited(30), world.now());
    assert_eq!(choose(&keys, 0, world.now()), Some(1));
    manual.advance(TimeDelta::seconds(29));
    assert_eq!(choose(&keys, 0, world.now()), Some(1));
    manual.advance(TimeDelta::seconds(1));
    assert_eq!(choose(&keys, 0, world.now()), Some(0));
}

#[test]
fn each_failure_benches_for_its_own_time() {
    let (_, world) = clock();
    let now = world.now();
    let after = |failure: &Failure| {
        let bench = Bench::after(failure, now)?;
        Some((
            bench.reason,
            bench.until.map(|until| (until - now).num_seconds()),
        ))
    };
    use FailureClass as C;
    assert_eq!(
        after(&failure(C::KeyRefused)),
        Some((BenchReason::Refused, None))
    );
    assert_eq!(
        after(&failure(C::Forbidden)),
        Some((BenchReason::Refused, None))
    );
    let unpaid = Some((BenchReason::Unpaid, Some(3_600)));
    assert_eq!(after(&failure(C::Unpaid)), unpaid);
    let for_time = |seconds| Some((BenchReason::Limited, Some(seconds)));
    assert_eq!(after(&limited(17)), for_time(17));
    assert_eq!(after(&limited(86_400)), for_time(600));
    assert_eq!(after(&failure(C::Limited)), for_time(5));
    for class in [C::Unavailable, C::ModelUnknown, C::Cut, C::Refused] {
        assert_eq!(after(&failure(class)), None, "{class:?}");
    }
    let not_its_fault = Failure::new(C::Limited, "http_429", "");
    assert_eq!(after(&not_its_fault), None);
}

#[test]
fn with_all_benched_the_first_end_is_told() {
    let (manual, world) = clock();
    let mut keys = [key(0), key(0), key(1)];
    keys[0].bench = Bench::after(&failure(FailureClass::KeyRefused), world.now());
    keys[1].bench = Bench::after(&limited(60), world.now());
    keys[2].bench = Bench::after(&failure(FailureClass::Unpaid), world.now());
    manual.advance(TimeDelta::seconds(20));
    assert_eq!(choose(&keys, 0, world.now()), None);
    let exhausted = KeysExhausted::new(&keys, world.now());
    assert_eq!(exhausted.wait, Some(Duration::from_secs(40)));
    let refused = KeysExhausted::new(&keys[..1], world.now());
    assert_eq!(refused.wait, None);
    manual.advance(TimeDelta::days(400));
    assert_eq!(choose(&keys[..1], 0, world.now()), None);
}

#[test]
fn a_hint_is_the_end_of_a_secret() {
    assert_eq!(hint("sk-or-v1-abcdef"), "cdef");
    assert_eq!(hint("ключ"), "ключ");
    assert_eq!(hint("ab"), "ab");
}
