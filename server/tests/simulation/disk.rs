//! A disk with an explicit fsync: what was not synced is gone after a crash, and sometimes half of
//! an unanswered write was there after all.

use rand::Rng;
use sangam::store::{Append, Author, ClientId, Delta, Loaded, Sequence, Stored};
use std::collections::HashSet;

#[derive(Clone, Default)]
pub(crate) struct Disk {
    snapshot: Option<(Sequence, bytes::Bytes)>,
    log: Vec<Delta>,
    /// How many deltas the snapshot covers and the log has dropped.
    dropped: usize,
    claims: Vec<(ClientId, Author)>,
    unanswered: Option<Append>,
    /// Everybody who ever wrote.
    pub(crate) authors: HashSet<Author>,
    pub(crate) full: bool,
}

impl Disk {
    pub(crate) fn head(&self) -> Sequence {
        (self.dropped + self.log.len()) as Sequence
    }

    /// A write that no fsync has confirmed yet.
    pub(crate) fn write(&mut self, append: Append) {
        assert!(self.unanswered.is_none(), "a room stores one batch at a time");
        assert_eq!(append.expected_head, self.head(), "the room does not know its own head");
        assert!(!append.deltas.is_empty(), "an empty batch was stored");
        self.unanswered = Some(append);
    }

    pub(crate) fn is_writing(&self) -> bool {
        self.unanswered.is_some()
    }

    /// fsync returns. False when the disk is full; then the write may be there all the same.
    pub(crate) fn sync(&mut self, rng: &mut impl Rng) -> bool {
        let append = self.unanswered.take().expect("something was written");
        let full = self.full;
        if !full || rng.random_bool(0.3) {
            self.keep(append);
        }
        !full
    }

    pub(crate) fn crash(&mut self, rng: &mut impl Rng) {
        if let Some(append) = self.unanswered.take()
            && rng.random_bool(0.5)
        {
            self.keep(append);
        }
    }

    fn keep(&mut self, append: Append) {
        self.authors.extend(append.deltas.iter().map(|delta| delta.author));
        self.log.extend(append.deltas);
        for (client, author) in append.claims {
            if !self.claims.iter().any(|(known, _)| *known == client) {
                self.claims.push((client, author));
            }
        }
    }

    pub(crate) fn owns(&self, client: ClientId) -> bool {
        self.claims.iter().any(|(known, _)| *known == client)
    }

    pub(crate) fn compact(
        &mut self,
        base: Sequence,
        upto: Sequence,
        snapshot: bytes::Bytes,
    ) -> bool {
        if self.snapshot.as_ref().map_or(0, |(at, _)| *at) != base {
            return false;
        }
        let covered = usize::try_from(upto).expect("small") - self.dropped;
        self.log.drain(..covered);
        self.dropped += covered;
        self.snapshot = Some((upto, snapshot));
        true
    }

    pub(crate) fn load(&self) -> Loaded {
        let tail = self.log.iter().enumerate().map(|(i, delta)| Stored {
            sequence: (self.dropped + i + 1) as Sequence,
            delta: delta.clone(),
        });
        Loaded {
            snapshot: self.snapshot.clone(),
            tail: tail.collect(),
            head: self.head(),
            claims: self.claims.clone(),
            damage: None,
        }
    }
}
