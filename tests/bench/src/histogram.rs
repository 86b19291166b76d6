//! Latencies in microseconds, in buckets of at most 3 % width: constant memory, constant time.

const FINE: u32 = 5;

/// Counts by latency.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; bucket(u64::MAX) + 1], total: 0 }
    }
}

impl Histogram {
    /// Adds one.
    pub fn record(&mut self, micros: u64) {
        self.record_many(micros, 1);
    }

    /// Adds so many.
    pub fn record_many(&mut self, micros: u64, count: u64) {
        self.counts[bucket(micros)] += count;
        self.total += count;
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The latency, in milliseconds, that `part` of all do not exceed. 0 where there are none.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    #[must_use]
    pub fn quantile_ms(&self, part: f64) -> f64 {
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if *count > 0 && seen as f64 >= self.total as f64 * part {
                return upper(at) as f64 / 1_000.0;
            }
        }
        0.0
    }
}

fn bucket(micros: u64) -> usize {
    let bits = 64 - micros.leading_zeros();
    let shift = bits.saturating_sub(FINE + 1);
    usize::try_from((u64::from(shift) << FINE) + (micros >> shift)).expect("at most 2,000 buckets")
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let shift = (bucket >> FINE).saturating_sub(1);
    let base = (bucket - (shift << FINE)) as u64;
    let next = (u128::from(base) + 1) << shift;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_within_four_percent() {
        for value in (0..2_000).chain([12_345, 999_999, 60_000_000]) {
            let up = upper(bucket(value));
            assert!(up >= value && up - value <= value / 25, "{value} becomes {up}");
        }
    }

    #[test]
    fn quantiles_of_a_line() {
        let mut all = Histogram::default();
        (1..=1_000).for_each(|ms| all.record(ms * 1_000));
        assert!((all.quantile_ms(0.5) - 500.0).abs() < 20.0);
        assert!((all.quantile_ms(0.99) - 990.0).abs() < 40.0);
        assert_eq!(Histogram::default().quantile_ms(0.5).to_bits(), 0);
    }
}
