mod renewal;
mod rig;

use std::sync::Arc;

use t11_core::ManualWorld;

use super::*;

#[test]
fn a_pair_is_renewed_long_before_it_ends_and_not_with_its_siblings() {
    let day = Duration::from_secs(86_400);
    let due: Vec<_> = (0..200)
        .map(|seed| {
            let world = ManualWorld::new(DateTime::UNIX_EPOCH, seed);
            due_after(&Arc::clone(&world).world(), day)
        })
        .collect();
    let (first, last) = (due.iter().min().unwrap(), due.iter().max().unwrap());
    assert!(*first >= day * 74 / 100 && *last <= day * 86 / 100);
    assert!(*last - *first > day / 20);
}

#[test]
fn an_idle_pair_is_renewed_weekly_however_long_it_lives() {
    let world = ManualWorld::new(DateTime::UNIX_EPOCH, 1).world();
    assert_eq!(due_after(&world, KEEP_ALIVE * 100), KEEP_ALIVE);
}

#[test]
fn a_life_without_end_ends_never() {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    assert_eq!(later(now, Duration::MAX), DateTime::<Utc>::MAX_UTC);
}
