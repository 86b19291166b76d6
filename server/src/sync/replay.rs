//! A document rebuilt from what is stored, beside its room: to check a snapshot before it counts,
//! and for `sangam check`.

use crate::store::{Loaded, Sequence};
use crate::sync::fragile::Fragile;
use crate::sync::guard::{Guard, Schema};
use std::panic::{AssertUnwindSafe, catch_unwind};
use yrs::types::ToJson;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Transact, Update};

/// A document on its way through its log.
pub struct Replay {
    doc: Fragile,
    guard: Guard,
}

/// The bytes pass their check, and are no update that fits here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be decoded")]
pub struct Undecodable;

/// What a document says, in a form that can be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    seen: StateVector,
    roots: Vec<(String, serde_json::Value, String)>,
}

impl Default for Replay {
    fn default() -> Self {
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            cleanup_formatting: false,
            // Nothing is ever written here.
            ..Options::with_client_id(yrs::block::ClientID::new(1))
        });
        Self { doc: Fragile::new(doc), guard: Guard::new(Schema::Open) }
    }
}

impl Replay {
    /// Applies a snapshot or a delta. After an error the replay stands where it stood before,
    /// and is of no further use.
    ///
    /// # Errors
    /// [`Undecodable`]
    pub fn take(&mut self, update: &[u8]) -> Result<(), Undecodable> {
        self.take_all([update])
    }

    /// The same for several, one after the other, in one transaction: yrs tidies up once, not once
    /// for each.
    ///
    /// # Errors
    /// [`Undecodable`] at the first that is no update.
    pub fn take_all<'u>(
        &mut self,
        updates: impl IntoIterator<Item = &'u [u8]>,
    ) -> Result<(), Undecodable> {
        if self.doc.is_lost() {
            return Err(Undecodable);
        }
        let (doc, guard) = (&*self.doc, &mut self.guard);
        let applied = catch_unwind(AssertUnwindSafe(|| {
            let mut txn = doc.transact_mut();
            for update in updates {
                // The guard first: yrs must not see what it would panic at.
                if guard.index(update).is_err() {
                    return Some(false);
                }
                txn.apply_update(Update::decode_v1(update).ok()?).ok()?;
            }
            Some(true)
        }));
        let Ok(Some(fits)) = applied else {
            self.doc.lose();
            return Err(Undecodable);
        };
        if fits { Ok(()) } else { Err(Undecodable) }
    }

    /// What the document says now.
    ///
    /// # Errors
    /// [`Undecodable`] where it is broken.
    pub fn said(&self) -> Result<Said, Undecodable> {
        if self.doc.is_lost() {
            return Err(Undecodable);
        }
        let txn = self.doc.transact();
        let mut names: Vec<String> = txn.root_refs().map(|(name, _)| name.to_owned()).collect();
        names.sort_unstable();
        let seen = txn.state_vector();
        drop(txn);
        let roots = names.into_iter().map(|name| {
            // A root is whatever it is asked for as: one holds keys, the other a sequence.
            let map = self.doc.get_or_insert_map(name.as_str());
            let text = self.doc.get_or_insert_text(name.as_str());
            let txn = self.doc.transact();
            let map = serde_json::to_value(map.to_json(&txn)).unwrap_or_default();
            let text = text.get_string(&txn);
            (name, map, text)
        });
        Ok(Said { seen, roots: roots.collect() })
    }
}

/// Whether a snapshot decodes, and says what the log says up to the same sequence.
#[must_use]
pub fn is_true(loaded: &Loaded, upto: Sequence, snapshot: &[u8]) -> bool {
    let mut log = Replay::default();
    let base = loaded.snapshot.iter().map(|(_, update)| update);
    let tail = loaded.tail.iter().take_while(|stored| stored.sequence <= upto);
    let reached = tail.clone().last().map(|stored| stored.sequence);
    let updates = base.chain(tail.map(|stored| &stored.delta.update)).map(|update| &update[..]);
    let mut other = Replay::default();
    reached == Some(upto)
        && log.take_all(updates).is_ok()
        && other.take(snapshot).is_ok()
        && matches!((log.said(), other.said()), (Ok(log), Ok(other)) if log == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Author, Delta, Stored};
    use yrs::{Map, Text};

    /// A log of three edits.
    fn log() -> Loaded {
        let doc = Doc::with_client_id(7);
        let (text, map) = (doc.get_or_insert_text("minutes"), doc.get_or_insert_map("ideas"));
        let mut tail = Vec::new();
        for n in 0..3_u64 {
            let mut txn = doc.transact_mut();
            text.insert(&mut txn, 0, "abc ");
            text.remove_range(&mut txn, 0, 1);
            map.insert(&mut txn, "key", format!("{n}"));
            txn.commit();
            let update = txn.encode_update_v1().into();
            let delta = Delta { author: Author::Server, at_ms: 0, update };
            tail.push(Stored { sequence: n + 1, delta });
        }
        Loaded { tail, head: 3, ..Loaded::default() }
    }

    fn snapshot(updates: &[Stored]) -> Vec<u8> {
        let doc = Doc::new();
        for stored in updates {
            let update = Update::decode_v1(&stored.delta.update).unwrap();
            doc.transact_mut().apply_update(update).unwrap();
        }
        doc.transact().encode_diff_v1(&StateVector::default())
    }

    #[test]
    fn a_snapshot_of_the_log_is_true() {
        let log = log();
        assert!(is_true(&log, 3, &snapshot(&log.tail)));
        assert!(is_true(&log, 2, &snapshot(&log.tail[..2])));
        let later = Loaded {
            snapshot: Some((2, snapshot(&log.tail[..2]).into())),
            tail: log.tail[2..].to_vec(),
            ..log.clone()
        };
        assert!(is_true(&later, 3, &snapshot(&log.tail)));
    }

    #[test]
    fn a_snapshot_of_something_else_is_not() {
        let log = log();
        assert!(!is_true(&log, 3, &snapshot(&log.tail[..2])), "an edit is missing");
        assert!(!is_true(&log, 2, &snapshot(&log.tail)), "an edit too many");
        assert!(!is_true(&log, 4, &snapshot(&log.tail)), "the log does not reach so far");
        assert!(!is_true(&log, 3, b""), "it is no update");
        let mut flipped = snapshot(&log.tail);
        let at = flipped.windows(2).position(|two| two == b"bc").unwrap();
        flipped[at] ^= 1;
        assert!(!is_true(&log, 3, &flipped), "a letter is another");
    }
}
