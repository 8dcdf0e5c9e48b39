//! How long requests took, in buckets whose bounds are fixed: the same for all apps, so that they can be added up.

/// Upper bounds in microseconds, each below twice the one before: a quantile is off by less than that. What takes longer than the last is
/// counted behind it.
pub(super) const BOUNDS_US: [u64; 42] = [
    10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 50_000,
    70_000, 100_000, 150_000, 200_000, 300_000, 500_000, 700_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000, 5_000_000, 7_000_000,
    10_000_000, 15_000_000, 20_000_000, 30_000_000, 50_000_000, 70_000_000,
];

/// Buckets, the one behind the last bound among them.
pub(super) const BUCKETS: usize = BOUNDS_US.len() + 1;

/// The bucket that a duration belongs to.
pub(super) fn bucket(us: u64) -> usize {
    BOUNDS_US.partition_point(|bound| *bound < us)
}

/// A distribution of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durations {
    pub(super) counts: [u64; BUCKETS],
    pub(super) sum_us: u64,
}

impl Default for Durations {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], sum_us: 0 }
    }
}

impl Durations {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together, in microseconds.
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// How many took no longer than a bound.
    pub(super) fn up_to(&self, bound_us: u64) -> u64 {
        self.counts.iter().zip(BOUNDS_US).filter(|(_, bound)| *bound <= bound_us).map(|(count, _)| count).sum()
    }

    /// What has come since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut counts = self.counts;
        counts.iter_mut().zip(before.counts).for_each(|(count, before)| *count = count.saturating_sub(before));
        Self { counts, sum_us: self.sum_us.saturating_sub(before.sum_us) }
    }

    /// The duration in microseconds that so many of a thousand are within, as if they were spread evenly in their bucket; none of none.
    pub fn quantile_us(&self, permille: u64) -> Option<u64> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = (total * permille.min(1_000)).div_ceil(1_000).max(1);
        let mut below = 0;
        for (index, count) in self.counts.iter().enumerate() {
            if below + count >= rank {
                let low = if index == 0 { 0 } else { BOUNDS_US[index - 1] };
                let Some(high) = BOUNDS_US.get(index) else { return Some(low) };
                return Some(low + (high - low) * (rank - below) / count);
            }
            below += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(durations: &[u64]) -> Durations {
        let mut made = Durations::default();
        for us in durations {
            made.counts[bucket(*us)] += 1;
            made.sum_us += us;
        }
        made
    }

    #[test]
    fn a_bound_belongs_to_what_is_below_it() {
        assert_eq!((bucket(0), bucket(10), bucket(11), bucket(15)), (0, 0, 1, 1));
        assert_eq!((bucket(70_000_000), bucket(70_000_001), bucket(u64::MAX)), (BUCKETS - 2, BUCKETS - 1, BUCKETS - 1));
        assert!(BOUNDS_US.windows(2).all(|pair| pair[0] < pair[1] && pair[1] <= pair[0] * 2));
    }

    #[test]
    fn quantiles_are_within_the_bucket_of_what_they_stand_for() {
        assert_eq!(Durations::default().quantile_us(500), None);
        let mut all: Vec<u64> = (0..99).map(|_| 1_800).collect();
        all.push(40_000);
        let durations = of(&all);
        let median = durations.quantile_us(500).unwrap();
        assert!((1_500..=2_000).contains(&median), "{median}");
        assert!(durations.quantile_us(990).unwrap() <= 2_000);
        assert!((30_000..=50_000).contains(&durations.quantile_us(1_000).unwrap()));
        assert_eq!(of(&[u64::MAX]).quantile_us(990), Some(70_000_000));
    }

    #[test]
    fn what_came_since_is_a_distribution_too() {
        let before = of(&[100, 100]);
        let after = of(&[100, 100, 9_000]);
        assert_eq!(after.since(&before), of(&[9_000]));
        assert_eq!((after.count(), after.up_to(100), after.up_to(10_000)), (3, 2, 3));
    }
}
