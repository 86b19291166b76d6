//! How often a room may start a batch. A quiet room starts at once. A room in which edits come in
//! company waits a few milliseconds for more: each batch costs every reader a frame and a system
//! call, however much is in it, so that the cost of an edit falls as the rate rises.

use sangam_shared::limits;

/// When the last batch began, and how many came in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    begun_ms: u64,
    edits: usize,
}

impl Pace {
    /// A batch of so many edits begins.
    pub fn begin(&mut self, now_ms: u64, edits: usize) {
        *self = Self { begun_ms: now_ms, edits };
    }

    /// When the next batch may begin. An edit that came alone makes nobody wait.
    #[must_use]
    pub fn next_ms(&self) -> u64 {
        let company = self.edits.saturating_sub(1) as u64;
        let spacing =
            (company * limits::BATCH_SPACING_PER_EDIT_MS).min(limits::BATCH_SPACING_MS_MAX);
        self.begun_ms.saturating_add(spacing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_that_came_alone_makes_nobody_wait() {
        let mut pace = Pace::default();
        assert_eq!(pace.next_ms(), 0);
        pace.begin(1_000, 1);
        assert_eq!(pace.next_ms(), 1_000);
    }

    #[test]
    fn a_busy_room_waits_longer_up_to_a_limit() {
        let mut pace = Pace::default();
        pace.begin(1_000, 2);
        let some = pace.next_ms();
        pace.begin(1_000, 3);
        assert!(some > 1_000 && pace.next_ms() > some);
        pace.begin(1_000, 10_000);
        assert_eq!(pace.next_ms(), 1_000 + limits::BATCH_SPACING_MS_MAX);
    }

    /// Edits at random moments, each batch on disk after 2 ms: how many batches a second there are.
    #[test]
    fn frames_level_off_while_the_rate_rises() {
        let batches_per_s = |edits_per_s: u64| {
            let (mut pace, mut batches, mut waiting, mut stored_ms) = (Pace::default(), 0, 0, 0);
            let mut dice = 1_u64;
            for now_ms in 0..10_000 {
                for _ in 0..20 {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    waiting += usize::from((dice >> 33) % 20_000 < edits_per_s);
                }
                if waiting > 0 && now_ms >= stored_ms && now_ms >= pace.next_ms() {
                    pace.begin(now_ms, waiting);
                    (waiting, stored_ms, batches) = (0, now_ms + 2, batches + 1);
                }
            }
            batches / 10
        };
        assert!(batches_per_s(20) >= 19, "a calm room: as many as edits");
        assert!(batches_per_s(1_000) <= 150);
        assert!(batches_per_s(10_000) <= 130);
    }
}
