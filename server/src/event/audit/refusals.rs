//! Refusals on their way into the log. The same one again within a minute is counted, not written
//! once more, and so many kinds in a minute are one: whoever knocks all night fills no disk.

use super::By;
use crate::store::audit::Note;
use sangam_shared::limits;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Something was asked for, and refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The event of whoever asked; nil where nothing is known of them.
    pub event: Uuid,
    /// Who asked.
    pub by: By,
    /// What for: the method and the route's pattern, without what stood in its place.
    pub act: String,
    /// The code of the refusal.
    pub code: &'static str,
}

/// What stands for all kinds beyond the limit.
const VARIOUS: &str = "various";

/// Counts until it is time to write.
#[derive(Debug, Default)]
pub struct Refusals {
    kinds: BTreeMap<Refusal, Count>,
}

#[derive(Debug)]
struct Count {
    since_ms: u64,
    first_ms: u64,
    unwritten: u64,
    written: bool,
}

impl Refusals {
    /// Something was refused.
    pub fn note(&mut self, mut refusal: Refusal, now_ms: u64) {
        if !self.kinds.contains_key(&refusal) {
            let of_event = self.kinds.keys().filter(|kind| kind.event == refusal.event).count();
            if of_event >= limits::AUDIT_REFUSALS_PER_MINUTE_MAX {
                refusal =
                    Refusal { by: By::Nobody, act: VARIOUS.to_owned(), code: VARIOUS, ..refusal };
            }
        }
        let count = self.kinds.entry(refusal).or_insert(Count {
            since_ms: now_ms,
            first_ms: now_ms,
            unwritten: 0,
            written: false,
        });
        if count.unwritten == 0 {
            count.first_ms = now_ms;
        }
        count.unwritten += 1;
    }

    /// What is to be written now: each kind at once, and what repeated it after a minute. `all` at
    /// the end of the server's life.
    pub fn due(&mut self, now_ms: u64, all: bool) -> Vec<Note> {
        let mut notes = Vec::new();
        self.kinds.retain(|kind, count| {
            let over = all || now_ms.saturating_sub(count.since_ms) >= limits::AUDIT_REPEATS_MS;
            if count.unwritten > 0 && (over || !count.written) {
                let (by, role) = kind.by.columns();
                notes.push(Note {
                    event: kind.event,
                    at_ms: count.first_ms,
                    by,
                    role,
                    act: kind.act.clone(),
                    about: String::new(),
                    outcome: kind.code.to_owned(),
                    count: std::mem::take(&mut count.unwritten),
                });
                count.written = true;
            }
            !over
        });
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(act: &str) -> Refusal {
        let (event, code) = (Uuid::from_u128(1), "forbidden");
        Refusal { event, by: By::Nobody, act: act.to_owned(), code }
    }

    #[test]
    fn the_first_is_written_at_once_and_its_repeats_after_a_minute_as_one() {
        let mut refusals = Refusals::default();
        refusals.note(refusal("GET /a"), 1_000);
        assert_eq!(refusals.due(1_500, false).len(), 1);
        for n in 0..500 {
            refusals.note(refusal("GET /a"), 2_000 + n);
            assert_eq!(refusals.due(2_000 + n, false), []);
        }
        let later = refusals.due(1_000 + limits::AUDIT_REPEATS_MS, false);
        assert_eq!((later.len(), later[0].count, later[0].at_ms), (1, 500, 2_000));
        assert_eq!(refusals.due(1_000_000, true), []);
    }

    #[test]
    fn a_thousand_kinds_in_a_minute_are_few_entries_and_none_is_uncounted() {
        let mut refusals = Refusals::default();
        for n in 0..1_000 {
            refusals.note(refusal(&format!("GET /{n}")), n);
        }
        let notes = refusals.due(1_000, false);
        assert_eq!(notes.len(), limits::AUDIT_REFUSALS_PER_MINUTE_MAX + 1);
        assert_eq!(notes.iter().map(|note| note.count).sum::<u64>(), 1_000);
        assert!(notes.iter().any(|note| note.outcome == VARIOUS));
    }

    #[test]
    fn what_waits_is_written_at_the_end() {
        let mut refusals = Refusals::default();
        refusals.note(refusal("GET /a"), 1);
        refusals.due(2, false);
        refusals.note(refusal("GET /a"), 3);
        assert_eq!(refusals.due(4, true).len(), 1);
    }
}
