//! How often something may happen: a bucket that fills at a rate and is emptied at once.

/// A bucket of so many per minute, all of which may come at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    per_minute: u64,
    /// Sixty-thousandths of one: what a millisecond adds, per one a minute.
    left: u64,
    at_ms: u64,
}

const ONE: u64 = 60_000;

impl Pace {
    /// A full bucket.
    pub(super) fn new(per_minute: u32, now_ms: u64) -> Self {
        let per_minute = u64::from(per_minute);
        Self { per_minute, left: per_minute * ONE, at_ms: now_ms }
    }

    /// Takes one out.
    ///
    /// # Errors
    /// The seconds after which there is one again.
    pub(super) fn take(&mut self, now_ms: u64) -> Result<(), u64> {
        self.look(now_ms)?;
        self.left -= ONE;
        Ok(())
    }

    /// Whether there is one to take.
    ///
    /// # Errors
    /// The seconds after which there is.
    pub(super) fn look(&mut self, now_ms: u64) -> Result<(), u64> {
        let passed = now_ms.saturating_sub(self.at_ms).min(ONE);
        self.at_ms = self.at_ms.max(now_ms);
        self.left = (self.left + passed * self.per_minute).min(self.per_minute * ONE);
        match self.left.checked_sub(ONE) {
            Some(_) => Ok(()),
            None => Err((ONE - self.left).div_ceil(self.per_minute.max(1)).div_ceil(1_000)),
        }
    }

    /// Whether it is as full as it can be: then it remembers nothing.
    pub(super) fn is_full(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) >= ONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_as_fast_as_it_fills() {
        let mut pace = Pace::new(60, 1_000);
        for n in 0..60 {
            assert_eq!(pace.take(1_000), Ok(()), "{n}");
        }
        assert_eq!(pace.take(1_000), Err(1));
        assert_eq!(pace.take(1_999), Err(1));
        assert_eq!(pace.take(2_000), Ok(()));
        assert_eq!(pace.take(2_000), Err(1));
        // However long nobody came, no more than a minute's worth is there.
        let all = (0..1_000).filter(|_| pace.take(1 << 40).is_ok()).count();
        assert_eq!(all, 60);
        // A clock that goes back gives nothing away, and takes nothing.
        assert_eq!(pace.take(5), Err(1));
    }
}
