//! When a failed job is tried again.

use chrono::TimeDelta;

/// Exponential back-off with full jitter: anything from nothing to `base · 2^(attempt-1)`, at most
/// `max`. Spread over the whole range, failures of one moment do not come back as one wave
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
///
/// `attempt` is the number of failed tries; `random` is uniform over all of `u64`.
pub fn back_off(attempt: i32, base: TimeDelta, max: TimeDelta, random: u64) -> TimeDelta {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(30);
    let ceiling = base.checked_mul(1 << doublings).unwrap_or(max).min(max);
    let millis = u128::try_from(ceiling.num_milliseconds()).unwrap_or(0) + 1;
    // The high half of the product is uniform over 0..millis.
    let chosen = (u128::from(random) * millis) >> 64;
    TimeDelta::milliseconds(i64::try_from(chosen).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: TimeDelta = TimeDelta::seconds(2);
    const MAX: TimeDelta = TimeDelta::minutes(10);

    #[test]
    fn the_ceiling_doubles_up_to_the_maximum() {
        let ceiling = |attempt| back_off(attempt, BASE, MAX, u64::MAX).num_seconds();
        let ceilings: Vec<_> = (1..=10).map(ceiling).collect();
        assert_eq!(ceilings, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600]);
        assert_eq!(back_off(5, BASE, MAX, 0), TimeDelta::zero());
    }

    proptest! {
        #[test]
        fn never_beyond_the_maximum(attempt: i32, random: u64) {
            let delay = back_off(attempt.max(1), BASE, MAX, random);
            prop_assert!((TimeDelta::zero()..=MAX).contains(&delay));
        }
    }
}
