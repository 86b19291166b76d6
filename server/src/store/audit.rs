//! The audit log's rows: who did what to which id when, and whether it was done. Each entry holds
//! the hash of the one before, so that nobody changes, drops or swaps one unseen ([ADR 18]).
//!
//! The engine numbers and chains the entries inside the transaction that they describe; what they
//! say is for `event/audit` to choose.
//!
//! [ADR 18]: ../../../docs/adr/0018-audit-log.md

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What an entry says. Ids and codes alone: no name, no text, no token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The event whose chain it belongs to; nil for what concerns no event.
    pub event: Uuid,
    /// Milliseconds since 1970-01-01 UTC, by the server's clock.
    pub at_ms: u64,
    /// Who: `person:ID`, `link:ID`, `server`, `operator`, `nobody`.
    pub by: String,
    /// Their role at that moment; empty where they had none.
    pub role: String,
    /// What: `person.joined`.
    pub act: String,
    /// The ids that it was about, separated by blanks.
    pub about: String,
    /// `done`, or the code of the refusal.
    pub outcome: String,
    /// How many times: refusals that repeat are one entry.
    pub count: u64,
}

/// SHA-256 of an entry and, through it, of all before.
pub type Hash = [u8; 32];

/// What stands before the first entry of a chain.
pub const BEGINNING: Hash = [0; 32];

/// A note at its place in its event's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Its place, from 1, dense.
    pub sequence: u64,
    /// What it says.
    pub note: Note,
    /// Its hash.
    pub hash: Hash,
}

/// Where a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The event; nil for the server's own chain.
    pub event: Uuid,
    /// The last entry's place; 0 where there is none.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// The head of a chain that has no entry yet.
    #[must_use]
    pub fn beginning(event: Uuid) -> Self {
        Self { event, sequence: 0, hash: BEGINNING }
    }

    /// The head after one more entry.
    #[must_use]
    pub fn after(&self, note: &Note) -> Self {
        let sequence = self.sequence + 1;
        Self { event: self.event, sequence, hash: chained(&self.hash, sequence, note) }
    }
}

/// The hash of an entry: over the one before, its place and every field, each with its length, so
/// that no byte can move from one field to the next. Anybody can compute it from the exported
/// lines: docs/PRIVACY.md says how.
#[must_use]
pub fn chained(before: &Hash, sequence: u64, note: &Note) -> Hash {
    let mut hasher = Sha256::new();
    let (sequence, at_ms) = (sequence.to_string(), note.at_ms.to_string());
    let (event, count) = (note.event.to_string(), note.count.to_string());
    let fields = [
        &event,
        &sequence,
        &at_ms,
        &note.by,
        &note.role,
        &note.act,
        &note.about,
        &note.outcome,
        &count,
    ];
    hasher.update(before);
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().into()
}

/// A hash as people copy it.
#[must_use]
pub fn hex(hash: &Hash) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

/// Where a chain is broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The place at which it is noticed.
    pub sequence: u64,
    /// A clause: "is missing".
    pub why: &'static str,
}

/// Follows a chain, entry by entry.
#[derive(Clone, Copy, Debug)]
pub struct Follower {
    reached: Head,
}

impl Follower {
    /// Stands before the first entry.
    #[must_use]
    pub fn new(event: Uuid) -> Self {
        Self { reached: Head::beginning(event) }
    }

    /// The last entry that fitted.
    #[must_use]
    pub fn reached(&self) -> Head {
        self.reached
    }

    /// Goes one entry further.
    ///
    /// # Errors
    /// [`Break`] where it does not follow.
    pub fn follow(&mut self, entry: &Noted) -> Result<(), Break> {
        let next = self.reached.after(&entry.note);
        let sequence = next.sequence;
        let why = if entry.sequence != sequence {
            "is missing"
        } else if entry.hash != next.hash {
            "is not what was written, or not where it was written"
        } else {
            self.reached = next;
            return Ok(());
        };
        Err(Break { sequence, why })
    }

    /// Compares where it has come to with where the chain was noted to end.
    ///
    /// # Errors
    /// [`Break`] where that is elsewhere.
    pub fn end(&self, noted: Option<&Head>) -> Result<(), Break> {
        let reached = self.reached;
        match noted {
            Some(head) if *head == reached => Ok(()),
            None if reached.sequence == 0 => Ok(()),
            Some(head) if head.sequence > reached.sequence => {
                Err(Break { sequence: reached.sequence + 1, why: "is missing at the end" })
            }
            _ => Err(Break {
                sequence: reached.sequence,
                why: "is not the end that was noted with the last entry",
            }),
        }
    }
}

/// Follows a chain from its beginning to where it was noted to end.
#[must_use]
pub fn first_break(entries: &[Noted], head: Option<&Head>, event: Uuid) -> Option<Break> {
    let mut follower = Follower::new(event);
    let broken = entries.iter().find_map(|entry| follower.follow(entry).err());
    broken.or_else(|| follower.end(head).err())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(n: u64) -> Note {
        Note { event: Uuid::from_u128(1), at_ms: n, act: format!("act.{n}"), ..Note::default() }
    }

    fn chain(count: u64) -> (Vec<Noted>, Head) {
        let mut head = Head::beginning(Uuid::from_u128(1));
        let mut entries = Vec::new();
        for n in 1..=count {
            head = head.after(&note(n));
            entries.push(Noted { sequence: n, note: note(n), hash: head.hash });
        }
        (entries, head)
    }

    fn broken_at(entries: &[Noted], head: &Head) -> Option<u64> {
        first_break(entries, Some(head), Uuid::from_u128(1)).map(|found| found.sequence)
    }

    #[test]
    fn a_chain_says_where_it_is_broken() {
        let (entries, head) = chain(5);
        assert_eq!(broken_at(&entries, &head), None);

        let mut changed = entries.clone();
        changed[2].note.about.push('x');
        assert_eq!(broken_at(&changed, &head), Some(3), "a changed field");
        let mut flipped = entries.clone();
        flipped[1].hash[0] ^= 1;
        assert_eq!(broken_at(&flipped, &head), Some(2), "a flipped bit");
        let mut lacking = entries.clone();
        lacking.remove(3);
        assert_eq!(broken_at(&lacking, &head), Some(4), "a deleted entry");
        let mut swapped = entries.clone();
        let (a, b) = (swapped[1].note.clone(), swapped[2].note.clone());
        (swapped[1].note, swapped[2].note) = (b, a);
        assert_eq!(broken_at(&swapped, &head), Some(2), "two that changed places");
        assert_eq!(broken_at(&entries[..3], &head), Some(4), "the end is cut off");
        assert_eq!(broken_at(&[], &head), Some(1), "all is gone");
    }

    #[test]
    fn who_writes_the_chain_anew_meets_the_noted_end() {
        let (entries, head) = chain(4);
        let (mut forged, mut at) = (entries.clone(), Head::beginning(Uuid::from_u128(1)));
        forged[1].note.outcome = "done".to_owned();
        for entry in &mut forged {
            at = at.after(&entry.note);
            entry.hash = at.hash;
        }
        assert_eq!(broken_at(&forged, &head), Some(4));
        assert!(first_break(&entries, None, Uuid::from_u128(1)).is_some(), "no end was noted");
    }

    #[test]
    fn no_byte_moves_from_one_field_to_the_next() {
        let one = Note { by: "ab".into(), role: "c".into(), ..note(1) };
        let other = Note { by: "a".into(), role: "bc".into(), ..note(1) };
        assert_ne!(chained(&BEGINNING, 1, &one), chained(&BEGINNING, 1, &other));
    }
}
